/** The JSON bodies of /v1/rebalance, as server and client both see them. */
import type { Rebalance, RebalanceMove, RebalancePlan, Revision } from '@muster/core';

/** A rebalance that is under way, or has failed. */
export interface RebalanceBody extends Omit<Rebalance, 'moves' | 'end' | 'modRevision'> {
  /** Under way now. */
  readonly moves: readonly RebalanceMove[];
  /** Why no more are begun; null: more are, as long as there are any. */
  readonly end: NonNullable<Rebalance['end']> | null;
}

/** `rebalance`: null: none is under way, and none has failed. */
export interface RebalanceStandingBody {
  readonly revision: Revision;
  readonly rebalance: RebalanceBody | null;
}

export interface RebalanceRequest {
  /** How many moves may be made; absent or null: as many as there are. */
  readonly limit?: number | null;
  /** How many may be under way at once; absent: one. */
  readonly atOnce?: number;
}

/** `nothing`: there is nothing to move. */
export interface RebalanceBegunBody extends RebalanceStandingBody {
  readonly result: 'begun' | 'nothing';
}

/** `ending`: as soon as what was begun is over. `cleared`: one that had failed. `none`: there was none. */
export interface RebalanceStoppedBody {
  readonly revision: Revision;
  readonly result: 'ending' | 'cleared' | 'none';
}

/** What a rebalance would move now. */
export interface RebalancePlanBody extends RebalancePlan {
  readonly revision: Revision;
}
