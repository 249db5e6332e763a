import { wasRenewed } from './assert-alone.ts';

test.each<[string, number, number, number, boolean]>([
  ['nothing has passed', 7, 7, 0, false],
  ['a second less after a second', 7, 6, 1_000, false],
  // 7.99 s were left, and 1.98 s later 6.01.
  ['a second less after almost two', 7, 6, 1_980, false],
  ['more than before', 6, 7, 200, true],
  ['as much as before, a second later', 7, 7, 1_000, true],
  ['a second less, two later', 7, 6, 2_000, true],
  ['little left, and renewed', 0, 7, 400, true],
  ['at its end', 0, 0, 900, false],
])('%s: %d s, then %d s after %d ms', (_, first, left, passedMs, expected) => {
  expect(wasRenewed({ leftSeconds: first }, { leftSeconds: left }, passedMs)).toBe(expected);
});
