import * as codec from './codec.ts';
import { encodeRebalance, parseRebalance } from './rebalance-codec.ts';
import { placing, facts, hashOf, report, unitWrite } from './testing/ground.ts';
import type { StoredKey } from './store.ts';

const at = { machine: 'm1', unit: 'x.service' };

function stored(value: string): StoredKey {
  return { key: '/k', value, createRevision: 3, modRevision: 9, lease: null };
}

function without(json: string, field: string): string {
  return JSON.stringify({ ...JSON.parse(json), [field]: undefined });
}

function set<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('the example lacks it');
  return value;
}

const change = placing('x.service', 'm1', { unitRevision: 3, placementRevision: 0 });
const assignment = set(change.assign[0]);
const auditEntries = [
  { type: 'destroyed', unit: 'x.service', origin: { by: 'root@here', at: 5, commit: 'abc' } },
  { type: 'destroyed', unit: 'y.service', origin: { by: 'root@here' } },
  { type: 'withdrawn', unit: 'z.service', machine: 'm1', reason: 'why not', at: 6 },
  { type: 'withdrawn', unit: 'z.service', machine: 'm2', reason: 'why not', at: 6, fence: 7 },
] as const;
const brake = { isOn: true, machines: ['m1', 'm2'], reason: 'many are absent', at: 5 };
const loss = { machine: 'm1', isForgotten: true, origin: { by: 'root@here', at: 6 } };
const rebalance = {
  origin: { by: 'root@here', at: 6 },
  limit: null,
  atOnce: 2,
  moved: 3,
  moves: [
    {
      units: ['x.service', 'y.service'],
      revisions: [4, 5],
      from: 'm1',
      to: 'm2',
      order: 'stop-first',
      reason: 'why',
    },
  ],
} as const;
const examples = {
  unit: codec.encodeUnit(set(unitWrite('x.service').set), 'nonce'),
  assignment: codec.encodeAssignment(assignment, 'nonce'),
  placement: codec.encodePlacement(set(change.placement), 'nonce'),
  machine: codec.encodePresence({ ...facts('m1'), awaySince: 5 }, 'token'),
  settings: codec.encodeSettings({ machine: 'm1', metadata: { a: 'b', c: null } }, 'nonce'),
  state: codec.encodeState(report('x.service', { invocationId: null, problem: 'refused' })),
  leader: codec.encodeLeader({ machine: 'm1', apiUrl: null }, 'nonce'),
  cluster: codec.encodeCluster('id', 1),
  audit: codec.encodeAudit(auditEntries),
  brake: codec.encodeBrake(brake, 'nonce'),
  loss: codec.encodeLoss(loss, 'nonce'),
  rebalance: encodeRebalance(rebalance, 'nonce'),
};
const parsers = {
  unit: (value: string) => codec.parseUnit('x.service', stored(value)),
  assignment: (value: string) => codec.parseAssignment(at, stored(value)),
  placement: (value: string) => codec.parsePlacement('x.service', stored(value)),
  machine: (value: string) => codec.parsePresence('m1', stored(value)),
  settings: (value: string) => codec.parseSettings('m1', stored(value)),
  state: (value: string) => codec.parseState(at, stored(value)),
  leader: (value: string) => codec.parseLeader(stored(value)),
  cluster: (value: string) => codec.parseCluster(stored(value)),
  audit: (value: string) => codec.parseAudit(stored(value)),
  brake: (value: string) => codec.parseBrake(stored(value)),
  loss: (value: string) => codec.parseLoss('m1', stored(value)),
  rebalance: (value: string) => parseRebalance(stored(value)),
};
const kinds = [
  'unit',
  'assignment',
  'placement',
  'machine',
  'settings',
  'state',
  'leader',
  'cluster',
  'audit',
  'brake',
  'loss',
  'rebalance',
] as const;

