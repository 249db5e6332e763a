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

/** What would be moved now. */
export interface RebalancePlan {
  /** Why nothing is moved as long as it is like that, a sentence without its end; null: nothing hinders it. */
  readonly obstacle: string | null;
  /** In this order. */
  readonly moves: readonly RebalanceMove[];
}
