import fc from 'fast-check';
import { PlannedCluster } from './testing/planned-cluster.ts';

/** Machines `m1`, `m2`, … with a metadata key `az` each; '' for none. */
function inZones(...zones: string[]): PlannedCluster {
  const cluster = new PlannedCluster();
  zones.forEach((az, i) => cluster.machine(`m${i + 1}`, az === '' ? {} : { az }));
  return cluster;
}

/** How many of these units are on machines of each zone. */
function zones(cluster: PlannedCluster, units: RegExp): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [unit, places] of Object.entries(cluster.where())) {
    if (!units.test(unit)) continue;
    for (const place of places) {
      const zone = cluster.machines.get(place)?.metadata['az'] ?? 'none';
      counts[zone] = (counts[zone] ?? 0) + 1;
    }
  }
  return counts;
}

function instances(cluster: PlannedCluster, count: number, fleet: string, name = 'web'): void {
  for (let i = 0; i < count; i += 1) cluster.unit(`${name}@${i}.service`, fleet);
}

describe('Spread=', () => {
  test('instances of a template go where fewest of them are, whatever else is there', () => {
    const cluster = inZones('a', 'a', 'a', 'b');
    for (let i = 0; i < 6; i += 1) cluster.unit(`other${i}.service`, 'MachineMetadata=az=b');
    cluster.settle();
    instances(cluster, 6, 'Spread=az');
    cluster.settle();
    expect(zones(cluster, /^web@/)).toEqual({ a: 3, b: 3 });
  });

  test('within a zone the least loaded machine takes it', () => {
    const cluster = inZones('a', 'a', 'b', 'b');
    instances(cluster, 4, 'Spread=az');
    cluster.settle();
    expect(Object.values(cluster.where()).flat().sort()).toEqual(['m1', 'm2', 'm3', 'm4']);
  });

  test('templates are spread each by itself', () => {
    const cluster = inZones('a', 'b');
    instances(cluster, 1, 'Spread=az', 'one');
    instances(cluster, 1, 'Spread=az', 'two');
    cluster.settle();
    expect(cluster.where()).toEqual({ 'one@0.service': ['m1'], 'two@0.service': ['m2'] });
    instances(cluster, 2, 'Spread=az', 'one');
    instances(cluster, 2, 'Spread=az', 'two');
    cluster.settle();
    expect(zones(cluster, /^one@/)).toEqual({ a: 1, b: 1 });
    expect(zones(cluster, /^two@/)).toEqual({ a: 1, b: 1 });
  });

  test('SpreadUnits= says which units count instead', () => {
    const cluster = inZones('a', 'b', 'b');
    cluster.unit('api-1.service', 'MachineMetadata=az=b').settle();
    cluster.unit('api-2.service', 'Spread=az\nSpreadUnits=api-*.service').settle();
    expect(zones(cluster, /^api-/)).toEqual({ a: 1, b: 1 });
    cluster.unit('web@1.service', 'Spread=az\nSpreadUnits=api-2.service').settle();
    expect(zones(cluster, /^web@1/)).toEqual({ b: 1 });
  });

  test('a machine without the key comes last, however empty it is', () => {
    const cluster = inZones('a', '', 'b');
    instances(cluster, 4, 'Spread=az');
    cluster.settle();
    expect(zones(cluster, /^web@/)).toEqual({ a: 2, b: 2 });
    const bare = inZones('', '');
    instances(bare, 2, 'Spread=az');
    bare.settle();
    expect(bare.where()).toEqual({ 'web@0.service': ['m1'], 'web@1.service': ['m2'] });
  });

  test('what must be comes first: a zone that cannot take it does not count', () => {
    const cluster = inZones('a', 'b');
    instances(cluster, 4, 'Spread=az\nMachineMetadata=az!=b');
    cluster.settle();
    expect(zones(cluster, /^web@/)).toEqual({ a: 4 });
  });

  test('nothing is moved for it later, and a new instance evens it out', () => {
    const cluster = inZones('a', 'a');
    instances(cluster, 2, 'Spread=az');
    cluster.rest();
    cluster.machine('m3', { az: 'b' });
    expect(cluster.rest()).toEqual([]);
    instances(cluster, 4, 'Spread=az');
    cluster.rest();
    expect(zones(cluster, /^web@/)).toEqual({ a: 2, b: 2 });
  });

  test('units of a machine that is gone count no more, and are spread anew', () => {
    const cluster = inZones('a', 'b', 'c');
    instances(cluster, 3, 'Spread=az');
    cluster.rest();
    cluster.lose('m2');
    instances(cluster, 4, 'Spread=az');
    cluster.rest();
    const up = zones(cluster, /^web@/);
    expect([up['a'], up['c']]).toEqual([2, 2]);
  });

  test('two zones that can take a unit differ by one at most', () => {
    const batch = fc.record({ count: fc.integer({ min: 1, max: 12 }), noise: fc.nat(5) });
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'b', 'c', ''), { minLength: 1, maxLength: 9 }),
        fc.array(batch, { minLength: 1, maxLength: 4 }),
        (machines, batches) => {
          const cluster = inZones(...machines);
          let placed = 0;
          for (const [i, { count, noise }] of batches.entries()) {
            instances(cluster, noise, 'MachineMetadata=az=a', `noise${i}`);
            placed += count;
            instances(cluster, placed, 'Spread=az');
            cluster.settle();
          }
          const keyed = [...new Set(machines)].filter((az) => az !== '');
          const counts = zones(cluster, /^web@/);
          // Without any key the machines without one are all there is.
          const perZone = keyed.map((az) => counts[az] ?? 0);
          expect(counts['none'] ?? 0).toBe(keyed.length === 0 ? placed : 0);
          expect(Math.max(0, ...perZone)).toBeLessThanOrEqual(1 + Math.min(placed, ...perZone));
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('PreferMetadata= and AvoidMetadata=', () => {
  const disks = (): PlannedCluster =>
    new PlannedCluster()
      .machine('m1', { disk: 'hdd', cpus: '4' })
      .machine('m2', { disk: 'ssd', cpus: '4' })
      .machine('m3', { disk: 'ssd', cpus: '16', spot: 'yes' });

  test.each([
    ['one that has it', 'PreferMetadata=disk=ssd', 'm2'],
    ['one that has more of it', 'PreferMetadata=disk=ssd\nPreferMetadata=cpus>=8', 'm3'],
    ['one that has less to be avoided', 'AvoidMetadata=disk=hdd\nAvoidMetadata=spot', 'm2'],
    ['as good as it gets', 'PreferMetadata=disk=nvme\nAvoidMetadata=disk=hdd', 'm2'],
    ['any, when all are alike', 'PreferMetadata=disk=nvme', 'm1'],
    ['one key, several values', 'PreferMetadata=disk=hdd\nPreferMetadata=disk=ssd', 'm1'],
  ])('%s', (_, fleet, machine) => {
    const cluster = disks().unit('a.service', fleet);
    cluster.settle();
    expect(cluster.where()).toEqual({ 'a.service': [machine] });
  });

  test('load does not outweigh it, and does decide among equals', () => {
    const cluster = disks();
    instances(cluster, 5, 'PreferMetadata=disk=ssd');
    cluster.settle();
    expect(Object.values(cluster.where()).flat().sort()).toEqual(['m2', 'm2', 'm2', 'm3', 'm3']);
  });

  test('a unit stays when a machine that would be better comes', () => {
    const cluster = new PlannedCluster().machine('m1').unit('a.service', 'PreferMetadata=disk=ssd');
    cluster.rest();
    cluster.machine('m0', { disk: 'ssd' });
    expect(cluster.rest()).toEqual([]);
  });

  test('it goes before spread', () => {
    const cluster = new PlannedCluster()
      .machine('m1', { az: 'a', disk: 'ssd' })
      .machine('m2', { az: 'b' });
    instances(cluster, 3, 'Spread=az\nPreferMetadata=disk=ssd');
    cluster.settle();
    expect(zones(cluster, /^web@/)).toEqual({ a: 3 });
  });
});

describe('a cluster that packs', () => {
  const packed = (): PlannedCluster => {
    const cluster = new PlannedCluster().machine('m1').machine('m2').machine('m3');
    cluster.policy = { placement: 'pack', origin: { by: 'kim' }, modRevision: 1 };
    return cluster;
  };

  test('fills one machine after the other', () => {
    const cluster = packed();
    cluster.unit('first.service', 'MachineMetadata=!x').settle();
    instances(cluster, 3, '');
    cluster
      .unit('b@1.service', 'Conflicts=b@*.service')
      .unit('b@2.service', 'Conflicts=b@*.service');
    const plan = cluster.settle();
    const { 'b@1.service': b1, 'b@2.service': b2, ...rest } = cluster.where();
    expect([b1, b2]).toEqual([['m1'], ['m2']]);
    expect(Object.values(rest).flat()).toEqual(['m1', 'm1', 'm1', 'm1']);
    expect(plan.changes.flatMap(({ assign }) => assign.map((a) => a.reason))).toContain('fullest');
  });

  test('moves nothing, and still spreads what asks for it', () => {
    const cluster = new PlannedCluster().machine('m1', { az: 'a' }).machine('m2', { az: 'b' });
    instances(cluster, 4, '', 'other');
    cluster.rest();
    cluster.policy = { placement: 'pack', origin: { by: 'kim' }, modRevision: 1 };
    expect(cluster.rest()).toEqual([]);
    instances(cluster, 2, 'Spread=az');
    cluster.rest();
    expect(zones(cluster, /^web@/)).toEqual({ a: 1, b: 1 });
  });
});

describe('AvoidUnits=', () => {
  test('as few of them as can be, before load', () => {
    const cluster = new PlannedCluster().machine('m1').machine('m2');
    cluster.unit('batch@1.service').settle();
    for (let i = 0; i < 3; i += 1) {
      cluster.unit(`other${i}.service`, `AvoidUnits=batch@*.service`).settle();
    }
    expect(cluster.where()).toEqual({
      'batch@1.service': ['m1'],
      'other0.service': ['m2'],
      'other1.service': ['m2'],
      'other2.service': ['m2'],
    });
  });

  test('instances that avoid each other share machines only when there are more of them', () => {
    const cluster = new PlannedCluster().machine('m1').machine('m2').machine('m3');
    for (let i = 0; i < 4; i += 1) cluster.unit(`other${i}.service`);
    cluster.settle();
    instances(cluster, 5, 'AvoidUnits=%p@*.service');
    cluster.settle();
    const places = Object.entries(cluster.where()).filter(([unit]) => unit.startsWith('web@'));
    expect(places.map(([, [place]]) => place).sort()).toEqual(['m1', 'm2', 'm2', 'm3', 'm3']);
  });

  test('one that has left does not count any more', () => {
    const cluster = new PlannedCluster().machine('m1').machine('m2');
    cluster.unit('batch.service').settle();
    cluster.unit('a.service', 'AvoidUnits=batch*').settle();
    expect(cluster.where()['a.service']).toEqual(['m2']);
    cluster.unit('batch.service', '', 'inactive');
    cluster.rest();
    cluster.unit('b.service', 'AvoidUnits=batch*').settle();
    expect(cluster.where()['b.service']).toEqual(['m1']);
  });
});
