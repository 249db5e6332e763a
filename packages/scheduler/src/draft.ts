import type { Assignment, PlacementChange, PlacementFailures, StartedMove } from '@muster/core';
import type { Absences } from './absence.ts';
import { depart } from './eligibility.ts';
import type { Candidate, Host } from './eligibility.ts';
import type { Model } from './model.ts';
import { failuresOf } from './reschedule.ts';
import type { ReschedulePlan, Sightings } from './reschedule.ts';
import type { Arrivals } from './started-moves.ts';

/** Why a unit is not (or not rightly) placed: one phrase, and what each machine says. */
export interface Unplaced {
  readonly unit: string;
  readonly reason: string;
  readonly machines: readonly { readonly machine: string; readonly reason: string }[];
}

export interface PlanOptions {
  /** Boot-clock ms. */
  readonly now: number;
  /** Machines that count as gone; units of others stay where they are. */
  readonly absentSince: Absences;
  /**
   * How long after a machine was first seen to be absent no unit with `OnPartition=stop` can be up on
   * it any more.
   */
  readonly certainAfterMs: number;
  /** Machines of which nothing is to be kept once they count as gone. */
  readonly forgotten?: ReadonlySet<string>;
  /** Of the plan before. A leader that knows none of it decides no less rightly. */
  readonly underway?: ReadonlyMap<string, Underway>;
  /** How many machines are asked at most why they cannot take a unit; absent: all. */
  readonly mostReasons?: number;
  /** Of these units all machines are asked nevertheless. */
  readonly askAll?: ReadonlySet<string>;
  /** Of the plan before; absent: this leader has seen nothing yet. */
  readonly sightings?: Sightings;
  /** The same. */
  readonly arrivals?: Arrivals;
}

/** What is remembered of a unit that is between two machines. */
export interface Underway {
  /** Why it left a machine, for its next place to say; null: it has left none. */
  readonly reason: string | null;
  /** The machine that others leave for it; null: none does. */
  readonly to: string | null;
}

/** Where a unit is to be, one entry for each machine. */
export type Wanted = Map<string, Pick<Assignment, 'machine' | 'role' | 'reason'>>;

/** A plan in the making. */
export interface Draft {
  readonly model: Model;
  readonly options: PlanOptions;
  readonly changes: PlacementChange[];
  readonly unplaced: Unplaced[];
  /** Units that have lost their place, or wait for others to leave theirs. */
  readonly underway: Map<string, Underway>;
  /** `unit on machine` → why it leaves that machine with this plan. */
  readonly left: Map<string, string>;
  /** Unit → the absent machine whose unit it makes room for. */
  readonly causes: Map<string, string>;
  /** Unit → the machine on which a place is kept free for it: it is among the residents there. */
  readonly promises: Map<string, Host>;
  /** Unit → the machine that was chosen for it together with units that it follows: as with promises. */
  readonly reserved: Map<string, Host>;
  /** Unit → the move of a rebalance that it is in the middle of. */
  readonly moving: Map<string, StartedMove>;
  /** Unit → where such a move has it now. */
  readonly carried: Map<string, Wanted>;
  /** Units whose old copy runs on until the move is further. */
  readonly held: Set<string>;
  /** Units whose place is decided: nothing makes them move any more in this plan. */
  readonly decided: Set<string>;
  readonly failing: ReschedulePlan;
  /** Boot-clock ms of times at which the same model gives another plan. */
  readonly deadlines: number[];
}

export function assignmentsOf(draft: Draft, name: string): Assignment[] {
  const byMachine = draft.model.snapshot.assignments.get(name);
  if (byMachine === undefined) return [];
  if (byMachine.size === 1) return [...byMachine.values()];
  return [...byMachine.values()].sort((a, b) => (a.machine < b.machine ? -1 : 1));
}

/** Whether nothing that an absent machine had is kept for it. */
export function isForgotten({ options }: Draft, machine: string): boolean {
  return options.forgotten?.has(machine) === true && options.absentSince.has(machine);
}

/** Takes a unit off a machine that is there: it ends there, and finds another place afterwards. */
export function leave(
  draft: Draft,
  { unit, host, reason }: { unit: Candidate; host: Host; reason: string },
): void {
  depart(host, unit.name, unit);
  draft.underway.set(unit.name, { reason, to: null });
  draft.left.set(`${unit.name} on ${host.id}`, reason);
}

/** How many machines are asked at most why they cannot take a unit. */
export function mostReasonsOf({ options }: Draft, name: string): number {
  return options.askAll?.has(name) === true ? Infinity : (options.mostReasons ?? Infinity);
}

/** What is to be stored of a unit's failures; null: nothing. */
export function failuresToStore({ model, failing }: Draft, name: string): PlacementFailures | null {
  if (failing.forgiven.has(name)) return null;
  return failing.moves.get(name)?.failures ?? failuresOf(model, name);
}
