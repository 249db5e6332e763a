import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { checkUnitFile } from './check-unit-file.ts';
import { UnitFileSyntaxError } from './errors.ts';
import { hashUnitFile, optionProblem, parseUnitFile, serializeUnitFile } from './unit-file.ts';
import type { UnitFile } from './unit-file.ts';

/** Text made of the pieces that matter to the grammar, far more often valid than arbitrary text. */
const unitText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '[',
        ']',
        '=',
        '\\',
        '\\\n',
        '\n',
        '\r\n',
        '\r',
        '#',
        ';',
        ' ',
        '\t',
        '"',
        '%i',
        '\0',
      ),
      fc.constantFrom('[Unit]\n', '[X-Fleet]\n', 'A=', 'b', '\nMachineOf=', '\nConflicts='),
      fc.string({ maxLength: 4, unit: 'grapheme' }),
    ),
    { maxLength: 40 },
  )
  .map((pieces) => pieces.join(''));

const word = fc
  .array(fc.constantFrom('a', 'B', '1', '-', '.', '\\', '[', ']', '#', '=', ' ', 'é'), {
    maxLength: 8,
  })
  .map((characters) => characters.join(''));

const options = fc
  .array(
    fc.record({
      section: word,
      name: word,
      value: fc.array(word, { minLength: 1, maxLength: 3 }).map((lines) => lines.join('\\\n')),
    }),
  )
  .map((all) => all.filter((option) => optionProblem(option) === null));

function parseOrNull(text: string): UnitFile | null {
  try {
    return parseUnitFile(text);
  } catch (error) {
    if (error instanceof UnitFileSyntaxError) return null;
    throw error;
  }
}

/** 0: it was parsed. */
function lineOfError(text: string): number {
  try {
    checkUnitFile(parseUnitFile(text), 'a@b.service');
    return 0;
  } catch (error) {
    if (error instanceof UnitFileSyntaxError) return error.line;
    throw error;
  }
}

test('arbitrary text gives a unit file or a UnitFileSyntaxError with a line that exists', () => {
  fc.assert(
    fc.property(fc.oneof(unitText, fc.string({ unit: 'binary' })), (text) => {
      const line = lineOfError(text);
      expect(line).toBeGreaterThanOrEqual(0);
      expect(line).toBeLessThanOrEqual(text.split('\n').length);
    }),
    { numRuns: 2000 },
  );
});

test('what was parsed reads back the same after it was written, with the same hash', () => {
  fc.assert(
    fc.property(unitText, (text) => {
      const file = parseOrNull(text);
      fc.pre(file !== null);
      const again = parseUnitFile(serializeUnitFile(file));
      expect(again).toEqual(file);
      expect(serializeUnitFile(again)).toBe(serializeUnitFile(file));
      expect(hashUnitFile(again)).toBe(hashUnitFile(file));
      expect(file.options.map(optionProblem)).toEqual(file.options.map(() => null));
    }),
    { numRuns: 2000 },
  );
});

test('options that can be written one by one can be written together, grouped by section', () => {
  fc.assert(
    fc.property(options, (all) => {
      const sections = [...new Set(all.map((option) => option.section))];
      const grouped = sections.flatMap((section) => all.filter((o) => o.section === section));
      expect(parseUnitFile(serializeUnitFile({ options: all })).options).toEqual(grouped);
    }),
    { numRuns: 1000 },
  );
});

test('comments, blank lines and line ends do not change the hash', () => {
  fc.assert(
    fc.property(options, fc.constantFrom('\n', '\r\n'), (all, eol) => {
      const text = serializeUnitFile({ options: all });
      const noisy = ['\uFEFF# c', '', ...text.split('\n').flatMap((line) => ['  ; c', line])];
      expect(hashUnitFile(parseUnitFile(noisy.join(eol)))).toBe(hashUnitFile({ options: all }));
    }),
  );
});

/** Unit files and drop-ins below a directory, symbolic links left out. */
function unitFilesBelow(directory: string): string[] {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(?:conf|[a-z]+)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** What the system has, may be nothing; what is made to be tricky is there. */
const corpora: readonly (readonly [directory: string, least: number])[] = [
  ['/usr/lib/systemd/system', 0],
  ['/usr/lib/systemd/user', 0],
  [join(__dirname, 'testing/tricky-units'), 20],
];

test.each(corpora)(
  'every unit file and drop-in in %s reads back the same after it was written, with the same hash',
  (directory, least) => {
    const paths = unitFilesBelow(directory);
    expect(paths.length).toBeGreaterThanOrEqual(least);
    for (const path of paths) {
      const file = parseUnitFile(readFileSync(path, 'utf8'));
      const text = serializeUnitFile(file);
      const again = parseUnitFile(text);
      expect([path, again]).toEqual([path, file]);
      expect([path, serializeUnitFile(again)]).toEqual([path, text]);
      expect([path, hashUnitFile(again)]).toEqual([path, hashUnitFile(file)]);
    }
  },
);
