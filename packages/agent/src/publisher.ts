import type { AgentRegistry, Clock, Log, Systemd } from '@muster/core';
import { tellNow } from './damping.ts';
import type { Told } from './damping.ts';
import { ObservedStates } from './observed-states.ts';
import type { Since } from './observed-states.ts';
import type { UnitInput } from './plan.ts';
import { sameReport } from './states.ts';

export interface PublisherOptions {
  readonly registry: AgentRegistry;
  readonly systemd: Systemd;
  readonly clock: Clock;
  readonly log: Log;
  readonly bootId: string;
}

/** What happens while a job is this young is not worth a write: its end follows. */
const youngJobMs = 1_000;

/**
 * Tells the store what became of this machine's units: only what changed, noisy units damped,
 * everything again under a new session.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  /** Under which everything was told; null: it is to be told anew. */
  #session: string | null = null;
  /** What the store holds. */
  #told = new Map<string, Told>();
  /** States that the store may still hold of units nobody here knows of. */
  #leftover = new Set<string>();
  readonly #observed: ObservedStates;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#observed = new ObservedStates(options);
  }

  /**
   * Resolves also when the store could not be written: the next call tells the rest.
   * @returns whether the store knows everything now, and no time will make more of it
   */
  async publish(inputs: readonly UnitInput[], since: Since): Promise<boolean> {
    const { registry, clock, log } = this.#options;
    await this.#observed.look(inputs, since);
    const session = registry.session();
    if (session === null) return false;
    try {
      if (session !== this.#session) await this.#begin(session);
      const now = clock.monotonic();
      const { changes, later } = this.#changes(since, now);
      if (changes.size > 0) {
        await registry.publishStates(new Map([...changes].map(([u, t]) => [u, t?.report ?? null])));
      }
      this.#remember(changes);
      return later === 0 && this.#observed.flapping().length === 0;
    } catch (err) {
      // Whether what was not answered is there is not known.
      this.#session = null;
      log.debug({ err }, 'cannot publish states now');
      return false;
    }
  }

  activeStates(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { report } of this.#observed.states.values()) {
      counts.set(report.activeState, (counts.get(report.activeState) ?? 0) + 1);
    }
    return counts;
  }

  /** Units that are restarted again and again now. */
  flapping(): readonly string[] {
    return this.#observed.flapping();
  }

  /** Everything is told anew; what an earlier musterd told of units that are gone is taken back. */
  async #begin(session: string): Promise<void> {
    this.#leftover = new Set(await this.#options.registry.publishedUnits());
    this.#told = new Map();
    this.#session = session;
  }

  /** What is to be told now, and how many units are to be told later. */
  #changes(since: Since, now: number): { changes: Map<string, Told | null>; later: number } {
    const changes = new Map<string, Told | null>();
    let later = 0;
    for (const [unit, { report, unchangedSince }] of this.#observed.states) {
      const told = this.#told.get(unit);
      if (told !== undefined && sameReport(told.report, report)) continue;
      const asked = since.awaited.get(unit);
      const isYoung = asked !== undefined && now - asked < youngJobMs;
      const next = isYoung ? null : tellNow(told, report, { now, unchangedSince });
      if (next === null) later += 1;
      else changes.set(unit, next);
    }
    for (const unit of [...this.#told.keys(), ...this.#leftover]) {
      if (!this.#observed.states.has(unit) && !since.unreadable.has(unit)) changes.set(unit, null);
    }
    return { changes, later };
  }

  #remember(changes: ReadonlyMap<string, Told | null>): void {
    this.#leftover.clear();
    for (const [unit, told] of changes) {
      if (told === null) this.#told.delete(unit);
      else this.#told.set(unit, told);
    }
  }
}
