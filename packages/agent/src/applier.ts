import {
  HostUnitError,
  MusterError,
  SystemdUnavailableError,
  StoreUnavailableError,
  backoffMs,
} from '@muster/core';
import type { AgentRegistry, Clock, Log, NoteStore, Systemd, UnitNote } from '@muster/core';
import type { AgentObserver } from './agent.ts';
import { noteBefore } from './plan.ts';
import type { UnitTask } from './plan.ts';
import type { Problem } from './states.ts';

export interface ApplierOptions {
  readonly systemd: Systemd;
  readonly notes: NoteStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly observer?: Pick<AgentObserver, 'taskEnded'>;
}

/** What the agent knows, brought up to date while tasks are carried out. */
export interface Knowledge {
  readonly notes: Map<string, UnitNote>;
  readonly files: Map<string, string>;
  /** Whether what the tasks were decided from may still be followed. */
  readonly isHeld: () => boolean;
  /** Unit → when a job was asked for (boot clock), until its end is known. */
  readonly awaited: Map<string, number>;
  /** Where the texts of unit files come from. */
  readonly texts: Pick<AgentRegistry, 'unitFiles'>;
}

export interface Outcome {
  /** Tasks that changed something whose effect no job's end will tell. */
  readonly doneWithoutJob: number;
  readonly failed: number;
  /** Units that were put right though nobody asked. */
  readonly healed: readonly string[];
}

/** A unit that needed nothing for so long begins with the shortest delay again. */
const forgetMs = 10 * 60_000;

/** A unit that is left alone until a time of the boot clock, for what one assignment asks of it. */
interface Delay {
  readonly failures: number;
  readonly until: number;
  /** Mod revision of that assignment; 0: there was none. Another wish is tried at once. */
  readonly revision: number;
}

/** A task that cannot be carried out on this machine, with the sentence for the user. */
class RefusedHere extends MusterError {
  readonly code = 'refused-here';
}

/**
 * Carries tasks out: files first, then at most one daemon-reload, then jobs, pipelined. One unit's
 * failure skips the rest of that unit's task and delays only that unit.
 */
export class Applier {
  readonly #options: ApplierOptions;
  readonly #delays = new Map<string, Delay>();
  readonly #problems = new Map<string, Problem>();

  constructor(options: ApplierOptions) {
    this.#options = options;
  }

  /** Units that muster could not do right, and why. */
  get problems(): ReadonlyMap<string, Problem> {
    return this.#problems;
  }

  /** Whether a unit is still to be left alone with what this assignment asks. */
  isDelayed(unit: string, revision: number): boolean {
    const delay = this.#delays.get(unit);
    return delay?.revision === revision && this.#options.clock.monotonic() < delay.until;
  }

  /** Forgets the failures of units that are none of this machine's business any more. */
  keepOnly(units: ReadonlySet<string>): void {
    for (const unit of this.#delays.keys()) if (!units.has(unit)) this.#delays.delete(unit);
    for (const unit of this.#problems.keys()) if (!units.has(unit)) this.#problems.delete(unit);
  }

  /** Whether there is a unit to be tried again later. */
  hasDelays(): boolean {
    const now = this.#options.clock.monotonic();
    return [...this.#delays.values()].some(({ until }) => until > now);
  }

  async apply(tasks: readonly UnitTask[], known: Knowledge): Promise<Outcome> {
    const failed = new Set<string>();
    const attempt = async (task: UnitTask, step: () => Promise<void>): Promise<void> => {
      if (failed.has(task.unit)) return;
      try {
        assertHeld(task, known);
        await step();
      } catch (error) {
        failed.add(task.unit);
        this.#fail(task, error);
      }
    };
    const texts = await this.#texts(tasks, known);
    const each = (step: (task: UnitTask) => Promise<void>): Promise<void[]> =>
      Promise.all(tasks.map((task) => attempt(task, () => step(task))));
    await each((task) => this.#write(task, texts, known));
    await each((task) => this.#remove(task, known));
    await this.#reload(tasks, { known, failed, attempt });
    await each((task) => this.#job(task, known));
    for (const task of tasks) {
      const isFailed = failed.has(task.unit);
      if (!isFailed) this.#succeed(task);
      this.#options.observer?.taskEnded(task.job ?? 'none', isFailed ? 'failed' : 'done');
    }
    const doneWithoutJob = tasks.filter((t) => t.job === null && !failed.has(t.unit)).length;
    const healed = tasks.filter((t) => t.isHealing && !failed.has(t.unit)).map((t) => t.unit);
    return { doneWithoutJob, failed: failed.size, healed };
  }

  async #texts(
    tasks: readonly UnitTask[],
    { texts }: Knowledge,
  ): Promise<ReadonlyMap<string, string> | Error> {
    const hashes = new Set(tasks.flatMap((task) => (task.write === null ? [] : [task.write])));
    if (hashes.size === 0) return new Map();
    try {
      return await texts.unitFiles([...hashes]);
    } catch (error) {
      return new StoreUnavailableError('cannot read unit files from the store', { cause: error });
    }
  }

  async #write(
    task: UnitTask,
    texts: ReadonlyMap<string, string> | Error,
    known: Knowledge,
  ): Promise<void> {
    if (task.write === null) return;
    if (texts instanceof Error) throw texts;
    const text = texts.get(task.write);
    if (text === undefined)
      throw new RefusedHere(`its unit file ${task.write} is not in the store`);
    const written = await this.#options.systemd.writeFile(task.unit, {
      hash: task.write,
      text,
      ...(task.epoch === null ? {} : { epoch: task.epoch }),
    });
    if (written.type === 'refused') throw new RefusedHere(written.reason);
    known.files.set(task.unit, task.write);
  }

  async #remove(task: UnitTask, known: Knowledge): Promise<void> {
    if (!task.remove) return;
    await this.#options.systemd.resetFailed(task.unit);
    await this.#forget(task.unit, known);
  }

  async #forget(unit: string, known: Knowledge): Promise<void> {
    const { systemd, notes } = this.#options;
    await systemd.removeFile(unit);
    known.files.delete(unit);
    await notes.remove(unit);
    known.notes.delete(unit);
    known.awaited.delete(unit);
  }

