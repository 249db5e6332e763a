import { readFileSync } from 'node:fs';
import path from 'node:path';
import type {
  Assignment,
  AuditEntry,
  Leader,
  Machine,
  MachineSettings,
  RecordChange,
  Unit,
  UnitState,
} from '@muster/core';
import { eventsOf } from './derive-events.ts';
import { eventTypes } from './event.ts';
import type { EventBody } from './event.ts';

const m1 = `1234abcd${'1'.repeat(24)}`;
const m2 = `5678abcd${'2'.repeat(24)}`;
const at = 1_700_000_000_000;

const unit = (change: Partial<Unit> = {}): Unit => ({
  name: 'web.service',
  hash: 'a'.repeat(40),
  desiredState: 'inactive',
  restarts: 0,
  origin: { by: 'kim@box', at },
  createRevision: 5,
  modRevision: 5,
  ...change,
});
const assignment = (change: Partial<Assignment> = {}): Assignment => ({
  unit: 'web.service',
  machine: m1,
  hash: 'a'.repeat(40),
  desiredState: 'launched',
  restarts: 0,
  incarnation: 5,
  role: 'holder',
  reason: 'least loaded',
  at,
  modRevision: 6,
  ...change,
});
const state = (change: Partial<UnitState> = {}): UnitState => ({
  unit: 'web.service',
  machine: m1,
  loadState: 'loaded',
  activeState: 'active',
  subState: 'running',
  result: 'success',
  problem: null,
  since: at,
  bootId: 'boot',
  invocationId: '1',
  hash: 'a'.repeat(40),
  answers: 6,
  modRevision: 7,
  ...change,
});
const machine = (change: Partial<Machine> = {}): Machine => ({
  id: m1,
  bootId: 'boot',
  hostname: 'host-12',
  address: '10.0.0.1',
  apiUrl: null,
  metadata: { region: 'eu' },
  capacity: { cpus: 2, memoryBytes: 1024 ** 3 },
  version: '0.1.0',
  awaySince: null,
  at,
  modRevision: 3,
  ...change,
});
const settings = (metadata: MachineSettings['metadata'], change = {}): MachineSettings => ({
  machine: m1,
  metadata,
  origin: { by: 'kim@box', at },
  modRevision: 9,
  ...change,
});
const leader = (change: Partial<Leader> = {}): Leader => {
  return { machine: m1, apiUrl: null, at, createRevision: 4, ...change };
};

const ofUnit = (before: Unit | null, after: Unit | null): RecordChange => {
  return { index: 0, type: 'unit', unit: 'web.service', before, after };
};
const ofAssignment = (before: Assignment | null, after: Assignment | null): RecordChange => {
  return { index: 0, type: 'assignment', unit: 'web.service', machine: m1, before, after };
};
const ofState = (before: UnitState | null, after: UnitState | null): RecordChange => {
  return { index: 0, type: 'state', unit: 'web.service', machine: m1, before, after };
};
const ofMachine = (before: Machine | null, after: Machine | null): RecordChange => {
  return { index: 0, type: 'machine', machine: m1, before, after };
};
const ofSettings = (before: MachineSettings | null, after: MachineSettings): RecordChange => {
  return { index: 0, type: 'settings', machine: m1, before, after };
};
const audit = (...entries: AuditEntry[]): RecordChange => ({ index: 1, type: 'audit', entries });

/** The only event of a transaction, without its place in history; null: there is none. */
function eventOf(...changes: RecordChange[]): object | null {
  const [event, ...more] = eventsOf({ revision: 9, changes });
  if (more.length > 0) throw new Error(`more than one event: ${JSON.stringify(more)}`);
  if (event === undefined) return null;
  const { id, revision, index, ...content } = event;
  expect({ id, revision, index }).toEqual({ id: '9.0', revision: 9, index: 0 });
  return content;
}

/** Type, text, and who, when and why where that is known. */
function gist(...changes: RecordChange[]): string | null {
  const event = eventOf(...changes);
  if (event === null) return null;
  const { type, text, time, by, reason }: Partial<EventBody> = event;
  const known = { time: time === at ? null : time, by, reason };
  const more = Object.entries(known).flatMap(([name, value]) =>
    value == null ? [] : [`${name}=${value}`],
  );
  return [`${type}: ${text}`, ...more].join(' | ');
}

