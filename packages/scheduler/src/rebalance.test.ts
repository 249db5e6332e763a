import type { RebalanceMove } from '@muster/core';
import { buildModel } from './model-keeper.ts';
import { improvements, planRebalance } from './rebalance.ts';
import { isAccepted, PlannedCluster } from './testing/planned-cluster.ts';

const G = 2 ** 30;

function planOf(cluster: PlannedCluster): ReturnType<typeof planRebalance> {
  return planRebalance(buildModel(cluster.snapshot(), new Map()));
}

/** `units: from > to` */
function shortly({ units, from, to }: RebalanceMove): string {
  return `${units.join(' ')}: ${from} > ${to}`;
}

function movesOf(cluster: PlannedCluster): string[] {
  return planOf(cluster).moves.map(shortly);
}

/** Units that came to rest while only these machines were there. */
function settled(
  machines: readonly string[],
  units: Readonly<Record<string, string>>,
): PlannedCluster {
  const cluster = new PlannedCluster();
  for (const id of machines) cluster.machine(id, { zone: `z${id.slice(1)}` });
  for (const [name, fleet] of Object.entries(units)) {
    if (!isAccepted(name, fleet)) throw new Error(`${name}: ${fleet}`);
    cluster.unit(name, fleet);
  }
  cluster.rest();
  return cluster;
}

function named(count: number, fleet = ''): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`w@${i}.service`, fleet]));
}

test('units go to a machine that has joined until that holds as many as the others', () => {
  const cluster = settled(['m1', 'm2'], named(6)).machine('m3');
  expect(movesOf(cluster)).toEqual(['w@0.service: m1 > m3', 'w@1.service: m2 > m3']);
  expect(planOf(cluster).moves[0]).toMatchObject({
    order: 'successor-first',
    reason: 'rebalance: 3 units there, 1 unit here',
  });
});

test('one unit more is not worth a move, nor are few among many', () => {
  expect(movesOf(settled(['m1'], named(1)).machine('m2'))).toEqual([]);
  const many = settled(['m1', 'm2'], named(100));
  for (const name of ['w@0.service', 'w@2.service']) many.units.delete(name);
  many.rest();
  expect(movesOf(many)).toEqual([]);
});

test('a unit does not go where it takes up more than there was to gain', () => {
  const cluster = new PlannedCluster().machine('m1').capacity('m1', { memoryBytes: 32 * G });
  for (const name of ['a.service', 'b.service', 'c.service']) {
    cluster.unit(name, 'MemoryReservation=2G');
  }
  cluster.rest();
  cluster.machine('m2').capacity('m2', { memoryBytes: 4 * G });
  expect(movesOf(cluster)).toEqual([]);
  cluster.capacity('m2', { memoryBytes: 32 * G });
  expect(movesOf(cluster)).toEqual(['a.service: m1 > m2']);
  expect(planOf(cluster).moves[0]?.reason).toBe(
    'rebalance: 3 units, 19 % of its memory reserved there, 1 unit, 7 % of its memory reserved here',
  );
});

test('a machine whose musterd was stopped neither gives nor takes', () => {
  expect(movesOf(settled(['m1', 'm2'], named(6)).machine('m3', {}, 1))).toEqual([]);
  expect(movesOf(settled(['m1'], named(6)).machine('m1', {}, 1).machine('m2'))).toEqual([]);
});

test.each([
  ['a global unit', 'Global=true'],
  ['one that is pinned', 'MachineID=m1'],
  ['one that asks for what the other machine lacks', 'MachineMetadata=zone=z1'],
  ['one for which the other machine is too small', 'MemoryReservation=2G'],
  ['one that another one gives way to', 'Replaces=x.service'],
  ['one that may not be where the others are', 'Conflicts=b.service'],
])('what has to stay stays: %s', (_, fleet) => {
  const cluster = new PlannedCluster().machine('m1', { zone: 'z1' });
  cluster.capacity('m1', { memoryBytes: 64 * G });
  for (const name of Object.keys(named(4))) cluster.unit(name, fleet);
  cluster.rest();
  cluster.machine('m2', { zone: 'z2' }).capacity('m2', { memoryBytes: G });
  cluster.unit('b.service', 'MachineID=m2').unit('c.service', 'Global=true');
  cluster.rest();
  expect(movesOf(cluster)).toEqual([]);
});

