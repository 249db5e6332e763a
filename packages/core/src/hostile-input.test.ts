import fc from 'fast-check';
import { checkUnitFile } from './check-unit-file.ts';
import { UnitFileSyntaxError } from './errors.ts';
import { compileGlob } from './glob.ts';
import { readInstallSection } from './install-section.ts';
import { parseRequirements } from './requirements.ts';
import { reservedNameProblem } from './reserved-names.ts';
import { hashUnitFile, optionProblem, parseUnitFile, serializeUnitFile } from './unit-file.ts';
import { checkUnitName, parseUnitName, templateOf, withDefaultSuffix } from './unit-name.ts';

// What takes more than linear time does not end within this.
jest.setTimeout(60_000);

const machine = { hostname: 'a.example', machineId: '0123456789abcdef0123456789abcdef' };

/** Everything that is done with a text that somebody submits. false: it is no unit file. */
function readAll(text: string, name: string): boolean {
  try {
    const file = parseUnitFile(text);
    const { problems, warnings } = checkUnitFile(file, name);
    readInstallSection(file, name, machine);
    parseRequirements(file, name);
    const again = parseUnitFile(serializeUnitFile(file));
    expect(hashUnitFile(again)).toBe(hashUnitFile(file));
    expect([...problems, ...warnings].filter((sentence) => sentence === '')).toEqual([]);
    return true;
  } catch (error) {
    if (error instanceof UnitFileSyntaxError) return false;
    throw error;
  }
}

const size = 500_000;
const filled = (piece: (index: number) => string): string => {
  const pieces: string[] = [];
  for (let length = 0; length < size; length += pieces.at(-1)?.length ?? 1) {
    pieces.push(piece(pieces.length));
  }
  return pieces.join('');
};
const fleet = (text: string): string => `[Service]\nExecStart=/bin/true\n[X-Fleet]\n${text}`;
const half = size / 2;

test.each<[what: string, text: () => string]>([
  ['sections', () => filled(() => '[A]\n')],
  ['different sections', () => filled((i) => `[A${i}]\na=b\n`)],
  ['options', () => filled((i) => (i === 0 ? '[A]\n' : 'a=b\n'))],
  ['different unknown options', () => fleet(filled((i) => `Machine${i}=b\n`))],
  ['different unknown options of [Install]', () => `[Install]\n${filled((i) => `W${i}=b\n`)}`],
  ['a value continued', () => `[A]\na=${filled(() => 'b \\\n')}`],
  ['continued into nothing', () => `[A]\na=${filled(() => ' \\\n')}`],
  ['backslashes', () => `[A]\na=${filled(() => '\\')}`],
  ['blanks', () => `[A]\na${filled(() => ' ')}=b\n`],
  ['blanks at the end', () => `[A]\na=b${filled(() => ' ')}\n`],
  ['blank lines', () => filled(() => '\n')],
  ['comments', () => filled(() => '#\n')],
  ['comments inside a value', () => `[A]\na=b \\\n${filled(() => '#\n')}c\n`],
  ['brackets', () => filled(() => '[')],
  ['carriage returns', () => filled(() => '\r\n')],
  ['equals', () => `[A]\na${filled(() => '=')}\n`],
  ['metadata with operators', () => fleet(`MachineMetadata=${filled((i) => `k${i}!=v `)}`)],
  ['a list of metadata', () => fleet(`MachineMetadata=a in (${filled((i) => `${i}, `)}z)`)],
  ['blanks before an operator', () => fleet(`MachineMetadata=a${filled(() => ' ')}b`)],
  ['peers', () => fleet(`MachineOf=${filled((i) => `${i}.service `)}`)],
  ['globs', () => fleet(`Conflicts=${filled((i) => `*${i}* `)}`)],
  [
    'one glob of stars',
    () => fleet(`Conflicts=${filled(() => '*a')}b\nMachineOf=${'a'.repeat(255)}`),
  ],
  ['one glob of classes', () => fleet(`Conflicts=${filled(() => '[a-z')}\n`)],
  [
    'peers and globs',
    () =>
      fleet(
        `MachineOf=${filled((i) => `a${i} `).slice(0, half)}\nConflicts=${filled((i) => `*${i} `).slice(0, half)}\n`,
      ),
  ],
  [
    'as many peers and globs as are taken',
    () => {
      const peers = Array.from({ length: 256 }, (_, i) => `${'a'.repeat(240)}${i}`);
      const globs = Array.from({ length: 256 }, (_, i) => `${'*a'.repeat(300)}b${i}`);
      return fleet(`MachineOf=${peers.join(' ')}\nReplaces=${globs.join(' ')}\n`);
    },
  ],
  [
    'dependencies and peers',
    () =>
      `[Unit]\nRequires=${filled((i) => `a${i} `).slice(0, half)}\n` +
      `Conflicts=${filled((i) => `a${i} `).slice(0, half)}\n${fleet('')}`,
  ],
  ['metadata of one key', () => fleet(`MachineMetadata=${filled((i) => `a=${i} `)}\n`)],
  ['metadata of many keys', () => fleet(filled((i) => `MachineMetadata=${i}=a\n`))],
  ['metadata that is none', () => fleet(filled((i) => `MachineMetadata=${i}\n`))],
  ['quotes', () => fleet(`MachineMetadata=${filled(() => '"')}\n`)],
  ['quoted blanks', () => fleet(`MachineMetadata=${filled(() => '" ')}\n`)],
  ['specifiers', () => fleet(`MachineOf=${filled(() => '%i')}\n`)],
  ['targets', () => `[Install]\nWantedBy=${filled((i) => `${i}.target `)}\n`],
  ['aliases', () => `[Install]\n${filled((i) => `Alias=${i}.service\n`)}`],
  ['no aliases', () => `[Install]\n${filled((i) => `Alias=${i}%v\nAlso=${i}\n`)}`],
])('half a megabyte of %s', (_what, text) => {
  readAll(text(), 'a@b.service');
});

