import fc from 'fast-check';
import { parseRequirements } from './requirements.ts';
import type { Requirements } from './requirements.ts';
import { parseUnitFile } from './unit-file.ts';

const none: Requirements = {
  machineId: null,
  metadata: new Map(),
  metadataTests: [],
  machineOf: [],
  conflicts: [],
  replaces: [],
  isGlobal: false,
  reschedule: null,
  onPartition: 'keep',
  preferences: null,
  resources: null,
};

const read = (fleet: string, name = 'a.service', unit = '') =>
  parseRequirements(parseUnitFile(`[Unit]\n${unit}\n[X-Fleet]\n${fleet}\n`), name);

const id = '0123456789abcdef0123456789abcdef';

test.each<[string, string, Partial<Requirements>]>([
  ['nothing asked', '', {}],
  ['a machine-id', `MachineID=${id}`, { machineId: id }],
  ['its first 8 digits', 'MachineID=01234567', { machineId: '01234567' }],
  ['the modern spelling wins', `X-ConditionMachineID=11111111\nMachineID=${id}`, { machineId: id }],
  ['older spelling', `X-ConditionMachineID=${id}`, { machineId: id }],
  ['oldest spelling', `X-ConditionMachineBootID=${id}`, { machineId: id }],
  ['one metadata pair', 'MachineMetadata=region=eu', { metadata: new Map([['region', ['eu']]]) }],
  [
    'values of one key, several keys',
    'MachineMetadata=region=eu\nMachineMetadata=region=us\nMachineMetadata=disk=ssd',
    {
      metadata: new Map([
        ['region', ['eu', 'us']],
        ['disk', ['ssd']],
      ]),
    },
  ],
  [
    'several pairs in quotes',
    'MachineMetadata="region=eu" "disk=ssd"',
    {
      metadata: new Map([
        ['region', ['eu']],
        ['disk', ['ssd']],
      ]),
    },
  ],
  [
    'several pairs without quotes are not lost',
    'MachineMetadata=region=eu disk=ssd',
    {
      metadata: new Map([
        ['region', ['eu']],
        ['disk', ['ssd']],
      ]),
    },
  ],
  [
    'several pairs over two lines',
    'MachineMetadata=region=eu \\\n  disk=ssd',
    {
      metadata: new Map([
        ['region', ['eu']],
        ['disk', ['ssd']],
      ]),
    },
  ],
  [
    'a value with a blank',
    'MachineMetadata=rack=second floor',
    { metadata: new Map([['rack', ['second floor']]]) },
  ],
  [
    'a value with a blank, quoted',
    'MachineMetadata="rack=second floor"',
    { metadata: new Map([['rack', ['second floor']]]) },
  ],
  [
    'quotes around the value',
    'MachineMetadata=region="eu"',
    { metadata: new Map([['region', ['eu']]]) },
  ],
  [
    'older spelling of metadata',
    'X-ConditionMachineMetadata=region=eu',
    { metadata: new Map([['region', ['eu']]]) },
  ],
  ['a peer', 'MachineOf=b.service', { machineOf: ['b.service'] }],
  [
    'peers on a line, quoted',
    'MachineOf="b.service" "c.service"',
    { machineOf: ['b.service', 'c.service'] },
  ],
  ['peers on a line', 'MachineOf=b.service c.service', { machineOf: ['b.service', 'c.service'] }],
  [
    'older spelling of peers',
    'MachineOf=b.service\nX-ConditionMachineOf=c.service',
    { machineOf: ['c.service', 'b.service'] },
  ],
  [
    'conflicts',
    'Conflicts=b*.service c.service\nX-Conflicts=d.service',
    { conflicts: ['d.service', 'b*.service', 'c.service'] },
  ],
  ['an empty assignment takes back', 'Conflicts=b.service\nConflicts=', {}],
  [
    'replaces',
    'Replaces=old@*.service\nReplaces=a.timer b.timer',
    { replaces: ['old@*.service', 'a.timer', 'b.timer'] },
  ],
  [
    'peers by a pattern that matches the unit as well',
    'MachineOf=a.* b-*.service',
    { machineOf: ['a.*', 'b-*.service'] },
  ],
  ['a peer with a backslash', 'MachineOf=b\\x2dc.mount', { machineOf: ['b\\x2dc.mount'] }],
  ['global', 'Global=true', { isGlobal: true }],
  ['global, other words', 'Global=YES', { isGlobal: true }],
  ['the last Global wins', 'Global=true\nGlobal=no', {}],
  ['to be stopped when cut off', 'OnPartition=stop', { onPartition: 'stop' }],
  ['the last OnPartition wins', 'OnPartition=stop\nOnPartition=keep', {}],
])('asked: %s', (_, fleet, expected) => {
  expect(read(fleet)).toEqual({
    requirements: { ...none, ...expected },
    problems: [],
    disregarded: [],
    warnings: [],
  });
});