  /** Also after removals, when something keeps a removed unit loaded, and for what [Install] links. */
  async #reload(
    tasks: readonly UnitTask[],
    {
      known,
      failed,
      attempt,
    }: {
      known: Knowledge;
      failed: ReadonlySet<string>;
      attempt: (task: UnitTask, step: () => Promise<void>) => Promise<void>;
    },
  ): Promise<void> {
    const { systemd } = this.#options;
    const concerned = tasks.filter((task) => task.reload && known.files.has(task.unit));
    const removed = tasks.filter((task) => task.remove);
    if (removed.length > 0) {
      const loaded = new Map((await systemd.listUnits()).map((u) => [u.name, u.loadState]));
      concerned.push(...removed.filter((task) => loaded.get(task.unit) === 'loaded'));
    }
    const areLinksNew = systemd.needsReload();
    if (areLinksNew) concerned.push(...tasks.filter((task) => task.write !== null || task.remove));
    const once = [...new Set(concerned)].filter(({ unit }) => !failed.has(unit));
    if (once.length === 0 && !areLinksNew) return;
    const reloading = systemd.reload();
    // When it fails and no task is to blame, the pass fails and is tried again.
    if (once.length === 0) await reloading;
    await Promise.all(once.map((task) => attempt(task, () => reloading)));
  }

  async #job(task: UnitTask, known: Knowledge): Promise<void> {
    if (task.remove) return;
    const { notes } = this.#options;
    if (task.job !== null) {
      const before = noteBefore(known.notes.get(task.unit) ?? null, task);
      if (before !== null) {
        await notes.save(before);
        known.notes.set(task.unit, before);
      }
      known.awaited.set(task.unit, this.#options.clock.monotonic());
      try {
        assertHeld(task, known);
        await this.#ask(task);
      } catch (error) {
        known.awaited.delete(task.unit);
        // What runs under this name is the host's: only what is ours goes.
        if (error instanceof HostUnitError && task.revision === 0)
          return this.#forget(task.unit, known);
        throw error;
      }
    }
    if (task.note === null) return;
    await notes.save(task.note);
    known.notes.set(task.unit, task.note);
  }

  async #ask({ job, unit, epoch }: UnitTask): Promise<void> {
    const { systemd } = this.#options;
    if (job === 'stop') return systemd.stop(unit);
    if (epoch !== null) await systemd.setEpoch(unit, epoch);
    await (job === 'restart' ? systemd.restart(unit) : systemd.start(unit));
  }

  #succeed(task: UnitTask): void {
    const { unit, reason, job, write, remove } = task;
    if (task.isHealing) this.#delay(task, 1_000, 60_000);
    else if (job !== null || write !== null || remove) this.#delays.delete(unit);
    this.#problems.delete(unit);
    this.#options.log.info({ unit, job, reason, wrote: write !== null, removed: remove }, 'done');
  }

  /** @returns milliseconds, doubled each time in a row */
  #delay({ unit, revision }: UnitTask, firstMs: number, longestMs: number): number {
    const now = this.#options.clock.monotonic();
    const before = this.#delays.get(unit);
    const isInARow = before?.revision === revision && now - before.until < forgetMs;
    const failures = isInARow ? before.failures + 1 : 1;
    const delayMs = backoffMs(failures, firstMs, longestMs);
    this.#delays.set(unit, { failures, revision, until: now + delayMs });
    return delayMs;
  }

  #fail(task: UnitTask, error: unknown): void {
    const { log } = this.#options;
    const delayMs = this.#delay(task, 500, 30_000);
    const isOutage =
      error instanceof SystemdUnavailableError || error instanceof StoreUnavailableError;
    // An outage says nothing about the unit.
    if (!isOutage) {
      const text = error instanceof Error ? error.message : String(error);
      this.#problems.set(task.unit, { text, revision: task.revision });
    }
    log.warn({ err: error, unit: task.unit, reason: task.reason, delayMs }, 'could not be done');
  }
}

/** This process may have stood still since the task was decided. */
function assertHeld({ isHealing }: UnitTask, { isHeld }: Knowledge): void {
  if (isHealing || isHeld()) return;
  throw new StoreUnavailableError('the lease of this machine was not renewed since it was decided');
}
