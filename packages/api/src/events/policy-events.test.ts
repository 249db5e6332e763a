import type { Policy } from '@muster/core';
import { policyEvent } from './policy-events.ts';

const set = (placement: Policy['placement']): Policy => ({
  placement,
  origin: { by: 'kim@box', at: 7 },
  modRevision: 1,
});

test.each<[string, Policy | null, Policy | null, string | null]>([
  ['set first', null, set('pack'), 'placement is pack (was spread), by kim@box'],
  ['set back', set('pack'), set('spread'), 'placement is spread (was pack), by kim@box'],
  ['removed by hand', set('pack'), null, 'placement is spread (was pack)'],
  ['set to what it was', set('pack'), set('pack'), null],
  [
    'rebalanced unasked',
    set('pack'),
    { ...set('pack'), rebalance: 'auto' },
    'rebalance is auto (was manual), by kim@box',
  ],
  ['set to the usual', null, set('spread'), null],
])('%s', (_, before, after, text) => {
  const event = policyEvent({ index: 0, type: 'policy', before, after });
  expect(event?.text ?? null).toBe(text);
});

test('it says who, when and what', () => {
  const change = { index: 0, type: 'policy' as const, before: null, after: set('pack') };
  expect(policyEvent(change)).toMatchObject({
    type: 'policy-changed',
    by: 'kim@box',
    time: 7,
    details: { changed: [], from: null, to: { placement: 'pack' } },
  });
});
