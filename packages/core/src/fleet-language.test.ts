import { checkUnitFile } from './check-unit-file.ts';
import { UnitFileSyntaxError } from './errors.ts';
import { parseRequirements } from './requirements.ts';
import { hashUnitFile, parseUnitFile, serializeUnitFile } from './unit-file.ts';
import { checkUnitName } from './unit-name.ts';

/**
 * fleet 1.0's unit language, row by row: what fleet did, and what is done here. Where that is not the
 * same the last column says why.
 */
const same = 'as fleet';

describe('names: the first thing that is wrong, in fleet’s words', () => {
  const long = (length: number): string => `${'a'.repeat(length - '.service'.length)}.service`;

  test.each<[name: string, fleet: string | null, here: string | null, why: string]>([
    ['', 'unit name cannot be empty', 'unit name cannot be empty', same],
    [
      long(257),
      'unit name exceeds maximum length (256)',
      'unit name exceeds maximum length (256)',
      same,
    ],
    [
      `${'/'.repeat(257)}`,
      'unit name exceeds maximum length (256)',
      'unit name exceeds maximum length (256)',
      same,
    ],
    ['a/b', 'unit name must contain "."', 'unit name must contain "."', same],
    ['a/b.', 'unit name cannot end in "."', 'unit name cannot end in "."', same],
    ['@a/b.foo', 'invalid unit type: "foo"', 'invalid unit type: "foo"', same],
    [
      '@a/b.mount',
      'invalid unit type for template: "mount"',
      'invalid unit type for template: "mount"',
      same,
    ],
    [
      '@a/b.service',
      "invalid character '/' in unit name",
      "invalid character '/' in unit name",
      same,
    ],
    ['@a.service', 'unit name cannot start in "@"', 'unit name cannot start in "@"', same],
    ...['automount', 'busname', 'device', 'mount', 'scope', 'slice', 'snapshot', 'swap'].map(
      (type): [string, string, string, string] => [
        `a@b.${type}`,
        `invalid unit type for template: "${type}"`,
        `invalid unit type for template: "${type}"`,
        same,
      ],
    ),
    ...['path', 'service', 'socket', 'target', 'timer'].map(
      (type): [string, null, null, string] => [`a@b.${type}`, null, null, same],
    ),
    ['a:b-c_d.e\\x2d.service', null, null, same],
    ['a@b@c.service', null, null, same],
    [
      long(256),
      null,
      'unit name exceeds maximum length of systemd (255)',
      'systemd takes 255 bytes',
    ],
    [
      '.service',
      null,
      'unit name has nothing before ".service"',
      'systemd has no unit of that name',
    ],
  ])('%s', (name, _fleet, here, _why) => {
    expect(checkUnitName(name)).toBe(here);
  });
});

