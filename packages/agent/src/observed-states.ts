import type { Clock, Log, StateReport, Systemd, UnitRun } from '@muster/core';
import { flapping, isWorthAsking, noFlaps, noteCounted, noteRestarts } from './flaps.ts';
import type { Flaps } from './flaps.ts';
import type { UnitInput } from './plan.ts';
import { deriveState, sameReport } from './states.ts';
import type { Problem } from './states.ts';

/** What happened since the last pass, besides what the inputs show. */
export interface Since {
  /** Units a job of which has ended. */
  readonly ended: ReadonlySet<string>;
  /** Units that were put right though nobody asked. */
  readonly healed: ReadonlySet<string>;
  readonly problems: ReadonlyMap<string, Problem>;
  /** Unit → since when (boot clock) the end of a job is awaited. */
  readonly awaited: ReadonlyMap<string, number>;
  /** Units whose assignment does not parse: their states stay as published. */
  readonly unreadable: ReadonlySet<string>;
}

/** What is to be said of a unit, and since when (boot clock) it is the same. */
export interface Observed {
  readonly report: StateReport;
  readonly unchangedSince: number;
}

/** What this machine's units are up to, as far as systemd has been asked; told to nobody yet. */
export class ObservedStates {
  readonly #systemd: Systemd;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #bootId: string;
  readonly #flaps = new Map<string, Flaps>();
  #states: ReadonlyMap<string, Observed> = new Map();

  constructor(options: { systemd: Systemd; clock: Clock; log: Log; bootId: string }) {
    this.#systemd = options.systemd;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#bootId = options.bootId;
  }

  get states(): ReadonlyMap<string, Observed> {
    return this.#states;
  }

  /** Units that are restarted again and again now. */
  flapping(): readonly string[] {
    const flaps = [...this.#states].filter(([, { report }]) => report.flapping !== undefined);
    return flaps.map(([unit]) => unit);
  }

  /** Asks systemd what is needed. One failure and nothing has changed here. */
  async look(inputs: readonly UnitInput[], since: Since): Promise<void> {
    const now = this.#clock.monotonic();
    const runs = await this.#runs(inputs, since);
    await this.#countRestarts(inputs, { runs, since, now });
    const states = new Map<string, Observed>();
    for (const input of inputs) {
      const { unit, note } = input;
      const before = this.#states.get(unit) ?? null;
      // Nothing was done about it yet: there is nothing to tell, but that a copy is not there.
      const isNew = note === null && before === null && !since.problems.has(unit);
      if (isNew && input.assignment?.role !== 'released') continue;
      const report = deriveState(input, {
        bootId: this.#bootId,
        now: this.#clock.now(),
        run: runs.get(unit) ?? null,
        problem: since.problems.get(unit) ?? null,
        // One that an earlier musterd asked for may still be queued.
        awaitsJob:
          since.awaited.has(unit) || (note?.jobResult === null && input.loaded?.job != null),
        flapping: flapping(this.#flaps.get(unit), now),
        previous: before?.report ?? null,
      });
      const isSame = before !== null && sameReport(before.report, report);
      states.set(unit, { report, unchangedSince: isSame ? before.unchangedSince : now });
      this.#tellOfFlaps(before?.report ?? null, report);
    }
    this.#states = states;
    for (const unit of this.#flaps.keys()) if (!states.has(unit)) this.#flaps.delete(unit);
  }

  /** Asks only about loaded units that changed: each answer costs PID 1 time. */
  async #runs(
    inputs: readonly UnitInput[],
    { ended, awaited }: Since,
  ): Promise<ReadonlyMap<string, UnitRun>> {
    const isQuiet = ended.size === 0 && awaited.size === 0;
    const now = this.#clock.monotonic();
    const changed = inputs.flatMap(({ unit, loaded }) => {
      if (loaded === null) return [];
      const isWaiting = waitsForRestart(loaded.subState);
      if (isWaiting && isWorthAsking(this.#flaps.get(unit), now)) return [loaded];
      if (loaded.activeState === 'activating') return [];
      const previous = this.#states.get(unit)?.report;
      const isSame =
        previous?.activeState === loaded.activeState && previous.subState === loaded.subState;
      // A service that came back between two looks shows by its invocation, which costs nothing.
      const isUp = loaded.activeState === 'active' && unit.endsWith('.service');
      return isSame && !ended.has(unit) && !(isUp && isQuiet) ? [] : [loaded];
    });
    if (changed.length === 0) return new Map();
    return this.#systemd.runs(changed);
  }

  async #countRestarts(
    inputs: readonly UnitInput[],
    { runs, since, now }: { runs: ReadonlyMap<string, UnitRun>; since: Since; now: number },
  ): Promise<void> {
    const doubtful = inputs.filter(({ unit, loaded }) => {
      if (!unit.endsWith('.service') || loaded === null || since.ended.has(unit)) return false;
      if (!isWorthAsking(this.#flaps.get(unit), now)) return false;
      if (waitsForRestart(loaded.subState)) return true;
      const then = this.#states.get(unit)?.report.invocationId ?? null;
      const run = runs.get(unit)?.invocationId ?? null;
      return then !== null && run !== null && then !== run;
    });
    const names = doubtful.map(({ unit }) => unit);
    const counts = names.length === 0 ? new Map() : await this.#systemd.restarts(names);
    for (const [unit, counted] of counts) {
      this.#flaps.set(unit, noteCounted(this.#flaps.get(unit) ?? noFlaps, counted, now));
    }
    for (const unit of since.healed) {
      this.#flaps.set(unit, noteRestarts(this.#flaps.get(unit) ?? noFlaps, 1, now));
    }
  }

  #tellOfFlaps(before: StateReport | null, { unit, flapping: restarts }: StateReport): void {
    if (restarts === undefined || before?.flapping !== undefined) return;
    this.#log.warn({ unit, restarts }, 'it is restarted again and again');
  }
}

/** As systemd calls it while a service waits for the start that follows a failure. */
function waitsForRestart(subState: string): boolean {
  return subState.startsWith('auto-restart');
}
