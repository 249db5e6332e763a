import type { Rebalance } from '@muster/core';
import { buildModel } from './model-keeper.ts';
import { planRebalance } from './rebalance.ts';
import { PlannedCluster } from './testing/planned-cluster.ts';
import { RebalancedCluster } from './testing/rebalanced-cluster.ts';

/** Units that are up on the first machine when another one comes. */
function joined(
  units: Readonly<Record<string, string>>,
  desired: 'launched' | 'loaded' = 'launched',
) {
  const cluster = new PlannedCluster().machine('m1');
  for (const [name, fleet] of Object.entries(units)) cluster.unit(name, fleet, desired);
  cluster.rest();
  const world = new RebalancedCluster(cluster.machine('m2'));
  world.act('m1');
  return world;
}

const four = { 'a.service': '', 'b.service': '', 'c.service': '', 'd.service': '' };

/** Each time it differs from before: `a.service: m1 m2`, or `none` for no machine. */
function history(world: RebalancedCluster, unit: string): string[] {
  const seen: string[] = [];
  world.finish(() => {
    const now = world.copies(unit).join(' ') || 'none';
    if (seen.at(-1) !== now) seen.push(now);
  });
  return seen;
}

function left(world: RebalancedCluster): number {
  return planRebalance(buildModel(world.cluster.snapshot(), new Map())).moves.length;
}

test('nothing is moved unless it is asked for', () => {
  const world = joined(four);
  world.finish();
  expect(world.cluster.where()['a.service']).toEqual(['m1']);
  expect(left(world)).toBe(2);
});

test('a unit runs on until it is up elsewhere, one after the other, and then it is over', () => {
  const world = joined(four).begin();
  const most: number[] = [];
  world.finish(() => most.push([...world.running.values()].reduce((n, { size }) => n + size, 0)));
  expect(Math.max(...most)).toBe(5);
  expect(Math.min(...most)).toBe(4);
  expect(world.cluster.rebalance).toBeNull();
  expect(world.cluster.where()).toEqual({
    'a.service': ['m2'],
    'b.service': ['m2'],
    'c.service': ['m1'],
    'd.service': ['m1'],
  });
  const { reason } = world.cluster.assignments.get('a.service')?.get('m2') ?? {};
  expect(reason).toBe('rebalance: 4 units there, 1 unit here');
  expect(left(world)).toBe(0);
});

test('the copies overlap, and the old one ends when the new one has been up for a while', () => {
  expect(history(joined(four).begin(), 'a.service')).toEqual(['m1', 'm1 m2', 'm2']);
  const world = joined(four).begin();
  for (let i = 0; i < 5; i += 1) {
    world.lead();
    world.act('m1');
    world.act('m2');
  }
  expect({ up: world.copies('a.service'), again: world.lookAgainAt }).toEqual({
    up: ['m1', 'm2'],
    again: 2000,
  });
});

test.each([
  ['OnPartition=stop', 'a.service'],
  ['', 'a.timer'],
  ['', 'a.socket'],
])('what must not run twice ends first: %s %s', (fleet, name) => {
  const world = joined({ [name]: fleet, 'b.timer': '' }).begin();
  expect(history(world, name)).toEqual(['m1', 'none', 'm2']);
  expect(world.cluster.assignments.get(name)?.get('m2')?.reason).toMatch(/^rebalance: /);
  expect(world.cluster.rebalance).toBeNull();
});

test('units that follow each other end together, when all of them are up', () => {
  const world = joined({
    'a.service': '',
    'b.service': 'MachineOf=a.service',
    'c.service': 'MachineID=m1',
    'd.service': 'MachineID=m1',
  }).begin();
  for (let i = 0; i < 3; i += 1) world.lead();
  world.act('m2');
  world.cluster.state('b.service', 'm2', 'activating');
  world.cluster.now += 60_000;
  for (let i = 0; i < 3; i += 1) world.lead();
  expect(world.cluster.where()).toMatchObject({
    'a.service': ['m1:released', 'm2'],
    'b.service': ['m1:released', 'm2'],
  });
  world.finish();
  expect(world.cluster.where()).toMatchObject({ 'a.service': ['m2'], 'b.service': ['m2'] });
});