describe('the grammar', () => {
  const plain = (text: string): string => {
    try {
      return serializeUnitFile(parseUnitFile(text));
    } catch (error) {
      if (error instanceof UnitFileSyntaxError) return error.message;
      throw error;
    }
  };

  test.each<[what: string, text: string, here: string, why: string]>([
    ['a file without sections has no options', '# nothing\n', '', same],
    [
      'sections of one name are joined at the first',
      '[A]\na=1\n[B]\nb=1\n[A]\na=2\n',
      '[A]\na=1\na=2\n\n[B]\nb=1\n',
      same,
    ],
    ['repeated options keep their order', '[A]\na=2\na=1\n', '[A]\na=2\na=1\n', same],
    ['# and ; begin comments', '[A]\n# a\n; b\na=1 # c\n', '[A]\na=1 # c\n', same],
    ['values are trimmed', '[A]\n a = \t1 2 \t\n', '[A]\na=1 2\n', same],
    ['a continued value keeps its line break', '[A]\na=1 \\\n  2\n', '[A]\na=1 \\\n  2\n', same],
    ['CRLF', '[A]\r\na=1\r\n', '[A]\na=1\n', same],
    ['no ]', '[A\na=1\n', 'line 1: "[A" has no closing "]"', same],
    ['text after ]', '[A] b\n', 'line 1: garbage after section [A]: " b"', same],
    ['a line without =', '[A]\nabc\n', 'line 2: "abc" is no option: it has no "="', same],
    [
      'text before the first section: fleet passed over it',
      'a=1\n[A]\nb=1\n',
      'line 1: "a=1" stands before the first section',
      'what is not read is not meant to be there',
    ],
    [
      'a comment that ends in a backslash: in fleet the next line was part of it',
      '[A]\n# b \\\na=1\n',
      '[A]\na=1\n',
      'in systemd it is not',
    ],
    [
      'a comment inside a continued value: an error in fleet',
      '[A]\na=1 \\\n# b\n  2\n',
      '[A]\na=1 \\\n  2\n',
      'systemd allows it',
    ],
    [
      'a line of 2,048 bytes: an error in fleet',
      `[A]\na=${'x'.repeat(4000)}\n`,
      `[A]\na=${'x'.repeat(4000)}\n`,
      'systemd takes lines of up to a megabyte',
    ],
  ])('%s', (_what, text, here, _why) => {
    expect(plain(text)).toBe(here);
  });

  test('the hash is fleet’s', () => {
    const hash = hashUnitFile(parseUnitFile('[Service]\nExecStart=/bin/sleep 3000\n'));
    expect(hash).toBe('7dc08eb00f0c705e84a61e030d98e8cc3c994954');
    expect(hashUnitFile({ options: [] })).toBe('da39a3ee5e6b4b0d3255bfef95601890afd80709');
  });
});

