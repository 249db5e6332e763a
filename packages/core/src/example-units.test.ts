import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkUnitFile } from './check-unit-file.ts';
import { reservedNameProblem } from './reserved-names.ts';
import { parseUnitFile } from './unit-file.ts';
import { checkUnitName } from './unit-name.ts';

const directory = join(__dirname, '../../../units');
const names = readdirSync(directory).filter((name) => name !== 'README.md');

test.each(names)(
  'the example %s leaves nothing to be said, as it is and as an instance',
  (name) => {
    const text = readFileSync(join(directory, name), 'utf8');
    for (const unit of [name, name.replace('@.', '@1.')]) {
      expect([checkUnitName(unit), reservedNameProblem(unit)]).toEqual([null, null]);
      expect(checkUnitFile(parseUnitFile(text), unit)).toEqual({ problems: [], warnings: [] });
    }
  },
);

test.each(names)('the example %s begins with a comment that says what it shows', (name) => {
  expect(readFileSync(join(directory, name), 'utf8')).toMatch(/^# \w/);
});
