import type { AgentRegistry, Clock, Log, StateReport, Systemd, UnitRun } from '@muster/core';
import type { UnitInput } from './plan.ts';
import { deriveState, sameReport } from './states.ts';
import type { Problem } from './states.ts';

export interface PublisherOptions {
  readonly registry: AgentRegistry;
  readonly systemd: Systemd;
  readonly clock: Clock;
  readonly log: Log;
  readonly bootId: string;
}

/** What happened since the last pass, besides what the inputs show. */
export interface Since {
  /** Units a job of which has ended. */
  readonly ended: ReadonlySet<string>;
  readonly problems: ReadonlyMap<string, Problem>;
  /** Unit → since when (boot clock) the end of a job is awaited. */
  readonly awaited: ReadonlyMap<string, number>;
  /** Units whose assignment does not parse: their states stay as published. */
  readonly unreadable: ReadonlySet<string>;
}

/** A unit may be written this often in a burst, and regains one write a second. */
const burst = 3;
const regainMs = 1_000;
/** What happens while a job is this young is not worth a write: its end follows. */
const youngJobMs = 1_000;

interface Told {
  readonly report: StateReport;
  /** Writes it has left, and when that was true. */
  readonly credit: number;
  readonly at: number;
}

/**
 * Tells the store what became of this machine's units: only what changed, noisy units damped,
 * everything again under a new session.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  #session: string | null = null;
  /** What the store holds. */
  #told = new Map<string, Told>();
  /** States that the store may still hold of units nobody here knows of. */
  #leftover = new Set<string>();
  /** What was derived last, told or not. */
  #derived = new Map<string, StateReport>();

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /**
   * Resolves also when the store could not be written: the next call tells the rest.
   * @returns whether the store knows everything now
   */
  async publish(inputs: readonly UnitInput[], since: Since): Promise<boolean> {
    const { registry, clock, log } = this.#options;
    await this.#derive(inputs, since);
    const session = registry.session();
    if (session === null) return false;
    try {
      if (session !== this.#session) await this.#begin(session);
      const now = clock.monotonic();
      const { changes, later } = this.#changes(since, now);
      if (changes.size > 0) await registry.publishStates(changes);
      this.#remember(changes, now);
      return later === 0;
    } catch (err) {
      log.debug({ err }, 'cannot publish states now');
      return false;
    }
  }

  activeStates(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { activeState } of this.#derived.values()) {
      counts.set(activeState, (counts.get(activeState) ?? 0) + 1);
    }
    return counts;
  }

  /** Everything is told anew; what an earlier musterd told of units that are gone is taken back. */
  async #begin(session: string): Promise<void> {
    this.#leftover = new Set(await this.#options.registry.publishedUnits());
    this.#told = new Map();
    this.#session = session;
  }

  /** What is to be told now, and how many units are to be told later. */
  #changes(since: Since, now: number): { changes: Map<string, StateReport | null>; later: number } {
    const changes = new Map<string, StateReport | null>();
    let later = 0;
    for (const [unit, report] of this.#derived) {
      const told = this.#told.get(unit);
      if (told !== undefined && sameReport(told.report, report)) continue;
      const asked = since.awaited.get(unit);
      const isYoung = asked !== undefined && now - asked < youngJobMs;
      const isNoisy = told !== undefined && credit(told, now) < 1;
      if (isYoung || isNoisy) later += 1;
      else changes.set(unit, report);
    }
    for (const unit of [...this.#told.keys(), ...this.#leftover]) {
      if (!this.#derived.has(unit) && !since.unreadable.has(unit)) changes.set(unit, null);
    }
    return { changes, later };
  }

  #remember(changes: ReadonlyMap<string, StateReport | null>, now: number): void {
    this.#leftover.clear();
    for (const [unit, report] of changes) {
      const told = this.#told.get(unit);
      if (report === null) this.#told.delete(unit);
      else {
        const left = told === undefined ? burst : credit(told, now);
        this.#told.set(unit, { report, credit: left - 1, at: now });
      }
    }
  }

  async #derive(inputs: readonly UnitInput[], since: Since): Promise<void> {
    const { clock, bootId } = this.#options;
    const runs = await this.#runs(inputs, since);
    const derived = new Map<string, StateReport>();
    for (const input of inputs) {
      const previous = this.#derived.get(input.unit) ?? null;
      // Nothing was done about it yet: there is nothing to tell.
      if (input.note === null && previous === null && !since.problems.has(input.unit)) continue;
      derived.set(
        input.unit,
        deriveState(input, {
          bootId,
          now: clock.now(),
          run: runs.get(input.unit) ?? null,
          problem: since.problems.get(input.unit) ?? null,
          // One that an earlier musterd asked for may still be queued.
          awaitsJob:
            since.awaited.has(input.unit) ||
            (input.note?.jobResult === null && input.loaded?.job != null),
          previous,
        }),
      );
    }
    this.#derived = derived;
  }

  /** Asks only for loaded units that changed: each answer costs PID 1 time. */
  async #runs(
    inputs: readonly UnitInput[],
    { ended, awaited }: Since,
  ): Promise<ReadonlyMap<string, UnitRun>> {
    const isQuiet = ended.size === 0 && awaited.size === 0;
    const changed = inputs.flatMap(({ unit, loaded }) => {
      if (loaded === null || loaded.activeState === 'activating') return [];
      const previous = this.#derived.get(unit);
      const isSame =
        previous?.activeState === loaded.activeState && previous.subState === loaded.subState;
      // A service that came back between two looks shows by its invocation, which costs nothing.
      const isUp = loaded.activeState === 'active' && unit.endsWith('.service');
      return isSame && !ended.has(unit) && !(isUp && isQuiet) ? [] : [loaded];
    });
    if (changed.length === 0) return new Map();
    return this.#options.systemd.runs(changed);
  }
}

function credit(told: Told, now: number): number {
  return Math.min(burst, told.credit + (now - told.at) / regainMs);
}