test('a whole event', () => {
  const changed = ofUnit(unit(), unit({ desiredState: 'launched', modRevision: 9 }));
  expect(eventOf(changed)).toEqual({
    type: 'unit-changed',
    time: at,
    unit: 'web.service',
    machine: null,
    by: 'kim@box',
    reason: null,
    text: 'web.service: to be launched (was inactive), by kim@box',
    details: {
      changed: ['desiredState'],
      from: { hash: 'a'.repeat(40), desiredState: 'inactive', restarts: 0 },
      to: { hash: 'a'.repeat(40), desiredState: 'launched', restarts: 0 },
    },
  });
});

describe('units', () => {
  const unknown = { origin: { by: 'kim@box' } };
  const b = { hash: 'b'.repeat(40) };
  test.each<[string, RecordChange[], string | null]>([
    [
      'a new one',
      [ofUnit(null, unit())],
      'unit-submitted: web.service was submitted by kim@box | by=kim@box',
    ],
    [
      'a new one that is to run',
      [ofUnit(null, unit({ desiredState: 'launched', ...unknown }))],
      'unit-submitted: web.service was submitted, to be launched, by kim@box | by=kim@box',
    ],
    [
      'everything at once',
      [ofUnit(unit({ restarts: 3 }), unit({ ...b, desiredState: 'launched', restarts: 4 }))],
      'unit-changed: web.service: other content bbbbbbb (was aaaaaaa), to be launched (was inactive), restart asked for, by kim@box | by=kim@box',
    ],
    [
      'a restart on one machine, a start on another',
      [
        ofUnit(
          unit({ perMachine: { [m1]: { restarts: 1, starts: 0 } } }),
          unit({
            perMachine: { [m1]: { restarts: 2, starts: 0 }, [m2]: { restarts: 0, starts: 1 } },
          }),
        ),
      ],
      'unit-changed: web.service: restart asked for on 1234abcd, start asked for on 5678abcd, by kim@box | by=kim@box',
    ],
    ['written again as it was', [ofUnit(unit(), unit({ modRevision: 9 }))], null],
    [
      'destroyed, and by whom',
      [
        ofUnit(unit(), null),
        audit(
          { type: 'destroyed', unit: 'other.service', origin: { by: 'lee@box', at } },
          { type: 'destroyed', unit: 'web.service', origin: { by: 'kim@box', at: 5 } },
        ),
      ],
      'unit-destroyed: web.service was destroyed by kim@box | time=5 | by=kim@box',
    ],
    [
      'destroyed by who does not say',
      [ofUnit(unit(), null)],
      'unit-destroyed: web.service was destroyed',
    ],
  ])('%s', (_, changes, expected) => {
    expect(gist(...changes)).toBe(expected);
  });

  test('a restart on one machine names that machine', () => {
    const after = unit({ perMachine: { [m2]: { restarts: 1, starts: 0 } } });
    expect(eventOf(ofUnit(unit(), after))).toMatchObject({ machine: m2 });
  });
});

describe('assignments', () => {
  test.each<[string, RecordChange[], string | null]>([
    [
      'a place',
      [ofAssignment(null, assignment())],
      'unit-assigned: web.service goes to 1234abcd: least loaded | reason=least loaded',
    ],
    [
      'a place in another role',
      [ofAssignment(null, assignment({ role: 'successor' }))],
      'unit-assigned: web.service goes to 1234abcd as successor: least loaded | reason=least loaded',
    ],
    [
      'another role, for the reason that is written with it',
      [ofAssignment(assignment(), assignment({ role: 'released', reason: 'machine is gone' }))],
      'unit-reassigned: web.service on 1234abcd: now released (was holder): machine is gone | reason=machine is gone',
    ],
    [
      'another wish: the reason of the place is not its reason',
      [ofAssignment(assignment(), assignment({ hash: 'b'.repeat(40), desiredState: 'loaded' }))],
      'unit-reassigned: web.service on 1234abcd: other content bbbbbbb (was aaaaaaa), to be loaded (was launched)',
    ],
    [
      'restarted and started',
      [ofAssignment(assignment(), assignment({ restarts: 1, starts: 1 }))],
      'unit-reassigned: web.service on 1234abcd: to be restarted, to be started where it is down',
    ],
    [
      'of a unit that was destroyed and made again',
      [ofAssignment(assignment(), assignment({ incarnation: 8 }))],
      'unit-reassigned: web.service on 1234abcd: as the unit that was made anew',
    ],
    [
      'written again with another reason',
      [ofAssignment(assignment(), assignment({ reason: 'because', at: 7 }))],
      null,
    ],
    [
      'taken away, and why',
      [
        ofAssignment(assignment(), null),
        audit(
          { type: 'withdrawn', unit: 'web.service', machine: m2, reason: 'no', at: 1 },
          { type: 'withdrawn', unit: 'web.service', machine: m1, reason: 'it is gone', at: 5 },
        ),
      ],
      'unit-withdrawn: web.service is taken off 1234abcd: it is gone | time=5 | reason=it is gone',
    ],
    [
      'taken away by an older version',
      [ofAssignment(assignment(), null)],
      'unit-withdrawn: web.service is taken off 1234abcd',
    ],
  ])('%s', (_, changes, expected) => {
    expect(gist(...changes)).toBe(expected);
  });
});

