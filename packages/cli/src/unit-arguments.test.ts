import { expandRanges } from './expand-ranges.ts';
import { filterByUnit, selectUnits } from './select-units.ts';
import { formatTable } from './table.ts';
import { unitNameOf } from './unit-sources.ts';

test.each<[string, string, string[]]>([
  ['a plain name', 'web', ['web']],
  ['a range', 'web@{1..3}', ['web@1', 'web@2', 'web@3']],
  ['a range downwards', '{2..0}', ['2', '1', '0']],
  ['a range that keeps its width', 'w{08..10}', ['w08', 'w09', 'w10']],
  ['a list', '{a,b}.timer', ['a.timer', 'b.timer']],
  ['both', '{a,b}@{1..2}', ['a@1', 'a@2', 'b@1', 'b@2']],
  ['braces that mean nothing', 'a{b}c', ['a{b}c']],
  ['a range of something else', 'a{x..y}c', ['a{x..y}c']],
])('%s: %s', (_, argument, expected) => {
  expect(expandRanges(argument)).toEqual(expected);
});

test.each([
  ['web', 'web.service'],
  ['units/web@1', 'web@1.service'],
  ['./a.timer', 'a.timer'],
  ['foo.bar', 'foo.bar.service'],
])('%s is the unit %s', (argument, name) => {
  expect(unitNameOf(argument)).toBe(name);
});

const units = ['web@2.service', 'web@1.service', 'web.timer', 'db.service'].map((name) => ({
  name,
}));

test.each<[string[], string[], string[], string[]]>([
  [['db'], ['db.service'], [], []],
  [['units/db.service', 'db'], ['db.service'], [], []],
  [['web@*'], ['web@1.service', 'web@2.service'], ['web@1.service', 'web@2.service'], []],
  [
    ['web*'],
    ['web.timer', 'web@1.service', 'web@2.service'],
    ['web.timer', 'web@1.service', 'web@2.service'],
    [],
  ],
  [['web@?'], ['web@1.service', 'web@2.service'], ['web@1.service', 'web@2.service'], []],
  [['web@*', 'web@1'], ['web@1.service', 'web@2.service'], ['web@2.service'], []],
  [['web@{2..3}', 'x*'], ['web@2.service'], [], ['web@3.service', 'x*']],
])('%j stands for %j', (args, expected, matched, missing) => {
  const selection = selectUnits(args, units);
  expect(selection.units.map(({ name }) => name)).toEqual(expected);
  expect([...selection.matched]).toEqual(matched);
  expect(selection.missing).toEqual(missing);
});

test('a list without arguments is not filtered', () => {
  expect(filterByUnit([], units, ({ name }) => name)).toEqual(units);
  expect(filterByUnit(['web.*'], units, ({ name }) => name)).toEqual([{ name: 'web.timer' }]);
});

test('colour does not change the width of a column', () => {
  const rows = [
    [{ text: 'active', colour: 'green' } as const, 'a'],
    ['x', 'b'],
  ];
  expect(formatTable(null, rows, true)).toEqual(['\x1b[32mactive\x1b[0m  a', 'x       b']);
  expect(formatTable(['A', 'B'], rows, false)).toEqual(['A       B', 'active  a', 'x       b']);
});
