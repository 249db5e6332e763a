import type { Rebalance } from '@muster/core';
import { rebalanceEvent } from './rebalance-events.ts';

const begun: Rebalance = {
  origin: { by: 'kim@box', at: 7 },
  limit: null,
  atOnce: 1,
  moved: 0,
  moves: [],
  modRevision: 1,
};
const moving: Rebalance = {
  ...begun,
  moved: 1,
  moves: [
    { units: ['a.service'], revisions: [1], from: 'm1', to: 'm2', order: 'stop-first', reason: '' },
  ],
};
const stopped: Rebalance = { ...moving, end: { type: 'stopped', reason: 'by kim@box' } };
const failed: Rebalance = { ...moving, end: { type: 'failed', reason: 'a.service failed on m2' } };

test.each<[string, Rebalance | null, Rebalance | null, string | null]>([
  ['begun', null, begun, 'rebalance-begun: a rebalance has begun, by kim@box'],
  [
    'begun with a limit',
    null,
    { ...begun, limit: 1 },
    'rebalance-begun: a rebalance has begun, 1 move at most, by kim@box',
  ],
  ['going on', begun, moving, null],
  ['stopped', moving, stopped, 'rebalance-stopped: the rebalance is to end: by kim@box'],
  ['going on to its end', stopped, { ...stopped, moves: [] }, null],
  ['over', moving, null, 'rebalance-over: the rebalance is over: 1 move made'],
  ['failed', moving, failed, 'rebalance-failed: the rebalance has failed: a.service failed on m2'],
  ['forgotten after it failed', failed, null, null],
  ['begun anew', failed, begun, 'rebalance-begun: a rebalance has begun, by kim@box'],
])('%s', (_, before, after, text) => {
  const event = rebalanceEvent({ index: 0, type: 'rebalance', before, after });
  expect(event && `${event.type}: ${event.text}`).toBe(text);
});

test('it says who, when and how far', () => {
  expect(rebalanceEvent({ index: 0, type: 'rebalance', before: null, after: begun })).toMatchObject(
    {
      by: 'kim@box',
      time: 7,
      details: { from: null, to: { limit: null, atOnce: 1, moved: 0 } },
    },
  );
});