test('specifiers are expanded in what is asked', () => {
  const fleet = 'MachineOf=db@%i.service\nConflicts=%p@*.service\nMachineMetadata=zone=%i';
  expect(read(fleet, 'web@7.service').requirements).toEqual({
    ...none,
    machineOf: ['db@7.service'],
    conflicts: ['web@*.service'],
    metadata: new Map([['zone', ['7']]]),
  });
});

test('sections of other names ask for nothing', () => {
  const file = parseUnitFile('[X-Other]\nGlobal=true\n[x-fleet]\nGlobal=true\n');
  expect(parseRequirements(file, 'a.service').requirements).toEqual(none);
});

test.each([
  ['no pair', 'MachineMetadata=a b', 'MachineMetadata="a b" is not of the form key=value'],
  ['no value', 'MachineMetadata=disk=', 'MachineMetadata="disk=" is not of the form key=value'],
  ['no key', 'MachineMetadata==ssd', 'MachineMetadata="=ssd" is not of the form key=value'],
  ['two =', 'MachineMetadata=a=b=c', 'MachineMetadata="a=b=c" is not of the form key=value'],
  ['one of two', 'MachineMetadata=a=b c=d e', 'MachineMetadata="e" is not of the form key=value'],
  ['a lone quote', 'MachineMetadata="', 'MachineMetadata="\\"" is not of the form key=value'],
  [
    'peer and conflict',
    'MachineOf=b.service\nConflicts=b*',
    'unresolvable requirements: peer "b.service" matches conflict "b*"',
  ],
  [
    'peer and replace',
    'MachineOf=b.service\nReplaces=b*',
    'unresolvable requirements: peer "b.service" matches replace "b*"',
  ],
  [
    'machine and peers',
    'MachineID=01234567\nMachineOf=b.service',
    'MachineID cannot be used with Peers',
  ],
  [
    'machine and conflicts',
    'MachineID=01234567\nConflicts=b.service',
    'MachineID cannot be used with Conflicts',
  ],
  ['machine and global', 'MachineID=01234567\nGlobal=true', 'MachineID cannot be used with Global'],
  [
    'machine and replaces',
    'MachineID=01234567\nReplaces=b.service',
    'MachineID cannot be used with Replaces',
  ],
  ['global and peers', 'Global=true\nMachineOf=b.service', 'Global cannot be used with Peers'],
  ['global and replaces', 'Global=true\nReplaces=b.service', 'Global cannot be used with Replaces'],
  [
    'conflicts and replaces',
    'Conflicts=b.service\nReplaces=c.service',
    'Conflicts cannot be used with Replaces',
  ],
  ['another word', 'OnPartition=die', 'OnPartition=die is neither keep nor stop'],
  ['itself', 'MachineOf=%n', 'MachineOf=a.service names the unit itself'],
])('refused: %s', (_, fleet, expected) => {
  expect(read(fleet).problems).toEqual([expected]);
});

test.each([
  ['global with conflicts', 'Global=true\nConflicts=b.service'],
  ['global with metadata', 'Global=true\nMachineMetadata=a=b'],
  ['machine with metadata', 'MachineID=01234567\nMachineMetadata=a=b'],
])('allowed: %s', (_, fleet) => {
  expect(read(fleet).problems).toEqual([]);
});

