import fc from 'fast-check';
import { buildModel } from './model-keeper.ts';
import type { Plan } from './plan.ts';
import { PlannedCluster as Cluster, isAccepted } from './testing/planned-cluster.ts';

const three = (): Cluster => new Cluster().machine('m1').machine('m2').machine('m3');

test('units go to the least loaded machine, ties broken by machine id', () => {
  const cluster = three().unit('a.service').unit('b.service').unit('c.service').unit('d.service');
  cluster.settle();
  expect(cluster.where()).toEqual({
    'a.service': ['m1'],
    'b.service': ['m2'],
    'c.service': ['m3'],
    'd.service': ['m1'],
  });
});

test('planning twice changes nothing the second time', () => {
  const cluster = three().unit('a.service').unit('g.service', 'Global=true');
  cluster.settle();
  expect(cluster.plan().changes).toEqual([]);
});

test.each([
  ['MachineID by its first 8 characters', 'MachineID=deadbeef', ['deadbeefcafe']],
  [
    'metadata, one key with two allowed values',
    'MachineMetadata=disk=ssd\nMachineMetadata=disk=nvme',
    ['m2'],
  ],
  [
    'metadata, two keys that must both match',
    'MachineMetadata=disk=ssd\nMachineMetadata=region=eu',
    ['m2'],
  ],
  [
    'a global unit with metadata runs on each match',
    'Global=true\nMachineMetadata=disk=ssd',
    ['m2', 'm3'],
  ],
])('%s', (_name, fleet, expected) => {
  const cluster = new Cluster()
    .machine('deadbeefcafe')
    .machine('m2', { disk: 'ssd', region: 'eu' })
    .machine('m3', { disk: 'ssd' })
    .unit('a.service', fleet);
  cluster.settle();
  expect(cluster.where()['a.service']).toEqual(expected);
});

test('what one machine is asked for is told to that machine only', () => {
  const cluster = three().unit('a.service').unit('all.service', 'Global=true');
  cluster.settle();
  cluster.ask('all.service', { restarts: 1, perMachine: { m2: { restarts: 2, starts: 1 } } });
  const told = (plan: Plan): string[] =>
    plan.changes.flatMap(({ assign }) =>
      assign.map((each) => `${each.unit} ${each.machine} ${each.restarts}/${each.starts ?? 0}`),
    );
  expect(told(cluster.settle())).toEqual([
    'all.service m1 1/0',
    'all.service m2 3/1',
    'all.service m3 1/0',
  ]);
  expect(told(cluster.settle())).toEqual([]);
  cluster.ask('all.service', { restarts: 1, perMachine: { m2: { restarts: 2, starts: 2 } } });
  expect(told(cluster.settle())).toEqual(['all.service m2 3/2']);
  cluster.ask('a.service', { restarts: 0, perMachine: { m1: { restarts: 0, starts: 1 } } });
  expect(told(cluster.settle())).toEqual(['a.service m1 0/1']);
  expect(told(cluster.settle())).toEqual([]);
});

test('a unit nobody can take says why for each machine', () => {
  const plan = three().unit('a.service', 'MachineMetadata=disk=ssd').plan();
  expect(plan.changes).toEqual([]);
  expect(plan.unplaced).toEqual([
    {
      unit: 'a.service',
      reason: 'no machine can take it',
      machines: ['m1', 'm2', 'm3'].map((machine) => ({
        machine,
        reason: 'MachineMetadata wants disk=ssd, the machine has no disk',
      })),
    },
  ]);
});

test.each([
  ['the newcomer forbids', '', 'Conflicts=a.service'],
  ['the resident forbids', 'Conflicts=b.*', ''],
])('conflicts hold in both directions: %s', (_name, first, second) => {
  const cluster = new Cluster().machine('m1').unit('a.service', first).unit('b.service', second);
  const plan = cluster.settle();
  expect(cluster.where()).toEqual({ 'a.service': ['m1'] });
  expect(plan.unplaced.map((u) => u.unit)).toEqual(['b.service']);
});

