import { earlier, leaseDeadlines } from '@muster/core';
import type { AgentRegistry, Clock, LeaseDeadlines, LoadedUnit, Log, Systemd } from '@muster/core';
import { isUp } from './plan.ts';

export interface FenceOptions {
  readonly registry: AgentRegistry;
  readonly systemd: Systemd;
  readonly clock: Clock;
  readonly log: Log;
}

const lookEveryMs = 1_000;
const killEveryMs = 200;

/**
 * Ends units with `OnPartition=stop` when this machine has lost its lease, apart from the passes of
 * the agent, which may wait for the store. systemd does the same by itself (see Systemd.hold):
 * either is enough. What cannot be done now is tried again until nothing of it is up.
 */
export class Fence {
  readonly #options: FenceOptions;
  #deadlines: LeaseDeadlines | null = null;

  /** From now on systemd knows of each renewal, also of the last one, after `run` has ended. */
  constructor(options: FenceOptions) {
    const { registry, systemd, log } = options;
    this.#options = options;
    registry.onLease((term) => {
      const deadlines = leaseDeadlines(term);
      this.#deadlines = deadlines;
      systemd.hold(deadlines).catch((err: unknown) => {
        log.warn({ err }, 'cannot pass on for how long this machine has its lease');
      });
    });
    registry.beforeLease((term) => {
      const deadlines = leaseDeadlines(term);
      this.#deadlines = earlier(this.#deadlines ?? deadlines, deadlines);
      return systemd.limit(deadlines);
    });
  }

  /** Units are left as they are when the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { systemd, clock, log } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      const leftMs = this.#left('stopAt');
      try {
        if (leftMs > 0) {
          // A sleep does not count suspend.
          const isMinded = (await systemd.bound()).size > 0;
          await clock.sleep(isMinded ? Math.min(leftMs, lookEveryMs) : leftMs, signal);
          continue;
        }
        const areUp = await this.#end();
        failures = 0;
        await clock.sleep(areUp ? killEveryMs : lookEveryMs, signal);
      } catch (err) {
        failures += 1;
        if (failures === 1) log.warn({ err }, 'cannot end units with OnPartition=stop now');
        await clock.sleep(killEveryMs, signal);
      }
    }
  }

  /** Without a lease since the start of this process: systemd lets none be started. */
  #left(deadline: keyof LeaseDeadlines): number {
    if (this.#deadlines === null) return lookEveryMs;
    return this.#deadlines[deadline] - this.#options.clock.monotonic();
  }

  /** @returns whether anything is up still */
  async #end(): Promise<boolean> {
    const { systemd, log } = this.#options;
    const bound = await systemd.bound();
    if (bound.size === 0) return false;
    const up = (await systemd.listUnits()).filter((unit) => bound.has(unit.name) && isUp(unit));
    if (up.length === 0 || this.#left('stopAt') > 0) return false;
    const units = up.map(({ name }) => name);
    if (this.#left('killAt') <= 0) {
      log.warn({ units }, 'the lease is lost: killed, for they have not ended in time');
      await Promise.all(units.map((name) => systemd.kill(name)));
      return true;
    }
    const running = up.filter((unit) => !isEnding(unit)).map(({ name }) => name);
    if (running.length > 0) {
      log.warn({ units: running }, 'the lease is lost: units with OnPartition=stop are stopped');
      await systemd.noteFenced(running).catch((err: unknown) => {
        log.warn({ err, units: running }, 'cannot note that these are to be started again');
      });
      await Promise.all(running.map((name) => systemd.stop(name)));
    }
    return true;
  }
}

/** What is up again while there is a lease was started by somebody: that is not done twice. */
export async function forgetRisen(
  systemd: Pick<Systemd, 'forgetFenced'>,
  fenced: ReadonlySet<string>,
  loaded: ReadonlyMap<string, LoadedUnit>,
): Promise<void> {
  for (const name of fenced) {
    const unit = loaded.get(name) ?? null;
    if (unit !== null && isUp(unit) && !isEnding(unit)) await systemd.forgetFenced(name);
  }
}

/** Whether it is up and will not be for long. */
function isEnding({ activeState, job }: LoadedUnit): boolean {
  return activeState === 'deactivating' || job === 'stop';
}