test.each([
  ['has failed', 'failed', {}],
  ['has run to its end', 'inactive', { result: 'success' }],
  ['has done its work, and counts as active', 'active', { subState: 'exited' }],
  ['is being started', 'activating', {}],
  ['is restarted again and again', 'active', { flapping: 7 }],
  ['cannot be dealt with', 'active', { problem: 'no' }],
])('a unit that %s is left alone', (_, activeState, state) => {
  const cluster = settled(['m1'], { 'a.service': '', 'b.service': '', 'c.service': '' });
  cluster.machine('m2');
  for (const name of ['a.service', 'b.service']) cluster.state(name, 'm1', activeState, state);
  expect(movesOf(cluster)).toEqual(['c.service: m1 > m2']);
});

test('one that has not answered, or still ends elsewhere, is left alone', () => {
  const cluster = settled(['m1'], { 'a.service': '', 'b.service': '', 'c.service': '' });
  cluster.machine('m2').state('a.service', 'm2', 'deactivating');
  cluster.state('b.service', 'm1', 'active', { answers: 0 });
  expect(movesOf(cluster)).toEqual(['c.service: m1 > m2']);
});

test('a unit that is loaded goes unless it runs', () => {
  const cluster = new PlannedCluster().machine('m1');
  for (const name of ['a.service', 'b.service', 'c.service']) cluster.unit(name, '', 'loaded');
  cluster.rest();
  cluster.machine('m2');
  for (const name of ['b.service', 'c.service']) cluster.state(name, 'm1', 'inactive');
  expect(movesOf(cluster)).toEqual(['b.service: m1 > m2']);
});

test('nothing is moved while a machine is absent or the brake is on', () => {
  const cluster = settled(['m1', 'm2', 'm3'], named(9)).machine('m4').lose('m3');
  expect(planOf(cluster)).toEqual({ obstacle: 'machine m3 is absent', moves: [] });
  cluster.machine('m3');
  expect(planOf(cluster).obstacle).toBeNull();
  const brake = { isOn: true, machines: [], reason: '', at: 0, modRevision: 1 };
  cluster.brake = brake;
  expect(planOf(cluster).obstacle).toMatch(/^the brake is on/);
});

test('units that follow each other go as one, and not where one of them has no room', () => {
  const cluster = new PlannedCluster().machine('m1').capacity('m1', { memoryBytes: 4 * G });
  cluster.unit('a.service').unit('b.service', 'MachineOf=a.service');
  cluster.unit('c.service', 'MachineOf=b.service\nMemoryReservation=2G');
  cluster.unit('x.service', 'MachineID=m1').unit('y.service', 'MachineID=m1').rest();
  cluster.machine('m2').capacity('m2', { memoryBytes: G });
  expect(movesOf(cluster)).toEqual([]);
  cluster.capacity('m2', { memoryBytes: 4 * G });
  expect(movesOf(cluster)).toEqual(['a.service b.service c.service: m1 > m2']);
});

test('one of them that has to stay keeps all of them', () => {
  const cluster = settled(['m1'], {
    'a.service': '',
    'b.service': 'MachineOf=a.service',
    'c.service': '',
  });
  cluster.state('b.service', 'm1', 'failed');
  expect(movesOf(cluster.machine('m2'))).toEqual(['c.service: m1 > m2']);
});