test('units that follow what ends first all end first', () => {
  const world = joined({
    'a.timer': '',
    'b.service': 'MachineOf=a.timer',
    'c.service': 'MachineID=m1',
    'd.service': 'MachineID=m1',
  }).begin();
  expect(history(world, 'b.service')).toEqual(['m1', 'none', 'm2']);
  expect(world.copies('a.timer')).toEqual(['m2']);
});

test('whatever else is to be written comes first', () => {
  const world = joined(four).begin();
  world.cluster.unit('e.service');
  world.lead();
  expect(world.cluster.where()['e.service']).toEqual(['m2']);
  expect(world.cluster.rebalance?.moves).toEqual([]);
  world.lead();
  expect(world.cluster.rebalance?.moves).toHaveLength(1);
});

test('no more moves are made than were asked for, nor more at once', () => {
  const limited = joined(four).begin({ limit: 1 });
  limited.finish();
  expect(limited.cluster.rebalance).toBeNull();
  expect(left(limited)).toBe(1);
  const world = joined(four).begin({ atOnce: 2 });
  const most: number[] = [];
  world.finish(() => most.push(world.cluster.rebalance?.moves.length ?? 0));
  expect(Math.max(...most)).toBe(2);
  expect(left(world)).toBe(0);
});

test('another leader goes on where the one before it was, at any moment', () => {
  for (let changesAt = 0; changesAt < 12; changesAt += 1) {
    const world = joined(four).begin();
    for (let i = 0; i < changesAt; i += 1) {
      world.lead();
      if (i % 2 === 1) world.act('m2');
      if (i % 3 === 2) world.act('m1');
    }
    world.changeLeader();
    const running: number[] = [];
    world.finish(() => running.push(world.copies('a.service').length));
    expect({ changesAt, left: left(world), is: world.cluster.rebalance }).toEqual({
      changesAt,
      left: 0,
      is: null,
    });
    expect(Math.min(...running)).toBe(1);
  }
});

test('a unit that fails where it came to is taken back, and nothing more is moved', () => {
  const world = joined(four).begin();
  world.broken.add('a.service');
  expect(history(world, 'a.service')).toEqual(['m1']);
  expect(world.cluster.where()['a.service']).toEqual(['m1']);
  expect(world.cluster.rebalance).toMatchObject({
    moved: 0,
    moves: [],
    end: { type: 'failed', reason: 'a.service failed on m2' },
  });
  world.finish();
  expect(world.cluster.where()['b.service']).toEqual(['m1']);
});

test('of those that follow each other all are taken back when one fails', () => {
  const world = joined({
    'a.service': '',
    'b.service': 'MachineOf=a.service',
    'c.service': 'MachineID=m1',
    'd.service': 'MachineID=m1',
  }).begin();
  world.broken.add('b.service');
  expect(history(world, 'a.service')).toEqual(['m1', 'm1 m2', 'm1']);
  expect(world.cluster.where()).toMatchObject({ 'a.service': ['m1'], 'b.service': ['m1'] });
  expect(world.cluster.rebalance?.end?.reason).toBe('b.service failed on m2');
});

test('a unit that is up for a moment only has failed', () => {
  const world = joined(four).begin();
  for (let i = 0; i < 4; i += 1) {
    world.lead();
    world.act('m2');
  }
  world.cluster.now += 1_500;
  world.lead();
  world.cluster.state('a.service', 'm2', 'failed');
  world.running.get('m2')?.clear();
  world.broken.add('a.service');
  world.finish();
  expect(world.copies('a.service')).toEqual(['m1']);
  expect(world.cluster.rebalance?.end?.type).toBe('failed');
});

test('one that ended first and fails stays where it is, and nothing more is moved', () => {
  const world = joined({ 'a.timer': '', 'b.timer': '', 'c.timer': '', 'd.timer': '' }).begin();
  world.broken.add('a.timer');
  world.finish();
  expect(world.cluster.where()).toMatchObject({ 'a.timer': ['m2'], 'b.timer': ['m1'] });
  expect(world.cluster.rebalance?.end?.reason).toBe('a.timer failed on m2');
});

test('when somebody stops it, the move that was begun is ended and no other is begun', () => {
  const world = joined(four).begin();
  for (let i = 0; i < 3; i += 1) world.lead();
  const { rebalance } = world.cluster;
  expect(rebalance?.moves).toHaveLength(1);
  world.begin({ ...rebalance, end: { type: 'stopped', reason: 'by kim' } } as Rebalance);
  world.finish();
  expect(world.cluster.where()).toMatchObject({ 'a.service': ['m2'], 'b.service': ['m1'] });
  expect(world.cluster.rebalance).toBeNull();
});

