import type { Rebalance, RecordChange } from '@muster/core';
import type { EventContent } from './event.ts';
import { transition } from './transition.ts';

type Change = Extract<RecordChange, { readonly type: 'rebalance' }>;
type Said = Pick<EventContent, 'time' | 'by' | 'reason' | 'text'> & {
  readonly type: 'rebalance-begun' | 'rebalance-stopped' | 'rebalance-failed' | 'rebalance-over';
};

/** null: moves have begun or ended, which their units' own events tell. */
export function rebalanceEvent(change: Change): EventContent | null {
  const said = whatHappened(change);
  if (said === null) return null;
  return {
    ...said,
    unit: null,
    machine: null,
    details: transition(change, ({ limit, atOnce, moved }) => ({ limit, atOnce, moved })),
  };
}

function whatHappened({ before, after }: Change): Said | null {
  if (after === null) return before === null ? null : over(before);
  if (after.end !== undefined) {
    if (before?.end !== undefined) return null;
    const { type, reason } = after.end;
    const text = `the rebalance ${type === 'failed' ? 'has failed' : 'is to end'}: ${reason}`;
    return { type: `rebalance-${type}`, time: null, by: null, reason, text };
  }
  if (before !== null && before.end === undefined) return null;
  const { by, at: time = null } = after.origin;
  const limit = after.limit === null ? '' : `, ${movesInWords(after.limit)} at most`;
  const text = `a rebalance has begun${limit}, by ${by}`;
  return { type: 'rebalance-begun', time, by, reason: null, text };
}

function over({ moved, end }: Rebalance): Said | null {
  // It was over when it failed.
  if (end?.type === 'failed') return null;
  const text = `the rebalance is over: ${movesInWords(moved)} made`;
  return { type: 'rebalance-over', time: null, by: null, reason: end?.reason ?? null, text };
}

function movesInWords(count: number): string {
  return count === 1 ? '1 move' : `${count} moves`;
}