const bytes = fc.uint8Array({ maxLength: 200 });

test('arbitrary bytes that are text are read or refused, also with halves of characters', () => {
  const text = fc.oneof(
    bytes.map((all) => Buffer.from(all).toString('utf8')),
    bytes.map((all) => `[A]\nB=${Buffer.from(all).toString('latin1')}`),
    fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
    fc.string({ unit: 'binary' }).map((value) => `[X-Fleet]\nMachineOf=${value}`),
  );
  fc.assert(
    fc.property(text, fc.string({ unit: 'binary' }), (given, name) => {
      const isRead = readAll(given, name);
      const isText = Buffer.from(given, 'utf8').toString('utf8') === given;
      expect(isText || !isRead).toBe(true);
    }),
    { numRuns: 3000 },
  );
});

test('what a unit file may hold is the same in the bytes of a file', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }));
  fc.assert(
    fc.property(text, text, (name, value) => {
      const option = { section: 'A', name, value };
      fc.pre(optionProblem(option) === null);
      const written = Buffer.from(serializeUnitFile({ options: [option] }), 'utf8');
      expect(parseUnitFile(written.toString('utf8')).options).toEqual([option]);
    }),
    { numRuns: 2000 },
  );
});

const nameText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom('a', '@', '.', '-', '\\', 'service', 'mount', '%i', '/', 'é', ' '), {
      maxLength: 8,
    })
    .map((parts) => parts.join('')),
);

test('arbitrary names are taken apart and put together again, and valid ones stay valid', () => {
  fc.assert(
    fc.property(nameText, (given) => {
      const name = withDefaultSuffix(given);
      const { stem, type, prefix, instance, isTemplate } = parseUnitName(name);
      expect(`${stem}.${type}`).toBe(name);
      expect(instance === null ? prefix : `${prefix}@${instance}`).toBe(stem);
      expect(withDefaultSuffix(name)).toBe(name);
      expect(reservedNameProblem(name)).not.toBe('');
      if (checkUnitName(name) !== null) return;
      const template = templateOf(name);
      expect(template === null).toBe(instance === null || isTemplate);
      expect(template === null ? null : checkUnitName(template)).toBeNull();
    }),
    { numRuns: 3000 },
  );
});

test('arbitrary patterns are compiled, and match names or do not', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), nameText, (pattern, name) => {
      const glob = compileGlob(pattern);
      expect(typeof glob.matches(name)).toBe('boolean');
      expect(glob.isMalformed && glob.matches(name)).toBe(false);
    }),
    { numRuns: 3000 },
  );
});
