import fc from 'fast-check';
import { endLingering, linger, settle, vacate } from './eligibility.ts';
import { loadOf } from './load.ts';
import { buildModel } from './model-keeper.ts';
import { scorerFor } from './score.ts';
import { PlannedCluster as Cluster } from './testing/planned-cluster.ts';

const G = 1024 ** 3;

/** Machines with 4 CPUs and 8 GiB. */
function machines(count: number): Cluster {
  const cluster = new Cluster();
  for (let i = 1; i <= count; i += 1) {
    cluster.machine(`m${i}`).capacity(`m${i}`, { cpus: 4, memoryBytes: 8 * G });
  }
  return cluster;
}

function place(cluster: Cluster, units: readonly (readonly [name: string, fleet: string])[]): void {
  for (const [name, fleet] of units) cluster.unit(name, fleet).settle();
}

function reasonOf(cluster: Cluster, unit: string): string | undefined {
  const [assignment] = cluster.assignments.get(unit)?.values() ?? [];
  return assignment?.reason;
}

describe('the least loaded machine is the one with', () => {
  test.each([
    ['less of its memory reserved', 'MemoryReservation=2G', 'MemoryReservation=1G'],
    ['less of its CPU reserved', 'CPUReservation=2', 'CPUReservation=1'],
    [
      'less reserved of what it has least left of',
      'CPUReservation=2',
      'MemoryReservation=2G\nCPUReservation=1',
    ],
  ])('%s, though it has more units', (_situation, one, other) => {
    const cluster = machines(2);
    place(cluster, [
      ['a.service', one],
      ['b.service', other],
      ['c.service', ''],
      ['d.service', ''],
    ]);
    expect(cluster.where()).toMatchObject({
      'a.service': ['m1'],
      'b.service': ['m2'],
      'c.service': ['m2'],
      'd.service': ['m2'],
    });
  });

  test('a smaller share reserved, though that is more', () => {
    const cluster = machines(2).capacity('m1', { memoryBytes: 32 * G });
    place(cluster, [
      ['a.service', 'MemoryReservation=4G'],
      ['b.service', 'MemoryReservation=2G'],
      ['c.service', 'MemoryReservation=1G'],
    ]);
    expect(cluster.where()).toEqual({
      'a.service': ['m1'],
      'b.service': ['m2'],
      'c.service': ['m1'],
    });
  });

  test('fewer units, where nobody reserves anything', () => {
    const cluster = machines(3);
    place(
      cluster,
      [1, 2, 3, 4].map((i) => [`u${i}.service`, '']),
    );
    expect(Object.values(cluster.where()).flat()).toEqual(['m1', 'm2', 'm3', 'm1']);
  });
});

test('units that reserve nothing do not all go where a little less is reserved', () => {
  const cluster = machines(2);
  place(cluster, [
    ['a.service', 'MemoryReservation=10%'],
    ['b.service', 'MemoryReservation=5%'],
  ]);
  for (let i = 0; i < 95; i += 1) cluster.unit(`u${i}.service`);
  cluster.settle();
  const places = Object.values(cluster.where()).flat();
  expect(['m1', 'm2'].map((id) => places.filter((each) => each === id).length)).toEqual([46, 51]);
});

test('pack fills the machine that has most reserved', () => {
  const cluster = machines(3);
  cluster.policy = { placement: 'pack', origin: { by: 'test' }, modRevision: 1 };
  place(cluster, [
    ['a.service', 'MachineID=m2\nMemoryReservation=4G'],
    ['b.service', 'MachineID=m1'],
    ['c.service', 'MemoryReservation=2G'],
    ['d.service', 'MemoryReservation=4G'],
  ]);
  expect(cluster.where()).toMatchObject({ 'c.service': ['m2'], 'd.service': ['m1'] });
  expect(reasonOf(cluster, 'c.service')).toBe('fullest (1 unit, 50 % of its memory reserved)');
  expect(reasonOf(cluster, 'd.service')).toBe('fullest');
});

test('a machine is told to be the least loaded with how full it was', () => {
  const cluster = machines(2);
  place(cluster, [
    ['a.service', 'MemoryReservation=4G'],
    ['b.service', 'CPUReservation=0.1'],
    ['c.service', ''],
    ['d.service', 'Spread=zone'],
  ]);
  expect(['a', 'b', 'c', 'd'].map((name) => reasonOf(cluster, `${name}.service`))).toEqual([
    'least loaded',
    'least loaded',
    'least loaded (1 unit, 3 % of its CPU reserved)',
    'by its preferences, then least loaded (2 units, 3 % of its CPU reserved)',
  ]);
});

test('what a unit that has to end takes counts until it has ended', () => {
  const cluster = machines(2);
  place(cluster, [
    ['a.service', 'MemoryReservation=4G'],
    ['b.service', ''],
  ]);
  cluster.report().units.delete('a.service');
  cluster.settle();
  cluster.unit('c.service').settle();
  expect(cluster.where()).toMatchObject({ 'c.service': ['m2'] });
  cluster.report().unit('d.service').settle();
  expect(cluster.where()).toMatchObject({ 'd.service': ['m1'] });
});

test('machines are in the order of their load whatever is placed, lingers and is taken back', () => {
  const cluster = machines(4);
  const fleets = ['', 'MemoryReservation=1G', 'CPUReservation=1', 'MemoryReservation=30%'];
  for (const [i, fleet] of fleets.entries()) cluster.unit(`u${i}.service`, fleet);
  const step = fc.record({
    does: fc.constantFrom('settle', 'vacate', 'linger', 'endLingering', 'remember', 'takeBack'),
    unit: fc.constantFrom(...fleets.map((_, i) => `u${i}.service`)),
    machine: fc.constantFrom('m1', 'm2', 'm3', 'm4'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
      const model = buildModel(cluster.snapshot(), new Map());
      const { index } = model;
      for (const { does, unit, machine } of steps) {
        const host = model.hosts.get(machine);
        const candidate = model.candidates.get(unit);
        if (host === undefined || candidate === undefined) throw new Error('there is none');
        if (does === 'settle') settle(host, candidate);
        if (does === 'vacate') vacate(host, unit);
        if (does === 'linger') linger(host, unit, candidate);
        // Only what brings a model up to date does that, and nothing of it is taken back.
        if (does === 'endLingering' && !index.remembers) endLingering(host, unit);
        if (does === 'remember' && !index.remembers) index.remember();
        if (does === 'takeBack') index.takeBack();
        const asked = { ...candidate, name: 'x.service' };
        const order = [...index.mayTake(asked)].map(({ id }) => id);
        const { of } = scorerFor(model, { unit: asked });
        const scores = order.map((id) => of(model.hosts.get(id) ?? host).load);
        const sorted = model.open.toSorted((a, b) => loadOf(a) - loadOf(b) || a.rank - b.rank);
        expect({ order, scores }).toEqual({
          order: sorted.map(({ id }) => id),
          scores: sorted.map(loadOf),
        });
      }
    }),
  );
});