test('what is encoded is parsed back, with what key and etcd say', () => {
  const back = kinds.map((kind) => [kind, parsers[kind](examples[kind])]);
  expect(Object.fromEntries(back)).toEqual({
    unit: {
      type: 'parsed',
      record: {
        name: 'x.service',
        hash: hashOf('a'),
        desiredState: 'launched',
        restarts: 0,
        origin: { by: 'root@here' },
        createRevision: 3,
        modRevision: 9,
      },
    },
    assignment: {
      type: 'parsed',
      record: { ...assignment, createRevision: 3, modRevision: 9 },
    },
    placement: { type: 'parsed', record: { ...change.placement, modRevision: 9 } },
    machine: {
      type: 'parsed',
      record: { machine: { ...facts('m1'), awaySince: 5, modRevision: 9 }, token: 'token' },
    },
    settings: {
      type: 'parsed',
      record: { machine: 'm1', metadata: { a: 'b', c: null }, modRevision: 9 },
    },
    state: {
      type: 'parsed',
      record: {
        ...report('x.service', { invocationId: null, problem: 'refused' }),
        machine: 'm1',
        modRevision: 9,
      },
    },
    leader: { type: 'parsed', record: { machine: 'm1', apiUrl: null, createRevision: 3 } },
    cluster: { type: 'parsed', record: { id: 'id', format: 1, createRevision: 3 } },
    audit: { type: 'parsed', record: auditEntries },
    brake: { type: 'parsed', record: { ...brake, modRevision: 9 } },
    loss: { type: 'parsed', record: { ...loss, modRevision: 9 } },
    rebalance: { type: 'parsed', record: { ...rebalance, modRevision: 9 } },
  });
});

test('a machine keeps what it has for units; one that does not say so is read as well', () => {
  const capacity = {
    cpus: 2,
    memoryBytes: 3,
    diskBytes: 4,
    tasks: 5,
    cpuList: '0-1',
    reserved: { cpus: 0.5, memoryBytes: 1, diskBytes: 2 },
  };
  const value = codec.encodePresence({ ...facts('m1', { capacity }), awaySince: null }, 'token');
  expect(codec.parsePresence('m1', stored(value))).toMatchObject({
    record: { machine: { capacity } },
  });
  const older = { cpus: 2, memoryBytes: 3 };
  const before = codec.encodePresence(
    { ...facts('m1', { capacity: older }), awaySince: null },
    'token',
  );
  expect(codec.parsePresence('m1', stored(before))).toMatchObject({
    record: { machine: { capacity: older } },
  });
});

test('a rebalance keeps why no more moves are begun, and a policy that it begins by itself', () => {
  const end = { type: 'stopped', reason: 'by root@here' } as const;
  const value = encodeRebalance({ ...rebalance, end }, 'nonce');
  expect(parseRebalance(stored(value))).toMatchObject({ record: { end } });
  const policy = { placement: 'pack', rebalance: 'auto', origin: { by: 'kim' } } as const;
  const parse = (text: string): unknown => codec.parsePolicy(stored(text));
  const text = codec.encodePolicy(policy, 'nonce');
  expect(parse(text)).toMatchObject({ record: { rebalance: 'auto' } });
  expect(parse(text.replace('auto', 'later word'))).toEqual({
    type: 'parsed',
    record: { placement: 'pack', origin: { by: 'kim' }, modRevision: 9 },
  });
});

test('settings keep who set them', () => {
  const settings = { machine: 'm1', metadata: { a: 'b' }, origin: { by: 'x@y', at: 7 } };
  expect(codec.parseSettings('m1', stored(codec.encodeSettings(settings, 'n')))).toEqual({
    type: 'parsed',
    record: { ...settings, modRevision: 9 },
  });
});

test('the origin keeps its commit and its time', () => {
  const write = set(unitWrite('x.service').set);
  const origin = { by: 'git', commit: 'abc', at: 1_700_000_000_000 };
  const value = codec.encodeUnit({ ...write, origin }, 'n');
  expect(codec.parseUnit('x.service', stored(value))).toMatchObject({ record: { origin } });
});

test('what single machines were asked for is kept; records from before that are read as well', () => {
  const perMachine = { m1: { restarts: 2, starts: 1 } };
  const value = codec.encodeUnit({ ...set(unitWrite('x.service').set), perMachine }, 'n');
  expect(codec.parseUnit('x.service', stored(value))).toMatchObject({ record: { perMachine } });
  expect(codec.parseUnit('x.service', stored(examples.unit))).toMatchObject({
    record: expect.not.objectContaining({ perMachine: expect.anything() }),
  });
  const started = codec.encodeAssignment({ ...assignment, starts: 3 }, 'n');
  expect(codec.parseAssignment(at, stored(started))).toMatchObject({ record: { starts: 3 } });
});

test('what becomes of a unit when its machine is cut off, and that it is to leave, is kept', () => {
  const more = { onPartition: 'stop', isLeaving: true } as const;
  const value = codec.encodeAssignment({ ...assignment, ...more }, 'n');
  expect(codec.parseAssignment(at, stored(value))).toMatchObject({ record: more });
  const before = codec.parseAssignment(at, stored(codec.encodeAssignment(assignment, 'n')));
  expect(before.type === 'parsed' && Object.keys(before.record)).not.toContain('isLeaving');
  const later = JSON.stringify({ ...JSON.parse(value), onPartition: 'freeze' });
  expect(codec.parseAssignment(at, stored(later))).toMatchObject({ type: 'parsed' });
});