test('what may not run twice ends first, and goes after those that nobody notices', () => {
  const cluster = settled(['m1'], {
    'a.service': 'OnPartition=stop',
    'b.timer': '',
    'c.service': 'MachineOf=b.timer',
    'd.service': '',
    'e.service': '',
    'f.service': '',
  });
  expect(planOf(cluster.machine('m2')).moves.map((m) => `${shortly(m)} ${m.order}`)).toEqual([
    'd.service: m1 > m2 successor-first',
    'e.service: m1 > m2 successor-first',
    'f.service: m1 > m2 successor-first',
  ]);
  for (const name of ['d.service', 'e.service', 'f.service']) cluster.units.delete(name);
  cluster.rest();
  expect(planOf(cluster).moves.map((m) => `${shortly(m)} ${m.order}`)).toEqual([
    'a.service: m1 > m2 stop-first',
  ]);
});

describe('wishes', () => {
  test('a unit goes to a machine that meets its preference', () => {
    const cluster = settled(['m1'], { 'a.service': 'PreferMetadata=zone=z2' }).machine('m2', {
      zone: 'z2',
    });
    const { moves } = planOf(cluster);
    expect(moves.map(shortly)).toEqual(['a.service: m1 > m2']);
    expect(moves[0]?.reason).toBe('rebalance: preferences that are not met: 1 there, 0 here');
  });

  test('instances are spread over a zone that has come', () => {
    const cluster = settled(['m1', 'm2'], named(6, 'Spread=zone')).machine('m3', { zone: 'z3' });
    const { moves } = planOf(cluster);
    expect(moves.map(shortly)).toEqual(['w@0.service: m1 > m3', 'w@1.service: m2 > m3']);
    expect(moves[0]?.reason).toBe('rebalance: others with the same zone: 2 there, 0 here');
  });

  test('a unit leaves those that it avoids, and none comes to it because it is bored', () => {
    const cluster = settled(['m1'], { 'a.service': 'AvoidUnits=w@*.service', ...named(2) });
    cluster.machine('m2');
    expect(
      planOf(cluster).moves.map(({ reason, ...m }) => [shortly(m as RebalanceMove), reason]),
    ).toEqual([['a.service: m1 > m2', 'rebalance: units to be kept apart: 2 there, 0 here']]);
  });

  test('one that is avoided leaves as well, if that one cannot', () => {
    const cluster = settled(['m1'], {
      'a.service': 'AvoidUnits=b.service\nMachineID=m1',
      'b.service': '',
    });
    expect(movesOf(cluster.machine('m2'))).toEqual(['b.service: m1 > m2']);
  });

  test('units of which each avoids the next do not chase each other for ever', () => {
    const cluster = settled(['m1'], {
      'a.service': 'AvoidUnits=b.service',
      'b.service': 'AvoidUnits=c.service',
      'c.service': 'AvoidUnits=a.service',
    });
    const moves = improvements(buildModel(cluster.machine('m2').snapshot(), new Map()));
    const first = moves.next();
    expect(first.done === true ? null : shortly(first.value)).toBe('a.service: m1 > m2');
    expect(moves.next().done).toBe(true);
  });

  test('packed: units go to the fullest machine that takes them', () => {
    const cluster = settled(['m1', 'm2'], named(5));
    cluster.policy = { placement: 'pack', origin: { by: 'test' }, modRevision: cluster.revision++ };
    expect(movesOf(cluster)).toEqual(['w@1.service: m2 > m1', 'w@3.service: m2 > m1']);
  });
});

test('a unit does not go back to where it failed', () => {
  const fleet = 'Reschedule=on-failure\nRescheduleDelaySec=1\nRescheduleResetSec=3600';
  const cluster = settled(['m1', 'm2'], { 'a.service': fleet });
  cluster.state('a.service', 'm1', 'failed').settle();
  cluster.now += 2000;
  cluster.rest();
  cluster.rest();
  expect(cluster.where()['a.service']).toEqual(['m2']);
  for (const name of ['b.service', 'c.service', 'd.service']) {
    cluster.unit(name, 'MachineID=m2');
  }
  cluster.rest();
  expect(movesOf(cluster)).toEqual([]);
});
