import type { Policy, RecordChange } from '@muster/core';
import type { EventContent } from './event.ts';
import { transition } from './transition.ts';

type Change = Extract<RecordChange, { readonly type: 'policy' }>;

/** null: nothing is otherwise than it was. A record removed by hand is as if none had been set. */
export function policyEvent(change: Change): EventContent | null {
  const was = settingsOf(change.before);
  const changes = Object.entries(settingsOf(change.after))
    .filter(([key, value]) => was[key] !== value)
    .map(([key, value]) => `${key} is ${value} (was ${was[key]})`);
  if (changes.length === 0) return null;
  const { by = null, at: time = null } = change.after?.origin ?? {};
  return {
    type: 'policy-changed',
    time,
    unit: null,
    machine: null,
    by,
    reason: null,
    text: `${changes.join(', ')}${by === null ? '' : `, by ${by}`}`,
    details: transition(change, ({ placement, rebalance }) => ({
      placement,
      ...(rebalance === undefined ? {} : { rebalance }),
    })),
  };
}

function settingsOf(policy: Policy | null): Readonly<Record<string, string>> {
  const { placement = 'spread', rebalance = 'manual' } = policy ?? {};
  return { placement, rebalance };
}