test('how a service failed is kept; states from before that are read as well', () => {
  const failing = { exit: { code: 'dumped', status: 11 }, flapping: 7 } as const;
  const value = codec.encodeState(report('x.service', failing));
  expect(codec.parseState(at, stored(value))).toMatchObject({ record: failing });
  const { exit, flapping, ...before } = JSON.parse(value);
  expect({ exit, flapping }).toEqual(failing);
  const parsed = codec.parseState(at, stored(JSON.stringify(before)));
  expect(Object.keys(parsed.type === 'parsed' ? parsed.record : {})).not.toContain('exit');
  expect(parsed.type).toBe('parsed');
});

test('where a unit failed is kept, also while it is on no machine', () => {
  const failures = { attempts: 2, machines: ['m1', 'm2'], unitRevision: 5 };
  const value = codec.encodePlacement({ unit: 'x.service', machines: [], failures }, 'n');
  expect(codec.parsePlacement('x.service', stored(value))).toEqual({
    type: 'parsed',
    record: { unit: 'x.service', machines: [], failures, modRevision: 9 },
  });
  const odd = JSON.stringify({ machines: [], failures: { ...failures, machines: [1] } });
  expect(codec.parsePlacement('x.service', stored(odd))).toEqual({
    type: 'malformed',
    problem: 'failures.machines must be a list of texts, is [1]',
  });
});

test.each(kinds)(
  '%s: a missing field is named, and fields of later versions are ignored',
  (kind) => {
    const example = examples[kind];
    for (const field of Object.keys(JSON.parse(example))) {
      if (field === 'nonce') continue;
      const parsed = parsers[kind](without(example, field));
      if (parsed.type !== 'malformed') throw new Error(`${kind} parses without ${field}`);
      expect(parsed.problem).toContain(field);
    }
    const later = JSON.stringify({ ...JSON.parse(example), addedLater: [1] });
    expect(parsers[kind](later).type).toBe('parsed');
  },
);

test.each([
  ['no JSON', 'hello', 'is not JSON: "hello"'],
  ['empty', '', 'is not JSON: ""'],
  ['a list', '[]', 'it is not an object'],
  ['null', 'null', 'it is not an object'],
  ['a hash that is none', '{"hash":"xyz"}', 'hash must be a SHA-1 in hex, is "xyz"'],
])('%s is malformed', (_, value, problem) => {
  expect(codec.parseUnit('x.service', stored(value))).toEqual({ type: 'malformed', problem });
});

test.each([
  [
    'an unknown desired state',
    { desiredState: 'inactive' },
    'desiredState must be one of loaded, launched, is "inactive"',
  ],
  [
    'an unknown role',
    { role: 'boss' },
    'role must be one of holder, successor, released, is "boss"',
  ],
  ['a mark that is none', { isLeaving: 'yes' }, 'isLeaving must be true, is "yes"'],
  ['a fraction', { restarts: 1.5 }, 'restarts must be a whole number, is 1.5'],
  ['a negative revision', { incarnation: -1 }, 'incarnation must be a whole number, is -1'],
])('an assignment with %s is malformed', (_, wrong, problem) => {
  const value = JSON.stringify({ ...JSON.parse(examples.assignment), ...wrong });
  expect(codec.parseAssignment(at, stored(value))).toEqual({ type: 'malformed', problem });
});

test('a wrong field deep inside is named with its path', () => {
  const perMachine = { m1: { restarts: 'many', starts: 0 } };
  expect(
    codec.parseUnit('x', stored(JSON.stringify({ ...JSON.parse(examples.unit), perMachine }))),
  ).toEqual({
    type: 'malformed',
    problem: 'perMachine.m1.restarts must be a whole number, is "many"',
  });
  const machines = [
    { machine: 'm1', role: 'holder' },
    { machine: 5, role: 'holder' },
  ];
  expect(codec.parsePlacement('x', stored(JSON.stringify({ machines })))).toEqual({
    type: 'malformed',
    problem: 'machines[1].machine must be a text, is 5',
  });
  const metadata = { zone: 5 };
  const machine = JSON.stringify({ ...JSON.parse(examples.machine), metadata });
  expect(codec.parsePresence('m1', stored(machine))).toEqual({
    type: 'malformed',
    problem: 'metadata.zone must be a text, is 5',
  });
});