describe('states', () => {
  const failed = { activeState: 'failed', subState: 'failed', result: 'exit-code', since: 8 };
  test.each<[string, UnitState | null, UnitState | null, string | null]>([
    ['the first', null, state(), 'unit-state: web.service on 1234abcd: active (running)'],
    [
      'it fails',
      state(),
      state(failed),
      'unit-state: web.service on 1234abcd: failed (failed), was active (running): exit-code | time=8 | reason=exit-code',
    ],
    [
      'its program is missing',
      state(),
      state({ ...failed, exit: { code: 'exited', status: 203 } }),
      'unit-state: web.service on 1234abcd: failed (failed), was active (running): 203/EXEC | time=8 | reason=203/EXEC',
    ],
    [
      'it crashes and is restarted',
      state(),
      state({
        activeState: 'activating',
        subState: 'auto-restart',
        result: null,
        exit: { code: 'dumped', status: 11 },
        since: 8,
      }),
      'unit-state: web.service on 1234abcd: activating (auto-restart), was active (running): dumped/SEGV | time=8 | reason=dumped/SEGV',
    ],
    [
      'that again and again',
      state(),
      state({ flapping: 5 }),
      'unit-state: web.service on 1234abcd: active (running): flapping, 5 restarts in 10 min | reason=flapping, 5 restarts in 10 min',
    ],
    ['more of that', state({ flapping: 5 }), state({ flapping: 9 }), null],
    [
      'muster refuses',
      null,
      state({ activeState: 'inactive', subState: 'dead', problem: 'the host has it' }),
      'unit-state: web.service on 1234abcd: inactive (dead): the host has it | reason=the host has it',
    ],
    [
      'systemd refuses',
      state(),
      state({ loadState: 'masked', activeState: 'inactive', subState: 'dead' }),
      'unit-state: web.service on 1234abcd: masked, inactive (dead), was active (running)',
    ],
    [
      'another sub state; it has been active since before',
      state(),
      state({ subState: 'exited' }),
      'unit-state: web.service on 1234abcd: active (exited), was active (running)',
    ],
    [
      'it ran anew',
      state(),
      state({ invocationId: '2', since: 8 }),
      'unit-state: web.service on 1234abcd: active (running), ran anew | time=8',
    ],
    [
      'it runs with other content',
      state(),
      state({ hash: 'b'.repeat(40) }),
      'unit-state: web.service on 1234abcd: active (running), other content bbbbbbb (was aaaaaaa)',
    ],
    [
      'a result that is known only later',
      state({ result: null }),
      state({ result: 'signal' }),
      'unit-state: web.service on 1234abcd: active (running): signal | reason=signal',
    ],
    ['a success that is known only later', state({ result: null }), state(), null],
    ['an invocation that is known only later', state({ invocationId: null }), state(), null],
    ['told again, also for another assignment', state(), state({ answers: 9, bootId: 'c' }), null],
    [
      'it is gone',
      state(),
      null,
      'unit-state: web.service on 1234abcd: no longer there (was active)',
    ],
  ])('%s', (_, before, after, expected) => {
    expect(gist(ofState(before, after))).toBe(expected);
  });

  test('a state that went with its machine says so', () => {
    const [first, second] = eventsOf({
      revision: 9,
      changes: [ofState(state(), null), { ...ofMachine(machine(), null), index: 1 }],
    });
    expect(first).toMatchObject({
      unit: 'web.service',
      reason: 'the machine is gone',
      text: 'web.service on 1234abcd: not known any more, the machine is gone (was active)',
    });
    expect(second).toMatchObject({ id: '9.1', type: 'machine-left' });
  });
});

