import { globMatches } from '@muster/core';
import type { Unit } from '@muster/core';
import fc from 'fast-check';
import { isAccepted, PlannedCluster } from './testing/planned-cluster.ts';

const machines = (...ids: string[]): PlannedCluster => {
  const cluster = new PlannedCluster();
  for (const id of ids) cluster.machine(id);
  return cluster;
};

/** What the plan says of a unit that it does not place. */
const why = (cluster: PlannedCluster, unit: string): unknown =>
  cluster.plan().unplaced.find((entry) => entry.unit === unit);

describe('MachineOf= with a pattern', () => {
  test('is every unit that matches and is to run', () => {
    const cluster = machines('m1', 'm2')
      .unit('db-1.service')
      .unit('db-2.service', 'MachineOf=db-1.service')
      .unit('db-3.service', '', 'inactive')
      .unit('web.service', 'MachineOf=db-*.service');
    cluster.settle();
    expect(cluster.where()).toEqual({
      'db-1.service': ['m1'],
      'db-2.service': ['m1'],
      'web.service': ['m1'],
    });
  });

  test('cannot be had when they are on several machines', () => {
    const cluster = machines('m1', 'm2').unit('db-1.service').unit('db-2.service');
    cluster.settle();
    cluster.unit('web.service', 'MachineOf=db-*.service').settle();
    expect(cluster.where()['web.service']).toBeUndefined();
    expect(why(cluster, 'web.service')).toEqual({
      unit: 'web.service',
      reason: 'no machine can take it',
      machines: [
        { machine: 'm1', reason: 'db-2.service of MachineOf=db-*.service is not on it' },
        { machine: 'm2', reason: 'db-1.service of MachineOf=db-*.service is not on it' },
      ],
    });
  });

  test('waits until there is one', () => {
    const cluster = machines('m1').unit('web.service', 'MachineOf=db-*.service');
    cluster.settle();
    expect(why(cluster, 'web.service')).toMatchObject({
      machines: [{ reason: 'MachineOf=db-*.service matches no unit that is to run' }],
    });
    cluster.unit('db-1.service');
    cluster.rest();
    expect(cluster.where()['web.service']).toEqual(['m1']);
  });

  test('units that match their own pattern come together, on a machine that takes all', () => {
    const cluster = machines('m1', 'm2', 'm3');
    cluster.machine('m3', { disk: 'ssd' }).machine('m2', { disk: 'ssd', gpu: 'yes' });
    cluster.unit('shop-a.service', 'MachineOf=shop-*.service');
    cluster.unit('shop-b.service', 'MachineOf=shop-*.service\nMachineMetadata=disk=ssd');
    cluster.unit('shop-c.service', 'MachineOf=shop-*.service\nMachineMetadata=gpu');
    cluster.settle();
    expect(cluster.where()).toEqual({
      'shop-a.service': ['m2'],
      'shop-b.service': ['m2'],
      'shop-c.service': ['m2'],
    });
  });

  test('or none of them does, and says why', () => {
    const cluster = machines('m1');
    cluster.unit('shop-a.service', 'MachineOf=shop-*.service');
    cluster.unit('shop-b.service', 'MachineOf=shop-*.service\nMachineMetadata=gpu');
    cluster.settle();
    expect(cluster.where()).toEqual({});
    expect(why(cluster, 'shop-a.service')).toMatchObject({
      machines: [
        {
          reason:
            'shop-b.service has to come along: MachineMetadata wants gpu, the machine has no gpu',
        },
      ],
    });
  });

  test('the first of them need not wait for others, which have to come to it', () => {
    const cluster = machines('m1', 'm2').unit('shop-a.service', 'MachineOf=shop-*.service');
    cluster.rest();
    cluster.unit('other.service').unit('shop-b.service', 'MachineOf=shop-*.service');
    cluster.rest();
    expect(cluster.where()).toMatchObject({ 'shop-a.service': ['m1'], 'shop-b.service': ['m1'] });
  });

  test('of those that are found apart the oldest stays', () => {
    const cluster = machines('m1', 'm2').unit('shop-a.service').unit('shop-b.service');
    cluster.rest();
    cluster.unit('shop-b.service', 'MachineOf=shop-*.service');
    cluster.unit('shop-a.service', 'MachineOf=shop-*.service');
    cluster.rest();
    expect(cluster.where()).toEqual({ 'shop-a.service': ['m1'], 'shop-b.service': ['m1'] });
  });
});

