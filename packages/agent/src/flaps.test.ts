import { flapping, isWorthAsking, noFlaps, noteCounted, noteRestarts } from './flaps.ts';
import type { Flaps } from './flaps.ts';

/** systemd is asked every second and says these counts. */
function counts(...counted: number[]): Flaps {
  return counted.reduce((flaps, each, i) => noteCounted(flaps, each, i * 1_000), noFlaps);
}

test.each<[what: string, flaps: Flaps, expected: number | null]>([
  ['nothing was noticed', noFlaps, null],
  ['four restarts are too few', counts(0, 1, 2, 3, 4), null],
  ['five are not', counts(0, 1, 2, 3, 4, 5), 5],
  ['several may be noticed at once', counts(0, 12), 12],
  ['of those before the first look only one is new', counts(80, 81, 82, 83, 84), 5],
  ['a start that was asked for begins the count at 0', counts(0, 4, 0, 1), 5],
])('%s', (_, flaps, expected) => {
  expect(flapping(flaps, 6_000)).toBe(expected);
});

test('restarts of more than ten minutes ago do not count, and are not kept', () => {
  const flaps = noteRestarts(noFlaps, 5, 0);
  expect(flapping(flaps, 599_999)).toBe(5);
  expect(flapping(flaps, 600_000)).toBeNull();
  expect(noteRestarts(flaps, 1, 600_000).noticed).toEqual([{ at: 600_000, restarts: 1 }]);
});

test('of a unit that flaps systemd is asked every ten seconds only', () => {
  const flaps = noteCounted(counts(0, 5), 6, 20_000);
  expect(isWorthAsking(flaps, 29_999)).toBe(false);
  expect(isWorthAsking(flaps, 30_000)).toBe(true);
  expect(isWorthAsking(counts(0, 1), 1_001)).toBe(true);
  expect(isWorthAsking(undefined, 0)).toBe(true);
});