test.each([
  [
    'an unknown option',
    'MachineMetdata=a=b',
    'MachineMetdata in [X-Fleet] is not known and has no effect; the nearest known option is MachineMetadata',
  ],
  [
    'other case',
    'conflicts=b',
    'conflicts in [X-Fleet] is not known and has no effect; the nearest known option is Conflicts',
  ],
  [
    'no machine-id',
    'MachineID=web1',
    'MachineID=web1 is neither a machine-id (32 hex digits) nor its first 8 digits',
  ],
  [
    'two machine-ids',
    'MachineID=01234567\nMachineID=89abcdef',
    'only the first MachineID counts: 01234567',
  ],
  ['neither yes nor no', 'Global=maybe', 'Global=maybe is neither yes nor no and counts as no'],
  ['a peer without type', 'MachineOf=b', 'MachineOf=b has no type: b.service may be meant'],
  [
    'a peer that is a template',
    'MachineOf=b@.service',
    'MachineOf=b@.service names a template, which never runs',
  ],
  [
    'a unit that replaces itself',
    'Replaces=a.*',
    'Replaces=a.* matches a.service itself: among units that replace each other it has no effect',
  ],
  [
    'a malformed pattern of peers',
    'MachineOf=b[',
    'the pattern "b[" is malformed and never matches',
  ],
  ['a malformed pattern', 'Conflicts=b[', 'the pattern "b[" is malformed and never matches'],
])('warned: %s', (_, fleet, expected) => {
  expect(read(fleet)).toMatchObject({ problems: [], warnings: [expected] });
});

describe('dependencies in [Unit]', () => {
  test('its Conflicts= count, names only', () => {
    const { requirements, problems } = read(
      'Conflicts=c*',
      'a@1.service',
      'Conflicts=b@%i.service x[y].service',
    );
    expect(requirements.conflicts).toEqual(['c*', 'b@1.service', 'x\\[y\\].service']);
    expect(problems).toEqual([]);
  });

  test('they do not count against MachineID or Replaces, nor against a peer', () => {
    const { requirements, problems, warnings } = read(
      'MachineOf=b.service',
      'a.service',
      'Conflicts=b.service shutdown.target',
    );
    expect(requirements.conflicts).toEqual(['shutdown.target']);
    expect(problems).toEqual([]);
    expect(warnings).toEqual([
      'b.service is in MachineOf and in Conflicts of [Unit]: it is placed on the same machine, where systemd lets only one of the two run',
    ]);
    expect(read('Replaces=b.service', 'a.service', 'Conflicts=c.service').problems).toEqual([]);
    expect(read('MachineID=01234567', 'a.service', 'Conflicts=c.service').problems).toEqual([]);
  });

  test.each([
    [
      'Requires',
      'Requires=b.service',
      '',
      [
        'Requires=b.service without MachineOf=b.service: if it is a unit of the cluster it may be on another machine',
      ],
    ],
    [
      'BindsTo of an instance',
      'BindsTo=b@%i.service',
      '',
      [
        'BindsTo=b@1.service without MachineOf=b@1.service: if it is a unit of the cluster it may be on another machine',
      ],
    ],
    ['with MachineOf', 'BindsTo=b@%i.service', 'MachineOf=b@%i.service', []],
    ['with MachineOf of all', 'BindsTo=b@%i.service', 'MachineOf=b@*.service', []],
    ['of the host', 'Requires=docker.service network-online.target srv.mount', '', []],
    ['a global unit', 'Requires=b.service', 'Global=true', []],
    ['Wants', 'Wants=b.service', '', []],
  ])('%s', (_, unit, fleet, expected) => {
    expect(read(fleet, 'a@1.service', unit).warnings).toEqual(expected);
  });
});

test('any values give requirements without anything empty in them', () => {
  const value = fc.array(
    fc.constantFrom('a', '=', ' ', '"', '*', '[', '%i', '\\', 'é', '.service'),
    { maxLength: 12 },
  );
  const option = fc.constantFrom(
    'MachineID',
    'MachineOf',
    'MachineMetadata',
    'Conflicts',
    'Replaces',
    'Global',
  );
  const options = fc.array(
    fc.record({
      section: fc.constantFrom('X-Fleet', 'Unit'),
      name: option,
      value: value.map((v) => v.join('')),
    }),
  );
  fc.assert(
    fc.property(options, fc.constantFrom('a@b.service', 'a.service'), (all, name) => {
      const { requirements, problems, warnings } = parseRequirements({ options: all }, name);
      const { machineId, metadata, machineOf, conflicts, replaces } = requirements;
      const words = [...machineOf, ...conflicts, ...replaces];
      expect(words.filter((word) => word === '' || word.includes(' '))).toEqual([]);
      expect([...metadata].flat(2)).not.toContain('');
      expect(machineId).not.toBe('');
      expect([...problems, ...warnings]).not.toContain('');
    }),
    { numRuns: 1000 },
  );
});