test('nothing is begun while a machine is absent, and it goes on when that is back', () => {
  const world = joined(four);
  world.cluster.machine('m3').unit('x.service', 'MachineID=m3').rest();
  world.cluster.lose('m3');
  world.begin().finish();
  expect(world.cluster.where()['a.service']).toEqual(['m1']);
  expect(world.cluster.rebalance).toMatchObject({ moved: 0, moves: [] });
  world.cluster.machine('m3');
  world.finish();
  expect(left(world)).toBe(0);
});

test('a move whose unit was changed before it began is not made as it was planned', () => {
  const world = joined(four).begin();
  world.lead();
  expect(world.cluster.rebalance?.moves.map(({ units }) => units)).toEqual([['a.service']]);
  world.cluster.unit('a.service', 'MachineID=m1').rest();
  world.finish();
  expect(world.cluster.where()['a.service']).toEqual(['m1']);
  expect(world.cluster.rebalance).toBeNull();
});

test('a unit that is destroyed or stopped in the middle holds nothing up', () => {
  for (const change of ['destroyed', 'inactive']) {
    const world = joined(four).begin();
    for (let i = 0; i < 3; i += 1) world.lead();
    const unit = world.cluster.units.get('a.service');
    if (change === 'destroyed' || unit === undefined) world.cluster.units.delete('a.service');
    else world.cluster.units.set('a.service', { ...unit, desiredState: 'inactive' });
    world.finish();
    expect({ change, is: world.cluster.where()['a.service'], left: left(world) }).toEqual({
      change,
      is: undefined,
      left: 0,
    });
    expect(world.cluster.rebalance).toBeNull();
  }
});

test('the machine that a unit was to go to dies: it stays where it is', () => {
  const world = joined(four).begin();
  for (let i = 0; i < 3; i += 1) world.lead();
  world.cluster.lose('m2');
  world.running.delete('m2');
  expect(history(world, 'a.service')).toEqual(['m1']);
  expect(world.cluster.where()['a.service']).toEqual(['m1']);
});

test('units that are only loaded go at once', () => {
  const world = joined(four, 'loaded').begin();
  world.finish();
  expect(world.cluster.where()).toEqual({
    'a.service': ['m2'],
    'b.service': ['m2'],
    'c.service': ['m1'],
    'd.service': ['m1'],
  });
});

describe('unasked', () => {
  const auto = (world: RebalancedCluster): RebalancedCluster => {
    const modRevision = world.cluster.revision++;
    world.cluster.policy = {
      placement: 'spread',
      rebalance: 'auto',
      origin: { by: 'kim' },
      modRevision,
    };
    return world;
  };

  test('it begins when a machine has been there for a minute, once', () => {
    const world = auto(joined(four));
    world.lead();
    expect({ is: world.cluster.rebalance, again: world.lookAgainAt }).toEqual({
      is: null,
      again: 60_000,
    });
    world.cluster.now = 59_999;
    expect(world.lead()).toBe(false);
    world.cluster.now = 60_000;
    world.lead();
    expect(world.cluster.rebalance).toMatchObject({
      origin: { by: 'rebalance=auto', at: 7 },
      limit: null,
      atOnce: 1,
      moves: [{ units: ['a.service'] }],
    });
    world.finish();
    expect({ left: left(world), again: world.lookAgainAt }).toEqual({ left: 0, again: null });
  });

  test('a machine that went again meanwhile does not count', () => {
    const world = auto(joined(four));
    world.lead();
    world.cluster.lose('m2');
    world.cluster.now = 50_000;
    world.lead();
    world.cluster.machine('m2');
    world.lead();
    world.cluster.now = 70_000;
    world.lead();
    expect(world.cluster.rebalance).toBeNull();
    world.cluster.now = 110_000;
    world.lead();
    expect(world.cluster.rebalance).not.toBeNull();
  });

  test('one that failed is not begun anew by itself', () => {
    const world = auto(joined(four));
    world.broken.add('a.service');
    world.finish();
    const failed = world.cluster.rebalance;
    expect(failed?.end?.type).toBe('failed');
    world.cluster.machine('m3');
    world.cluster.now += 600_000;
    world.finish();
    expect(world.cluster.rebalance).toBe(failed);
  });
});
