import type { Origin, Revision } from './model.ts';

/**
 * Moves of units that are well, so that they are spread, or packed, as new ones would be. Nobody
 * makes them unasked.
 */

/**
 * `successor-first`: a unit runs on where it was until it is up on the other machine. `stop-first`:
 * it ends before it begins anew, as everything does that may not run twice.
 */
export const moveOrders = ['successor-first', 'stop-first'] as const;
export type MoveOrder = (typeof moveOrders)[number];

/** Units that go from one machine to another together: one and those that it follows or that follow it. */
export interface RebalanceMove {
  /** Sorted. */
  readonly units: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly order: MoveOrder;
  /** One phrase for people. */
  readonly reason: string;
}

/** A move that the leader has begun, or is about to. */
export interface StartedMove extends RebalanceMove {
  /**
   * Of each unit the mod revision of the assignment that this was decided from: while that is as it was,
   * the unit has not been moved yet.
   */
  readonly revisions: readonly Revision[];
}

/** `stopped`: somebody wanted no more moves. `failed`: a unit was not well where it came to. */
export const rebalanceEnds = ['stopped', 'failed'] as const;

/**
 * `rebalance`: units are being moved so that they are where they would be placed best. Written by the API
 * when it is asked for or to be stopped, by the leader as moves begin and end, and by that when it begins
 * one itself. The leader removes it when there is no more to move; one that failed stays to say so.
 */
export interface Rebalance {
  readonly origin: Origin;
  /** How many moves may be made; null: as many as there are. */
  readonly limit: number | null;
  /** How many may be under way at once, at least 1. */
  readonly atOnce: number;
  /** How many have been made. */
  readonly moved: number;
  readonly moves: readonly StartedMove[];
  /** Absent: moves are begun as long as there are any. Else those that were begun are ended. */
  readonly end?: {
    readonly type: (typeof rebalanceEnds)[number];
    /** One phrase for people. */
    readonly reason: string;
  };
  readonly modRevision: Revision;
}

/** What would be moved now. */
export interface RebalancePlan {
  /** Why nothing is moved as long as it is like that, a sentence without its end; null: nothing hinders it. */
  readonly obstacle: string | null;
  /** In this order. */
  readonly moves: readonly RebalanceMove[];
}
