import { MusterError, ReconcileLoop } from '@muster/core';
import type { ChangedRecords, Clock, ClusterSnapshot, ClusterView, Explainer } from '@muster/core';
import { hasMatchingMachine } from './unit-demands.ts';
import type { GlobalUnits } from './unit-demands.ts';
import { waitOutcome } from './wait-outcome.ts';
import type { WaitSubject } from './wait-outcome.ts';
import type { WaitLine, WaitRequest } from './wire.ts';

export interface WaitOptions {
  readonly view: ClusterView;
  readonly globals: GlobalUnits;
  readonly explainer: Explainer;
  readonly clock: Clock;
  readonly request: Required<WaitRequest>;
  readonly send: (line: WaitLine) => void;
  /** Aborts when the caller is gone. */
  readonly signal: AbortSignal;
}

const none: ReadonlyMap<string, never> = new Map<string, never>();

/**
 * Watches the cluster until every unit has got there or failed, or the time is over; sends a line
 * for each and `end` at last. An outage of the store during it is waited out. Closes the view.
 */
export async function waitForUnits(options: WaitOptions): Promise<void> {
  const { view, clock, request, send, signal } = options;
  const over = new AbortController();
  const stop = (): void => over.abort();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const wait = new Wait(options);
  const loop = new ReconcileLoop({
    clock,
    resyncMs: 1000,
    // Many changes come at once when many units start: one look for all of them.
    restMs: (lookMs) => Math.min(200, Math.max(5, 10 * lookMs)),
    // The picture may be incomplete for a while; it says so in the `waiting` lines.
    onFailure: (error) => wait.sayWaiting(error),
    pass: async () => {
      await wait.look();
      if (wait.isOver()) stop();
    },
  });
  const unsubscribe = view.onChange(() => loop.kick());
  if (request.timeoutMs !== null) void clock.sleep(request.timeoutMs, over.signal).then(stop);
  await loop.run(over.signal);
  unsubscribe();
  await view.close();
  signal.removeEventListener('abort', stop);
  if (!signal.aborted) send(wait.end());
}

/** What one wait has seen so far. */
class Wait {
  readonly #options: WaitOptions;
  /** unit → why it is not there yet */
  readonly #pending: Map<string, string>;
  /** Those of them that no machine has. */
  readonly #unplaced = new Set<string>();
  #hasCaughtUp: boolean;
  #done = 0;
  #failed = 0;
  #lastLine: number;

  constructor(options: WaitOptions) {
    this.#options = options;
    this.#pending = new Map(options.request.units.map((name) => [name, 'not looked at yet']));
    this.#hasCaughtUp = options.request.afterRevision === 0;
    this.#lastLine = options.clock.monotonic();
  }

  isOver(): boolean {
    return this.#pending.size === 0;
  }

  async look(): Promise<void> {
    const { view, request, send, clock } = this.#options;
    if (!this.#hasCaughtUp) {
      await view.atLeast(request.afterRevision, Math.min(2000, request.timeoutMs ?? 2000));
      this.#hasCaughtUp = true;
    }
    // Before what has changed is taken: when there is none, nothing is missed.
    const snapshot = view.snapshot();
    const lines = this.#lines(snapshot, this.#concerned(view.changed()));
    for (const line of lines) send(line);
    if (lines.length > 0) this.#lastLine = clock.monotonic();
    else if (clock.monotonic() - this.#lastLine >= 2000) this.sayWaiting();
  }

  /** Tells what is waited for; an error that keeps us from looking is told instead. */
  sayWaiting(error?: unknown): void {
    if (this.isOver()) return;
    const { send, clock } = this.#options;
    this.#lastLine = clock.monotonic();
    const first = [...this.#pending].slice(0, 5);
    const examples =
      error === undefined
        ? this.#told(first)
        : first.map(([unit]) => ({ unit, why: describe(error) }));
    send({ type: 'waiting', pending: this.#pending.size, examples });
  }

  end(): WaitLine {
    return {
      type: 'end',
      done: this.#done,
      failed: this.#failed,
      pending: this.#told([...this.#pending]),
    };
  }

  /** Why a unit is nowhere is worked out only where somebody is told. */
  #told(
    pending: readonly (readonly [unit: string, why: string])[],
  ): { readonly unit: string; readonly why: string }[] {
    const isAsked = pending.some(([unit]) => this.#unplaced.has(unit));
    const reasons = isAsked ? this.#reasons() : new Map<string, string>();
    return pending.map(([unit, why]) => {
      return { unit, why: (this.#unplaced.has(unit) ? reasons.get(unit) : undefined) ?? why };
    });
  }

  #reasons(): ReadonlyMap<string, string> {
    const { view, explainer } = this.#options;
    try {
      const pending = explainer.pending(view.snapshot());
      return new Map(pending.map(({ unit, reason }) => [unit, reason]));
    } catch (error) {
      // What was seen last is told without them.
      if (error instanceof MusterError) return new Map();
      throw error;
    }
  }

  /** Units that are waited for and may have got there since the look before. */
  #concerned({ isAll, machines, files, ...changed }: ChangedRecords): Iterable<string> {
    // Whether a unit is there depends on whether its machine is, and on how its file is read.
    const isAnyConcerned = isAll || machines.size > 0 || files.size > 0;
    if (isAnyConcerned) return [...this.#pending.keys()];
    const { units, assignments, states } = changed;
    const names = new Set([...units, ...assignments.keys(), ...states.keys()]);
    return [...names].filter((name) => this.#pending.has(name));
  }

  #lines(snapshot: ClusterSnapshot, concerned: Iterable<string>): WaitLine[] {
    const { request } = this.#options;
    const lines: WaitLine[] = [];
    for (const unit of concerned) {
      const outcome = waitOutcome(this.#subject(unit, snapshot), request);
      this.#unplaced.delete(unit);
      if (outcome.type === 'pending') {
        if (outcome.isUnplaced === true) this.#unplaced.add(unit);
        this.#pending.set(unit, outcome.why);
        continue;
      }
      this.#pending.delete(unit);
      if (outcome.type === 'failed') {
        this.#failed += 1;
        lines.push({ unit, ...outcome });
      } else {
        this.#done += 1;
        const machines = outcome.machines.map((id) => {
          return { id, address: snapshot.machines.get(id)?.address ?? null };
        });
        const { hasEnded, note } = outcome;
        lines.push({ type: 'done', unit, machines, hasEnded, note });
      }
    }
    return lines;
  }

  #subject(name: string, snapshot: ClusterSnapshot): WaitSubject {
    const unit = snapshot.units.get(name) ?? null;
    const text = unit === null ? null : (snapshot.files.get(unit.hash) ?? null);
    const demands = unit === null ? null : this.#options.globals.demandsOf(unit, text);
    return {
      unit,
      assignments: snapshot.assignments.get(name) ?? none,
      states: snapshot.states.get(name) ?? none,
      isGlobal: demands !== null,
      hasMatchingMachine: demands === null || hasMatchingMachine(demands, snapshot),
      machines: snapshot.machines,
    };
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