describe('[X-Fleet]', () => {
  const read = (fleet: string, name: string) =>
    parseRequirements(parseUnitFile(`[X-Fleet]\n${fleet}\n`), name);
  /** Only what is asked for, as plain data. */
  const asked = (fleet: string, name: string): Record<string, unknown> => {
    const {
      metadata,
      onPartition: _,
      reschedule: __,
      resources: ___,
      ...rest
    } = read(fleet, name).requirements;
    const all = { ...rest, metadata: Object.fromEntries(metadata) };
    return Object.fromEntries(
      Object.entries(all).filter(
        ([, value]) => value === true || Object.keys(Object(value ?? '')).length > 0,
      ),
    );
  };

  test.each<[what: string, fleet: string, here: Record<string, unknown>, why: string]>([
    [
      'MachineID: the first value',
      'MachineID=01234567\nMachineID=89abcdef',
      { machineId: '01234567' },
      same,
    ],
    [
      'MachineID before the older spellings',
      'X-ConditionMachineBootID=1\nX-ConditionMachineID=2\nMachineID=3',
      { machineId: '3' },
      same,
    ],
    [
      'X-ConditionMachineID before …BootID',
      'X-ConditionMachineBootID=1\nX-ConditionMachineID=2',
      { machineId: '2' },
      same,
    ],
    ['X-ConditionMachineBootID', 'X-ConditionMachineBootID=1', { machineId: '1' }, same],
    [
      'MachineOf, the older spelling first',
      'MachineOf=b.service\nX-ConditionMachineOf=c.service',
      { machineOf: ['c.service', 'b.service'] },
      same,
    ],
    [
      'several in quotes on a line',
      'MachineOf="b.service" "c.service"',
      { machineOf: ['b.service', 'c.service'] },
      same,
    ],
    [
      'MachineOf=b c without quotes: one name with a blank in fleet',
      'MachineOf=b.service c.service',
      { machineOf: ['b.service', 'c.service'] },
      'no unit has a name with a blank',
    ],
    [
      'a double blank between quotes: an empty name in fleet',
      'MachineOf="b.service"  "c.service"',
      { machineOf: ['b.service', 'c.service'] },
      'no unit has an empty name',
    ],
    [
      'MachineMetadata: one key, any of its values',
      'MachineMetadata=a=1\nX-ConditionMachineMetadata=a=2',
      { metadata: { a: ['2', '1'] } },
      same,
    ],
    [
      'MachineMetadata: several keys',
      'MachineMetadata="a=1" "b=2"',
      { metadata: { a: ['1'], b: ['2'] } },
      same,
    ],
    [
      'MachineMetadata=a=1 b=2 without quotes: fleet dropped it, and with it the requirement',
      'MachineMetadata=a=1 b=2',
      { metadata: { a: ['1'], b: ['2'] } },
      'a requirement is not lost silently',
    ],
    [
      'Conflicts: split at blanks, the older spelling first',
      'Conflicts=b* c\nX-Conflicts=d',
      { conflicts: ['d', 'b*', 'c'] },
      same,
    ],
    [
      'Replaces: one glob with a blank in fleet',
      'Replaces=b* c*',
      { replaces: ['b*', 'c*'] },
      'no unit has a name with a blank',
    ],
    ['Global: the last value', 'Global=no\nGlobal=True', { isGlobal: true }, same],
    ...['true', 'YES', '1', 'on', 'T'].map(
      (yes): [string, string, Record<string, unknown>, string] => [
        `Global=${yes}`,
        `Global=${yes}`,
        { isGlobal: true },
        same,
      ],
    ),
    ...['false', 'y', '2', 'enabled'].map(
      (no): [string, string, Record<string, unknown>, string] => [
        `Global=${no}`,
        `Global=${no}`,
        {},
        same,
      ],
    ),
    [
      'specifiers',
      'MachineOf=%n.x %N.x %p.x %i.x',
      { machineOf: ['a@1.service.x', 'a@1.x', 'a.x', '1.x'] },
      same,
    ],
    [
      'nothing is unescaped, %m and %H stay',
      'MachineOf=%m.x %H.x',
      { machineOf: ['%m.x', '%H.x'] },
      same,
    ],
    [
      '%%: two characters in fleet',
      'MachineOf=%%i.x',
      { machineOf: ['%i.x'] },
      'it is a percent sign in systemd',
    ],
    [
      'an empty value: a name of nothing in fleet',
      'Conflicts=b\nConflicts=',
      {},
      'it takes back what was before it, as in systemd',
    ],
    [
      'MachineMetadata=ssd: fleet dropped it, and with it the requirement',
      'MachineMetadata=ssd',
      { metadataTests: [{ type: 'present', key: 'ssd' }] },
      'it asks for a machine that has the key',
    ],
    [
      'MachineMetadata=disk!=ssd: a key "disk!" in fleet, which nobody had',
      'MachineMetadata=disk!=ssd',
      { metadataTests: [{ type: 'not-in', key: 'disk', values: ['ssd'] }] },
      'it is what people meant',
    ],
    ['an unknown option', 'Unknown=1', {}, same],
  ])('%s', (_what, fleet, here, _why) => {
    expect(asked(fleet, 'a@1.service')).toEqual(here);
    expect(read(fleet, 'a@1.service').problems).toEqual([]);
  });

  const refusedHere = 'fleet passed over it, and dropped the requirement with it';
  test.each([
    ['words', 'MachineMetadata=fast ssd', refusedHere],
    ['nothing after =', 'MachineMetadata=disk=', refusedHere],
    ['two =', 'MachineMetadata=a=b=c', refusedHere],
  ])('MachineMetadata with %s is refused', (_what, fleet, _why) => {
    expect(read(fleet, 'a.service').problems).toEqual([
      expect.stringMatching(/ is not of the form key=value$/),
    ]);
  });
});