describe('machines', () => {
  const name = '1234abcd (host-12, 10.0.0.1)';
  test.each<[string, RecordChange, string | null]>([
    ['joins', ofMachine(null, machine()), `machine-joined: machine ${name} joined`],
    [
      'joins without an address',
      ofMachine(null, machine({ address: null })),
      'machine-joined: machine 1234abcd (host-12) joined',
    ],
    ['registers anew', ofMachine(machine(), machine({ at: 5, modRevision: 9 })), null],
    [
      'boots',
      ofMachine(machine(), machine({ bootId: 'other', at: 5 })),
      `machine-changed: machine ${name}: it has booted anew | time=5`,
    ],
    [
      'says something else of itself',
      ofMachine(
        machine({ address: null, metadata: { region: 'eu', disk: 'ssd' } }),
        machine({
          hostname: 'host-12',
          apiUrl: 'https://10.0.0.1:1',
          version: '0.2.0',
          capacity: { cpus: 4, memoryBytes: 2 * 1024 ** 3 },
          metadata: { region: 'us', rack: '7' },
        }),
      ),
      `machine-changed: machine ${name}: address 10.0.0.1 (was none), API https://10.0.0.1:1 (was none), version 0.2.0 (was 0.1.0), CPUs 4 (was 2), memory 2048 MiB (was 1024 MiB), disk no longer set, rack=7, region=us (was eu)`,
    ],
    [
      'goes away in order',
      ofMachine(machine(), machine({ awaySince: 5 })),
      `machine-away: musterd on machine ${name} was stopped in order, its units run on | time=5`,
    ],
    [
      'comes back, upgraded',
      ofMachine(machine({ awaySince: 5 }), machine({ version: '0.2.0' })),
      `machine-back: musterd on machine ${name} is back, version 0.2.0 (was 0.1.0)`,
    ],
    ['is away and stays so', ofMachine(machine({ awaySince: 5 }), machine({ awaySince: 5 })), null],
    [
      'is cut off',
      ofMachine(machine(), null),
      `machine-left: machine ${name} is gone: its lease ended | reason=its lease ended`,
    ],
    [
      'does not come back',
      ofMachine(machine({ awaySince: 5 }), null),
      `machine-left: machine ${name} is gone: its musterd was away for too long | reason=its musterd was away for too long`,
    ],
    [
      'gets metadata',
      ofSettings(null, settings({ region: 'us', disk: null })),
      'metadata-changed: metadata of machine 1234abcd: disk removed, region=us, by kim@box | by=kim@box',
    ],
    [
      'gets other metadata',
      ofSettings(
        settings({ region: 'us', disk: null, rack: '7' }),
        settings({ region: 'eu', rack: '7' }),
      ),
      'metadata-changed: metadata of machine 1234abcd: disk no longer set, region=eu (was us), by kim@box | by=kim@box',
    ],
    [
      'gets the metadata that it has',
      ofSettings(settings({ region: 'us' }), settings({ region: 'us' })),
      null,
    ],
    [
      'gets metadata from who does not say',
      ofSettings(null, { machine: m1, metadata: { a: 'b' }, modRevision: 9 }),
      'metadata-changed: metadata of machine 1234abcd: a=b',
    ],
    [
      'leads',
      { index: 0, type: 'leader', before: null, after: leader() },
      'leader-elected: machine 1234abcd leads',
    ],
    [
      'leads no longer',
      { index: 0, type: 'leader', before: leader(), after: null },
      'leader-lost: machine 1234abcd no longer leads',
    ],
  ])('one %s', (_, change, expected) => {
    expect(gist(change)).toBe(expected);
  });
});

test('a record that does not parse is told with its key', () => {
  const key = '/muster/unit/x.service';
  expect(eventOf({ index: 0, type: 'corrupt', key, problem: 'is not JSON: "hm"' })).toMatchObject({
    type: 'record-corrupt',
    text: 'the record /muster/unit/x.service does not parse: is not JSON: "hm"',
    details: { key, problem: 'is not JSON: "hm"' },
  });
});

test('an event keeps its place whatever else there is to tell of the transaction', () => {
  const changes: RecordChange[] = [
    { ...ofUnit(unit(), unit()), index: 1 },
    { ...ofUnit(unit(), null), index: 4 },
    { ...ofState(null, state()), index: 7 },
    { ...audit(), index: 8 },
  ];
  expect(eventsOf({ revision: 12, changes }).map(({ id, type }) => [id, type])).toEqual([
    ['12.4', 'unit-destroyed'],
    ['12.7', 'unit-state'],
  ]);
});

test('docs/api.md has every type', () => {
  const page = readFileSync(path.join(__dirname, '../../../../docs/api.md'), 'utf8');
  const [, section = ''] = /^## Events$(.*?)^## /ms.exec(page) ?? [];
  const missing = eventTypes.filter((type) => !section.includes(`\`${type}\``));
  expect(missing).toEqual([]);
});
