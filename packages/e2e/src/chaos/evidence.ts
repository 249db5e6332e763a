import type { Inflicted } from './fault.ts';
import type { CastUnit } from './units.ts';

/** What a run left to be judged. All times are ms of the monotonic clock that all machines share. */
export interface Evidence {
  readonly cast: readonly CastUnit[];
  /** machine-id → its number */
  readonly machines: ReadonlyMap<string, number>;
  readonly rounds: readonly Round[];
  readonly faults: readonly Inflicted[];
  readonly processes: readonly Process[];
  readonly notes: readonly Note[];
  readonly requests: readonly Request[];
  /** Every change of a key of muster's, in the order of revisions. */
  readonly changes: readonly StoreChange[];
}

/** Faults and requests, and then quiet until everything is as it should be. */
export interface Round {
  readonly number: number;
  readonly from: number;
  readonly until: number;
  /** What was not as it should be when the time for it was over; empty: all of it was. */
  readonly unsettled: readonly string[];
}

/** The main process of a unit, as this system's /proc had it. */
export interface Process {
  readonly unit: string;
  readonly machine: number;
  readonly pid: number;
  /** Its number inside the machine. */
  readonly innerPid: number;
  readonly startedAt: number;
  /** When it was last seen: it certainly lived until then. */
  readonly seenAt: number;
  /** When it was first missed; null: it is still there. */
  readonly goneAt: number | null;
}

/** What the program of a unit wrote down itself. */
export interface Note {
  readonly what: 'begin' | 'end';
  readonly unit: string;
  readonly machine: number;
  /** Of the program, inside the machine. */
  readonly innerPid: number;
  readonly at: number;
}

export type Action = 'start' | 'stop' | 'load' | 'restart' | 'replace' | 'destroy';

/** What a client asked for. */
export type Wish =
  | { readonly action: Action; readonly unit: string }
  | {
      readonly action: 'metadata';
      readonly machine: number;
      readonly key: string;
      readonly value: string;
    };

/** A request and what came of it. */
export interface Request {
  /** Unique in the run; muster stores it as who asked (up to the `@`). */
  readonly id: string;
  readonly round: number;
  readonly wish: Wish;
  /** `api` of a machine, or `musterctl` against it. */
  readonly by: 'api' | 'musterctl';
  readonly via: number;
  readonly askedAt: number;
  readonly answeredAt: number;
  /**
   * `done`: answered that it is stored, with a write of its own; `nothing`: that nothing had to be
   * written; `refused`: an error that says nothing was stored; `unknown`: 503, or no answer.
   */
  readonly outcome: 'done' | 'nothing' | 'refused' | 'unknown';
  /** The answer, for people. */
  readonly answer: string;
}

/** A key as a transaction left it. */
export interface StoreChange {
  readonly revision: number;
  /** Below muster's prefix, e.g. `unit/web.service`. */
  readonly key: string;
  /** The record; null: the key is gone. */
  readonly record: Readonly<Record<string, unknown>> | null;
  /** Revision at which this key was made; 0: the key is gone. */
  readonly createRevision: number;
  /** When this run was told of it. */
  readonly seenAt: number;
}

/** Something that muster promises not to let happen. */
export interface Violation {
  /** As in docs/failure.md: `I1` and so on. */
  readonly invariant: string;
  /** One sentence with names, times and machines. */
  readonly text: string;
}

/** The clock of all times here, in ms. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

/** Seconds of that clock, as sentences have them. */
export function clockTime(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
