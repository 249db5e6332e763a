import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
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

/** The unit files of this machine: whatever systemd and Debian ship. */
function unitFilesOfThisMachine(): string[] {
  const extensions = [
    'service',
    'socket',
    'timer',
    'path',
    'target',
    'mount',
    'automount',
    'slice',
  ];
  const directories = ['system', 'user'].flatMap((kind) => [
    `/usr/lib/systemd/${kind}`,
    `/lib/systemd/${kind}`,
  ]);
  return directories
    .filter((directory) => statSync(directory, { throwIfNoEntry: false })?.isDirectory())
    .flatMap((directory) => readdirSync(directory).map((name) => join(directory, name)))
    .filter((path) => extensions.includes(extname(path).slice(1)))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

const shipped = unitFilesOfThisMachine();
const testShipped = shipped.length === 0 ? test.skip : test;

testShipped(
  `unit files under /usr/lib/systemd and /lib/systemd are stable (${shipped.length} here)`,
  () => {
    const unstable = shipped.filter((path) => {
      const text = serializeUnitFile(parseUnitFile(readFileSync(path, 'utf8')));
      return serializeUnitFile(parseUnitFile(text)) !== text;
    });
    // oxlint-disable-next-line jest/no-standalone-expect -- the rule does not see that this is a test
    expect(unstable).toEqual([]);
  },
);