describe('who comes later and matches', () => {
  const placed = (): PlannedCluster => {
    const cluster = machines('m1', 'm2').unit('db-2.service', '', 'inactive').unit('db-1.service');
    cluster.unit('x.service', 'MachineOf=db-*.service').rest();
    expect(cluster.where()).toEqual({ 'db-1.service': ['m1'], 'x.service': ['m1'] });
    return cluster;
  };
  const withdrawn = (cluster: PlannedCluster): unknown =>
    cluster.rest().flatMap(({ changes }) => changes.flatMap(({ withdraw }) => withdraw));

  test('goes where the unit is that follows it', () => {
    const cluster = placed().unit('db-3.service', 'PreferMetadata=disk=ssd');
    cluster.machine('m2', { disk: 'ssd' }).rest();
    expect(cluster.where()).toMatchObject({ 'db-3.service': ['m1'], 'x.service': ['m1'] });
    expect(cluster.assignments.get('db-3.service')?.get('m1')?.reason).toMatch(
      /^beside what follows it, then by its preferences, then /,
    );
  });

  test('goes elsewhere if it cannot, and that one stays', () => {
    const cluster = placed().machine('m2', { disk: 'ssd' });
    cluster.unit('db-3.service', 'MachineMetadata=disk=ssd');
    expect(withdrawn(cluster)).toEqual([]);
    expect(cluster.where()).toMatchObject({ 'db-3.service': ['m2'], 'x.service': ['m1'] });
  });

  test('that one stays also if who comes was there first, and was not to run', () => {
    const cluster = placed().machine('m2', { disk: 'ssd' });
    cluster.unit('db-2.service', 'MachineMetadata=disk=ssd');
    expect(withdrawn(cluster)).toEqual([]);
    expect(cluster.where()).toMatchObject({ 'db-2.service': ['m2'], 'x.service': ['m1'] });
  });

  test('that one stays also if none of those is left that it came for', () => {
    const cluster = placed().machine('m2', { disk: 'ssd' });
    cluster.unit('db-3.service', 'MachineMetadata=disk=ssd').rest();
    cluster.units.delete('db-1.service');
    cluster.rest();
    expect(cluster.where()).toEqual({ 'db-3.service': ['m2'], 'x.service': ['m1'] });
  });

  test('but when the only one moves that it came for, it goes along', () => {
    const cluster = placed().machine('m2', { disk: 'ssd' });
    cluster.unit('db-1.service', 'MachineMetadata=disk=ssd').rest();
    expect(cluster.where()).toEqual({ 'db-1.service': ['m2'], 'x.service': ['m2'] });
  });

  test('and one whose own new content follows others goes to them', () => {
    const cluster = machines('m1', 'm2').unit('x.service');
    cluster.rest();
    cluster.unit('db-1.service').rest();
    expect(cluster.where()).toEqual({ 'db-1.service': ['m2'], 'x.service': ['m1'] });
    cluster.unit('x.service', 'MachineOf=db-*.service').rest();
    expect(cluster.where()).toEqual({ 'db-1.service': ['m2'], 'x.service': ['m2'] });
  });

  test('a unit that is made anew comes back to those that follow it by name', () => {
    const cluster = machines('m1', 'm2').unit('db.service').unit('other.service');
    cluster.unit('x.service', 'MachineOf=db.service').rest();
    cluster.unit('more.service').rest();
    cluster.units.delete('db.service');
    cluster.rest();
    cluster.unit('db.service');
    expect(withdrawn(cluster)).toEqual([]);
    expect(cluster.where()).toMatchObject({ 'db.service': ['m1'], 'x.service': ['m1'] });
  });
});

