import { formatTabTable } from './tab-table.ts';

test('columns begin at a tab stop behind the longest cell', () => {
  expect(
    formatTabTable([
      ['UNIT', 'MACHINE', 'ACTIVE', 'SUB'],
      ['hello.service', '113f16a7.../172.17.8.103', 'active', 'running'],
      ['a.service', '113f16a7.../172.17.8.103', 'inactive', 'dead'],
    ]),
  ).toEqual([
    'UNIT\t\tMACHINE\t\t\t\tACTIVE\t\tSUB',
    'hello.service\t113f16a7.../172.17.8.103\tactive\t\trunning',
    'a.service\t113f16a7.../172.17.8.103\tinactive\tdead',
  ]);
});

test.each([
  // 7 characters and the one of the padding fill a stop; 8 need the next one.
  [['1234567', 'x'], '1234567\tx'],
  [['12345678', 'x'], '12345678\tx'],
  [['', 'x'], '\tx'],
  // The last cell is not part of a column.
  [['a'], 'a'],
  [['žluťoučký', 'x'], 'žluťoučký\tx'],
  [['👍', 'x'], '👍\tx'],
])('%j alone is %j', (row, line) => {
  expect(formatTabTable([row])).toEqual([line]);
});

test('a cell at the edge of a stop pushes the column on for all', () => {
  expect(
    formatTabTable([
      ['1234567', 'x'],
      ['12345678', 'x'],
      ['', 'x'],
    ]),
  ).toEqual(['1234567\t\tx', '12345678\tx', '\t\tx']);
});
