import { digestOf, digestOfPage, isSameDigest, isSilent, noteLag } from './watch-lag.ts';
import type { Lag } from './watch-lag.ts';
import { keysUnder } from './store.ts';

/** A store that answers every 2 s: what it says, and how far the watch is then. */
function silentAt(answers: readonly [revision: number, completeTo: number][]): number | null {
  let lag: Lag | null = null;
  for (const [i, [revision, completeTo]] of answers.entries()) {
    const now = i * 2_000;
    lag = noteLag(lag, { revision, completeTo, now });
    if (isSilent(lag, now)) return now;
  }
  return null;
}

test.each<[string, number | null, [number, number][]]>([
  ['at rest', null, Array.from({ length: 20 }, () => [7, 7])],
  ['it keeps up', null, Array.from({ length: 20 }, (_, i) => [7 + i, 6 + i])],
  ['it has not told of one revision', 6_000, Array.from({ length: 20 }, () => [8, 7])],
  ['it never tells of anything', 6_000, Array.from({ length: 20 }, (_, i) => [8 + i, 7])],
  [
    'it came in time',
    null,
    [
      [8, 7],
      [8, 7],
      [8, 8],
      [8, 8],
      [8, 8],
    ],
  ],
  [
    'a member that lags behind answers in between',
    6_000,
    [
      [8, 7],
      [6, 7],
      [6, 7],
      [8, 7],
    ],
  ],
])('%s: silent at %j', (_, expected, answers) => {
  expect(silentAt(answers)).toBe(expected);
});

describe('what a range holds is told from what it held', () => {
  const range = keysUnder('/a/');
  const entries = (revisions: Record<string, number>) =>
    new Map(Object.entries(revisions).map(([key, modRevision]) => [key, { modRevision }]));
  const before = digestOf(range, entries({ '/a/1': 3, '/a/2': 5, '/b/1': 9 }));

  test.each<[string, boolean, Record<string, number>]>([
    ['the same', true, { '/a/1': 3, '/a/2': 5 }],
    ['something of no interest was written', true, { '/a/1': 3, '/a/2': 5, '/b/1': 12 }],
    ['a key was written', false, { '/a/1': 12, '/a/2': 5 }],
    ['a key came', false, { '/a/1': 3, '/a/2': 5, '/a/3': 12 }],
    ['a key went', false, { '/a/2': 5 }],
    ['the newest key went', false, { '/a/1': 3 }],
    ['one went and another came', false, { '/a/2': 5, '/a/3': 12 }],
  ])('%s: %s', (_, isSame, after) => {
    expect(isSameDigest(before, digestOf(range, entries(after)))).toBe(isSame);
  });

  test('as the store tells it', () => {
    const stored = { key: '/a/2', value: '', createRevision: 1, modRevision: 5, lease: null };
    expect(digestOfPage({ keys: [stored], more: true, count: 2 })).toEqual(before);
    expect(digestOfPage({ keys: [], more: false, count: 0 })).toEqual({ count: 0, newest: 0 });
  });
});