describe('what contradicts itself: the first message is fleet’s', () => {
  const first = (fleet: string, name = 'a.service', rest = '[Service]\nExecStart=/bin/true\n') =>
    checkUnitFile(parseUnitFile(`${rest}[X-Fleet]\n${fleet}\n`), name).problems[0];
  const all = 'MachineID=01234567\nMachineOf=b.service\nConflicts=b.*\nReplaces=b.*\nGlobal=true\n';
  const clash = (kind: string): string =>
    `unresolvable requirements: peer "b.service" matches ${kind} "b.*"`;

  test.each<[what: string, fleet: string, here: string | undefined, why: string]>([
    ['everything at once', all, clash('conflict'), same],
    ['peer and replace', all.replace('Conflicts=b', 'Conflicts=c'), clash('replace'), same],
    [
      'MachineID with peers',
      all.replaceAll('=b.*', '=c'),
      'MachineID cannot be used with Peers',
      same,
    ],
    [
      'MachineID with conflicts',
      'MachineID=1\nConflicts=c\nReplaces=c\nGlobal=1',
      'MachineID cannot be used with Conflicts',
      same,
    ],
    [
      'MachineID with Global',
      'MachineID=1\nReplaces=c\nGlobal=1',
      'MachineID cannot be used with Global',
      same,
    ],
    [
      'MachineID with Replaces',
      'MachineID=1\nReplaces=c',
      'MachineID cannot be used with Replaces',
      same,
    ],
    [
      'Global with peers',
      'MachineOf=b.service\nReplaces=c\nGlobal=1\nConflicts=d',
      'Global cannot be used with Peers',
      same,
    ],
    [
      'Global with Replaces',
      'Replaces=c\nGlobal=1\nConflicts=d',
      'Global cannot be used with Replaces',
      same,
    ],
    [
      'Conflicts with Replaces',
      'Replaces=c\nConflicts=d',
      'Conflicts cannot be used with Replaces',
      same,
    ],
    [
      'the first peer, then the first pattern',
      'MachineOf=b.x c.x\nConflicts=c* b* *',
      'unresolvable requirements: peer "b.x" matches conflict "b*"',
      same,
    ],
    [
      'before what fleet did not check',
      'Global=1\nReplaces=c\nMachineMetadata=a b',
      'Global cannot be used with Replaces',
      same,
    ],
    ['Global with Conflicts', 'Global=1\nConflicts=d', undefined, same],
    ['Global with metadata', 'Global=1\nMachineMetadata=a=b', undefined, same],
    ['MachineID with metadata', 'MachineID=01234567\nMachineMetadata=a=b', undefined, same],
    ['two that follow each other', 'MachineOf=b.service', undefined, same],
    [
      'a conflict that only the name shows: fleet took it, and never placed it',
      'MachineOf=a-b.service\nConflicts=%p-*',
      'unresolvable requirements: peer "a-b.service" matches conflict "a-*"',
      'it is known before it is stored',
    ],
    [
      'a unit that follows itself: fleet took it, and never placed it',
      'MachineOf=%n',
      'MachineOf=a.service names the unit itself',
      'it is known before it is stored',
    ],
  ])('%s', (_what, fleet, here, _why) => {
    expect(first(fleet)).toBe(here);
  });

  test('before what is ours: a type that nobody can start', () => {
    const unit = '[Unit]\nDescription=a\n';
    expect(first('Global=1\nReplaces=c', 'a.device', unit)).toBe(
      'Global cannot be used with Replaces',
    );
    expect(first('', 'a.device', unit)).toMatch(/^systemd starts no \.device unit/);
  });

  test('an instance is not known in a template: what depends on it is not judged', () => {
    const fleet = 'MachineMetadata=zone=%i\nMachineOf=db@%i.service\nConflicts=%p@*.service';
    expect(first(fleet, 'web@.service')).toBeUndefined();
    expect(first(fleet, 'web@1.service')).toBeUndefined();
    expect(first(fleet, 'db@1.service')).toMatch(
      /^unresolvable requirements: peer "db@1\.service"/,
    );
  });
});
