import type { RecordChange } from '@muster/core';
import type { EventContent } from './event.ts';
import { transition } from './transition.ts';

type Change = Extract<RecordChange, { readonly type: 'policy' }>;

/** null: nothing is otherwise than it was. A record removed by hand is as if none had been set. */
export function policyEvent(change: Change): EventContent | null {
  const { before, after } = change;
  const then = before?.placement ?? 'spread';
  const now = after?.placement ?? 'spread';
  if (then === now) return null;
  const { by = null, at: time = null } = after?.origin ?? {};
  return {
    type: 'policy-changed',
    time,
    unit: null,
    machine: null,
    by,
    reason: null,
    text: `placement is ${now} (was ${then})${by === null ? '' : `, by ${by}`}`,
    details: transition(change, ({ placement }) => ({ placement })),
  };
}
