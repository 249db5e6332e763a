import type { ClusterSnapshot } from './ports.ts';
import type { Unit } from './model.ts';
import type { RebalancePlan } from './rebalance.ts';

/**
 * What a machine is to a unit. `holds`: the unit belongs there. `takes`: it will, as soon as the
 * leader writes so. `leaves`: it has still to end there. `released`: a copy runs on there until the
 * unit is up elsewhere. `able`: it could run there as well. `refuses`: it could not. `away`: its
 * musterd was stopped in order, so that it takes no new units. `absent`: the unit belongs there, and
 * the machine is not there. `unreadable`: what the machine says of itself does not parse.
 */
export const verdicts = [
  'holds',
  'takes',
  'leaves',
  'released',
  'absent',
  'able',
  'refuses',
  'away',
  'unreadable',
] as const;
export type Verdict = (typeof verdicts)[number];

export interface MachineVerdict {
  readonly machine: string;
  readonly verdict: Verdict;
  /** One phrase for people. */
  readonly reason: string;
}

/**
 * `placed`: a machine that is there has it. `pending`: it is wanted, and none does. `inactive`:
 * nobody wants it. `unreadable`: something in the store about it does not parse; it is left as it is.
 */
export type PlaceStatus = 'placed' | 'pending' | 'inactive' | 'template' | 'unreadable';

/** Why a unit is where it is, or is nowhere. */
export interface Explanation {
  readonly unit: string;
  readonly status: PlaceStatus;
  /** One sentence about the unit, which it calls "it". */
  readonly reason: string;
  /** What else is to be known, one sentence each. */
  readonly notes: readonly string[];
  /** Every machine that is there, and those that have something of the unit; by id. */
  readonly machines: readonly MachineVerdict[];
}

/** A unit that is wanted and that no machine that is there has. */
export interface PendingUnit {
  readonly unit: string;
  /** The absent machine that it belongs to; null: it belongs to none. */
  readonly machine: string | null;
  /** Short, one phrase. */
  readonly reason: string;
}

/** What becomes of another unit because of what was asked for. */
export interface SideEffect {
  readonly unit: string;
  /** Where it would not be any more; by id. */
  readonly leaves: readonly string[];
  /** Where it would be instead; by id. */
  readonly takes: readonly string[];
  /** One phrase. */
  readonly reason: string;
}

export interface Preview {
  /** Of each unit that was asked about, in that order, when everything has come to rest. */
  readonly units: readonly Explanation[];
  /** By unit. */
  readonly others: readonly SideEffect[];
}

/**
 * Says what the leader decides and why. Every call reads the snapshot at once and answers from it
 * alone, on any machine: what only the leader knows (how long a machine has been absent) is said as
 * a condition.
 */
export interface Explainer {
  /** null: nothing is stored of such a unit. */
  explain(snapshot: ClusterSnapshot, unit: string): Explanation | null;
  /** By unit. Costs next to nothing while there are none. */
  pending(snapshot: ClusterSnapshot): readonly PendingUnit[];
  /**
   * What would become of units if they were stored like this, and others destroyed.
   * @param files - texts of theirs that are not stored yet, by hash
   * @param destroyed - by name
   */
  preview(
    snapshot: ClusterSnapshot,
    asked: {
      readonly units: readonly Unit[];
      readonly files: ReadonlyMap<string, string>;
      readonly destroyed: readonly string[];
    },
  ): Preview;
  /** What would be moved so that units are where they would be placed best. */
  rebalance(snapshot: ClusterSnapshot): RebalancePlan;
}
