import { groupReasons, refusalsInShort } from './group-reasons.ts';

test('the most frequent reason comes first; of equals the first by letters', () => {
  const items = ['b', 'a', 'c', 'c'].map((reason, i) => ({ reason, i }));
  expect(groupReasons(items)).toEqual([
    {
      reason: 'c',
      items: [
        { reason: 'c', i: 2 },
        { reason: 'c', i: 3 },
      ],
    },
    { reason: 'a', items: [{ reason: 'a', i: 1 }] },
    { reason: 'b', items: [{ reason: 'b', i: 0 }] },
  ]);
});

test.each<[Record<string, string>, string]>([
  [{}, ''],
  [{ m1: 'x' }, '1 machine: x'],
  [{ m1: 'y', m2: 'x' }, '1 machine: x; 1 more for other reasons'],
  [{ m1: 'y', m2: 'x', m3: 'y' }, '2 machines: y; 1 more for other reasons'],
])('refusals %j in short', (reasons, expected) => {
  const refusals = Object.entries(reasons).map(([machine, reason]) => ({ machine, reason }));
  expect(refusalsInShort(refusals)).toBe(expected);
});
