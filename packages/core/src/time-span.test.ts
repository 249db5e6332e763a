import { formatTimeSpan, parseTimeSpan } from './time-span.ts';

test.each<[text: string, ms: number | null]>([
  ['90', 90_000],
  ['1min 30s', 90_000],
  ['1min30s', 90_000],
  ['1.5h', 5_400_000],
  ['2 h', 7_200_000],
  ['500ms', 500],
  ['1d 1w', 691_200_000],
  ['1M', 2_629_800_000],
  ['1m', 60_000],
  ['0', 0],
  [' 5 ', 5_000],
  ['infinity', Infinity],
  ['', null],
  ['s', null],
  ['-5', null],
  ['5 parsecs', null],
  ['5s x', null],
  ['1e3', null],
])('%j is %p ms', (text, ms) => {
  expect(parseTimeSpan(text)).toBe(ms);
});

test('a hostile text costs no time', () => {
  expect(parseTimeSpan(`${'1'.repeat(20_000)}!`)).toBeNull();
  expect(parseTimeSpan(`${'1 '.repeat(20_000)}!`)).toBeNull();
});

test.each([0, 500, 90_000, 5_400_000, 90_061_000, Infinity])(
  '%p ms is told as it is read',
  (ms) => {
    expect(parseTimeSpan(formatTimeSpan(ms))).toBe(ms);
  },
);