test('instances that refuse to share a machine spread, and the fourth of three stays out', () => {
  const cluster = three();
  for (const i of [1, 2, 3, 4]) cluster.unit(`web@${i}.service`, 'Conflicts=web@*.service');
  const plan = cluster.settle();
  expect(Object.values(cluster.where()).flat().sort()).toEqual(['m1', 'm2', 'm3']);
  expect(plan.unplaced.map((u) => u.unit)).toEqual(['web@4.service']);
});

test('of two conflicting units found together the younger one moves, after it has stopped', () => {
  const cluster = new Cluster().machine('m1').unit('old.service').unit('young.service');
  cluster.settle();
  cluster.state('old.service', 'm1', 'active').state('young.service', 'm1', 'active');
  cluster.machine('m2').unit('young.service', 'Conflicts=old.service');
  cluster.settle();
  expect(cluster.where()).toEqual({ 'old.service': ['m1'] });
  cluster.states.get('young.service')?.delete('m1');
  cluster.settle();
  expect(cluster.where()).toEqual({ 'old.service': ['m1'], 'young.service': ['m2'] });
});

test('MachineOf follows its peer, whatever the order of names', () => {
  const cluster = three()
    .unit('x.service')
    .unit('z.service')
    .unit('a.service', 'MachineOf=z.service');
  cluster.settle();
  const where = cluster.where();
  expect(where['a.service']).toEqual(where['z.service']);
});

test('a unit waits for one it conflicts with to end, also for one that was destroyed', () => {
  const cluster = new Cluster().machine('m1').unit('a.service', 'Conflicts=b.service');
  cluster.rest();
  cluster.units.delete('a.service');
  cluster.unit('b.service').unit('c.service', 'Conflicts=a.service').unit('d.service');
  const plan = cluster.settle();
  expect(cluster.where()).toEqual({ 'b.service': ['m1'], 'd.service': ['m1'] });
  expect(plan.unplaced).toEqual([
    {
      unit: 'c.service',
      reason: 'no machine can take it',
      machines: [
        { machine: 'm1', reason: 'a.service runs there still and matches Conflicts=a.service' },
      ],
    },
  ]);
  cluster.report().rest();
  expect(cluster.where()['c.service']).toEqual(['m1']);
});

test('of units found together the oldest is asked first: one that leaves makes no younger one leave', () => {
  const cluster = new Cluster().machine('m1');
  cluster.unit('c.service').unit('b.service').unit('a.service').rest();
  cluster.machine('m2');
  cluster.unit('c.service', 'Conflicts=b.service').unit('b.service', 'Conflicts=a.service').rest();
  expect(cluster.where()).toEqual({
    'a.service': ['m1'],
    'b.service': ['m2'],
    'c.service': ['m1'],
  });
});

describe('units that follow each other', () => {
  test('are placed together, where all of them may be', () => {
    const cluster = three()
      .machine('m2', { disk: 'ssd' })
      .unit('x.service', 'MachineMetadata=disk=ssd')
      .unit('a.service', 'MachineOf=b.service')
      .unit('b.service', 'MachineOf=c.service')
      .unit('c.service', 'MachineOf=a.service\nMachineMetadata=disk=ssd');
    cluster.rest();
    const where = cluster.where();
    for (const unit of ['a.service', 'b.service', 'c.service']) expect(where[unit]).toEqual(['m2']);
  });

  test('say which of them no machine can take', () => {
    const cluster = new Cluster().machine('m1');
    cluster.unit('a.service', 'MachineOf=b.service');
    cluster.unit('b.service', 'MachineOf=a.service\nMachineMetadata=disk=ssd');
    const reason = 'MachineMetadata wants disk=ssd, the machine has no disk';
    expect(cluster.rest()).toEqual([]);
    expect(cluster.plan().unplaced.map(({ machines }) => machines)).toEqual([
      [{ machine: 'm1', reason: `b.service has to come along: ${reason}` }],
      [{ machine: 'm1', reason }],
    ]);
  });

  test('wait for one that is not to run', () => {
    const cluster = new Cluster().machine('m1').unit('a.service', 'MachineOf=b.service');
    cluster.unit('b.service', 'MachineOf=a.service', 'inactive');
    expect(cluster.rest()).toEqual([]);
    expect(cluster.plan().unplaced[0]?.machines).toEqual([
      { machine: 'm1', reason: 'MachineOf=b.service is not on it' },
    ]);
    cluster.unit('b.service', 'MachineOf=a.service').rest();
    expect(cluster.where()).toEqual({ 'a.service': ['m1'], 'b.service': ['m1'] });
  });
});