describe('units that follow others', () => {
  const chain = (cluster: PlannedCluster, ...fleet: readonly [string, string, string]): void => {
    cluster.unit('c.service', fleet[2]);
    cluster.unit('b.service', `MachineOf=c.service\n${fleet[1]}`);
    cluster.unit('a.service', `MachineOf=b.service\n${fleet[0]}`);
  };

  test('a chain goes where all of it can be, not where its head would be best', () => {
    const cluster = machines('m1', 'm2', 'm3').machine('m3', { gpu: 'yes' });
    cluster.unit('busy.service', 'MachineMetadata=gpu').settle();
    chain(cluster, 'MachineMetadata=gpu', '', '');
    cluster.settle();
    expect(cluster.where()).toMatchObject({
      'a.service': ['m3'],
      'b.service': ['m3'],
      'c.service': ['m3'],
    });
  });

  test('nobody takes the place of one that comes along in the same plan', () => {
    const cluster = machines('m1', 'm2');
    chain(cluster, 'Conflicts=plain*.service', '', '');
    cluster.unit('plain1.service').unit('plain2.service').unit('plain3.service');
    cluster.settle();
    const { 'a.service': a, 'plain1.service': plain } = cluster.where();
    expect(a).toEqual(['m1']);
    expect(plain).toEqual(['m2']);
    expect(cluster.rest()).toEqual([]);
  });

  test('whoever follows two units that are not placed yet brings them together', () => {
    const cluster = machines('m1', 'm2').unit('x.service').unit('y.service');
    cluster.unit('a.service', 'MachineOf=x.service y.service');
    cluster.settle();
    expect(cluster.where()).toEqual({
      'a.service': ['m1'],
      'x.service': ['m1'],
      'y.service': ['m1'],
    });
  });

  test('and the first of these goes where the second can be', () => {
    const cluster = machines('m1', 'm2').machine('m2', { gpu: 'yes' });
    cluster.unit('x.service').unit('y.service', 'MachineMetadata=gpu');
    cluster.unit('a.service', 'MachineOf=x.service y.service');
    cluster.settle();
    expect(cluster.where()).toEqual({
      'a.service': ['m2'],
      'x.service': ['m2'],
      'y.service': ['m2'],
    });
  });

  test('one that fits nowhere stays behind, and keeps nobody else from running', () => {
    const cluster = machines('m1', 'm2').machine('m2', { disk: 'ssd' });
    chain(cluster, 'MachineMetadata=gpu', 'MachineMetadata=disk=ssd', '');
    cluster.settle();
    expect(cluster.where()).toEqual({ 'b.service': ['m2'], 'c.service': ['m2'] });
    expect(why(cluster, 'a.service')).toMatchObject({
      machines: [
        { machine: 'm1', reason: 'MachineOf=b.service is not on it' },
        { machine: 'm2', reason: 'MachineMetadata wants gpu, the machine has no gpu' },
      ],
    });
  });

  test('when their machine is gone they go elsewhere together', () => {
    const cluster = machines('m1', 'm2', 'm3').machine('m3', { gpu: 'yes' });
    cluster.machine('m1', { gpu: 'yes' });
    chain(cluster, 'MachineMetadata=gpu', '', '');
    cluster.rest();
    cluster.lose('m1');
    cluster.settle();
    const holders = Object.values(cluster.where()).map((places) =>
      places.filter((place) => !place.endsWith(':released')),
    );
    expect(holders).toEqual([['m3'], ['m3'], ['m3']]);
  });

  const names = ['u0', 'u1', 'u2', 'u3', 'u4'].map((name) => `${name}.service`);
  const option = fc.oneof(
    fc.constant(''),
    fc.constantFrom(...names).map((name) => `MachineOf=${name}`),
    fc.constantFrom('MachineOf=u*.service', 'MachineOf=u[01].service', 'MachineOf=u[^2].service'),
    fc.constantFrom('MachineMetadata=disk=ssd', 'MachineMetadata=!gpu', 'Conflicts=u3.service'),
  );
  const metadata = fc.constantFrom({}, { disk: 'ssd' }, { gpu: 'yes' });
  const step = fc.record({
    name: fc.constantFrom(...names),
    options: fc.array(option, { maxLength: 2 }),
    isWanted: fc.boolean(),
    machine: fc.constantFrom('m0', 'm1', 'm2'),
    /** null: the machine vanishes. */
    has: fc.option(metadata, { freq: 6 }),
  });

  test('wherever one is, what it follows is there, whatever has changed', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 14 }), (steps) => {
        const cluster = machines('m0', 'm1', 'm2');
        const follows = new Map<string, string[]>();
        for (const { name, options, isWanted, machine, has } of steps) {
          const allowed = options.filter((each) => !each.endsWith(`=${name}`));
          if (!isAccepted(name, allowed.join('\n'))) continue;
          cluster.unit(name, allowed.join('\n'), isWanted ? 'launched' : 'inactive');
          follows.set(
            name,
            allowed.flatMap((each) => /^MachineOf=(.*)$/.exec(each)?.[1] ?? []),
          );
          if (has === null) cluster.lose(machine);
          else cluster.machine(machine, has);
          cluster.settle();
          cluster.report();
        }
        cluster.rest();
        const where = new Map(Object.entries(cluster.where()));
        const running = [...cluster.units.values()].filter((u) => u.desiredState === 'launched');
        // Two that follow each other never may, nor what is followed by name.
        const mayBeApart = (name: string, other: Unit): boolean => {
          const globs = (of: string): string[] => follows.get(of) ?? [];
          const isMutual = globs(other.name).some((word) => globMatches(word, name));
          if (isMutual || globs(name).includes(other.name)) return false;
          if (other.createRevision > (cluster.units.get(name)?.createRevision ?? 0)) return true;
          const beside = running.filter(
            (each) => where.get(each.name)?.[0] === where.get(name)?.[0],
          );
          return globs(name)
            .filter((word) => globMatches(word, other.name))
            .some((word) => beside.some((e) => e.name !== name && globMatches(word, e.name)));
        };
        const apart = [...where].flatMap(([name, places]) =>
          running
            .filter((other) => follows.get(name)?.some((word) => globMatches(word, other.name)))
            .filter((other) => other.name !== name)
            .filter(() => cluster.machines.has(places[0] ?? ''))
            .filter((other) => where.get(other.name)?.[0] !== places[0])
            // A unit stays when what it follows has lost its place.
            .filter((other) => where.has(other.name))
            .filter((other) => !mayBeApart(name, other))
            .map((other) => `${name} without ${other.name}`),
        );
        expect(apart).toEqual([]);
        expect(cluster.planBackwards().changes).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
