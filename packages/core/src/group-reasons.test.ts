import { groupReasons, groupText, refusalsInShort } from './group-reasons.ts';

test('the most frequent reason comes first; of equals the first by letters', () => {
  const items = ['b', 'a', 'c', 'c'].map((reason, i) => ({ reason, i }));
  expect(groupReasons(items)).toEqual([
    {
      reason: 'c',
      isAlike: false,
      items: [
        { reason: 'c', i: 2 },
        { reason: 'c', i: 3 },
      ],
    },
    { reason: 'a', isAlike: false, items: [{ reason: 'a', i: 1 }] },
    { reason: 'b', isAlike: false, items: [{ reason: 'b', i: 0 }] },
  ]);
});

test('numbers and ids of machines make no other reason', () => {
  const items = ['web@1 is there', `it ends on ${'1a'.repeat(16)}`, 'web@20 is there', 'x1'].map(
    (reason) => ({ reason }),
  );
  items.push({ reason: `it ends on ${'b2'.repeat(16)}` });
  const groups = groupReasons(items);
  expect(groups.map(({ isAlike, items: { length } }) => [isAlike, length])).toEqual([
    [true, 2],
    [true, 2],
    [false, 1],
  ]);
  expect(groups.map(groupText)).toEqual([
    `it ends on ${'1a'.repeat(16)}, or the like`,
    'web@1 is there, or the like',
    'x1',
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