test('units of a machine that is gone are placed elsewhere; its own record stays as released until that is ready', () => {
  const cluster = three().unit('a.service', '', 'launched');
  cluster.settle();
  cluster.machines.delete('m1');
  cluster.settle();
  expect(cluster.where()).toEqual({ 'a.service': ['m1:released', 'm2'] });
  expect(cluster.plan().changes).toEqual([]);
  cluster.state('a.service', 'm2', 'active').settle();
  expect(cluster.where()).toEqual({ 'a.service': ['m2'] });
});

test('nothing moves while the daemon cannot tell an outage of its own from an absent machine', () => {
  const cluster = three().unit('a.service');
  cluster.settle();
  cluster.machines.delete('m1');
  expect(cluster.plan(false).changes).toEqual([]);
});

test('a machine whose presence does not parse is not absent', () => {
  const cluster = three().unit('a.service');
  cluster.settle();
  cluster.machines.delete('m1');
  cluster.corrupt.push({ key: '/muster/machine/m1', problem: 'bootId is not a string' });
  expect(cluster.plan().changes).toEqual([]);
});

test.each([
  ['global', 'Global=true'],
  ['pinned', 'MachineID=m1'],
])('a %s unit of an absent machine keeps its record', (_name, fleet) => {
  const cluster = new Cluster().machine('m1').unit('a.service', fleet);
  cluster.settle();
  cluster.machines.delete('m1');
  cluster.machine('m2');
  cluster.settle();
  expect(cluster.where()['a.service']).toContain('m1');
});

test('a machine whose musterd was stopped in order keeps its units and gets no new ones', () => {
  const cluster = new Cluster().machine('m1').unit('a.service');
  cluster.settle();
  cluster.machine('m1', {}, 1).machine('m2').unit('b.service');
  cluster.settle();
  expect(cluster.where()).toEqual({ 'a.service': ['m1'], 'b.service': ['m2'] });
});

test('a destroyed unit is withdrawn; one whose record does not parse is left alone', () => {
  const cluster = three().unit('a.service').unit('b.service');
  cluster.rest();
  cluster.units.clear();
  cluster.corrupt.push({ key: '/muster/unit/b.service', problem: 'not JSON' });
  cluster.settle();
  expect(Object.keys(cluster.where())).toEqual(['b.service']);
});

test('a unit whose file is missing from the store is left alone and reported', () => {
  const cluster = three().unit('a.service');
  cluster.settle();
  cluster.files.clear();
  const plan = cluster.plan();
  expect(plan.changes).toEqual([]);
  expect(plan.unplaced[0]?.reason).toMatch(/is not stored$/);
});

test('metadata that no longer matches moves the unit, after it has stopped', () => {
  const cluster = new Cluster().machine('m1', { disk: 'ssd' }).machine('m2', { disk: 'ssd' });
  cluster.unit('a.service', 'MachineMetadata=disk=ssd').settle();
  cluster.state('a.service', 'm1', 'active').machine('m1', {});
  cluster.settle();
  expect(cluster.where()).toEqual({});
  expect(cluster.plan().unplaced[0]?.machines[1]?.reason).toBe('it is still being stopped on m1');
  cluster.states.clear();
  cluster.settle();
  expect(cluster.where()).toEqual({ 'a.service': ['m2'] });
});

test('a machine whose musterd was stopped keeps what it may no longer have until that is back', () => {
  const cluster = new Cluster().machine('m1', { disk: 'ssd' });
  cluster.unit('a.service', 'MachineMetadata=disk=ssd').unit('b.service').rest();
  cluster.machine('m1', {}, 1).machine('m2', { disk: 'ssd' });
  cluster.unit('b.service', 'Conflicts=a.service');
  expect(cluster.settle().changes.flatMap(({ withdraw }) => withdraw)).toEqual([]);
  expect(cluster.where()).toEqual({ 'a.service': ['m1'], 'b.service': ['m1'] });
  cluster.machine('m1').rest();
  expect(cluster.where()).toEqual({ 'a.service': ['m2'], 'b.service': ['m1'] });
});

describe('a global unit that is to run once', () => {
  const global = (): Cluster => three().unit('a.service', 'Global=true');

  test('stays on one machine, and is everywhere again when it is global again', () => {
    const cluster = global();
    cluster.rest();
    cluster.unit('a.service').rest();
    expect(cluster.where()['a.service']).toEqual(['m1']);
    cluster.unit('a.service', 'Global=true').rest();
    expect(cluster.where()['a.service']).toEqual(['m1', 'm2', 'm3']);
  });

  test('stays where it is up, else on a machine that is there, rather than on one that is not', () => {
    for (const mayDeclareAbsent of [true, false]) {
      const cluster = global();
      cluster.rest();
      cluster.state('a.service', 'm2', 'failed').state('a.service', 'm3', 'failed').lose('m1');
      cluster.unit('a.service').settle(mayDeclareAbsent);
      expect(cluster.where()['a.service']).toEqual(['m2']);
    }
  });
});

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e').map((n) => `${n}.service`);
const fleetLine = fc.oneof(
  fc.constant(''),
  fc.constant('Global=true'),
  name.map((n) => `Conflicts=${n}`),
  fc.constant('Conflicts=*.service'),
  fc.constant('MachineMetadata=disk=ssd'),
  name.map((n) => `MachineOf=${n}`),
);
const step = fc.oneof(
  fc.record({ type: fc.constant('unit' as const), name, fleet: fleetLine }),
  fc.record({ type: fc.constant('destroy' as const), name }),
  fc.record({
    type: fc.constant('machine' as const),
    id: fc.constantFrom('m1', 'm2', 'm3'),
    disk: fc.constantFrom('ssd', 'hdd'),
  }),
  fc.record({ type: fc.constant('lose' as const), id: fc.constantFrom('m1', 'm2', 'm3') }),
);

test('whatever happens: one holder at most, no conflict on a present machine, and a second pass has nothing to do', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const cluster = new Cluster();
      for (const s of steps) {
        if (s.type === 'unit') {
          if (isAccepted(s.name, s.fleet)) cluster.unit(s.name, s.fleet);
        } else if (s.type === 'destroy') cluster.units.delete(s.name);
        else if (s.type === 'machine') cluster.machine(s.id, { disk: s.disk });
        else cluster.machines.delete(s.id);
        // What an eviction frees may be filled by the pass after it.
        for (let i = 0; i < 12 && cluster.settle().changes.length > 0; i += 1);
        expect(cluster.plan().changes).toEqual([]);
        expect(breaches(cluster)).toEqual([]);
      }
    }),
    { numRuns: 300 },
  );
});

/** One sentence for each unit with several holders or beside one it conflicts with. */
function breaches(cluster: Cluster): string[] {
  const model = buildModel(cluster.snapshot(), new Map());
  const found: string[] = [];
  for (const [unit, places] of Object.entries(cluster.where())) {
    const requirements = model.candidates.get(unit)?.requirements;
    const holders = places.filter((place) => !place.includes(':'));
    if (requirements?.isGlobal !== true && holders.length > 1)
      found.push(`${unit} on ${holders.join()}`);
    for (const machine of holders) {
      const residents = model.hosts.get(machine)?.residents ?? new Map<string, unknown>();
      for (const pattern of requirements?.conflicts ?? []) {
        const clash =
          pattern === '*.service' ? residents.size > 1 : pattern !== unit && residents.has(pattern);
        if (clash) found.push(`${unit} with Conflicts=${pattern} on ${machine}`);
      }
    }
  }
  return found;
}
