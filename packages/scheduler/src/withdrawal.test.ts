import { PlannedCluster } from './testing/planned-cluster.ts';

type Withdrawals = readonly (readonly [unit: string, machine: string, reason: string])[];

/** What the plans that follow take away, in order, until there is nothing more to plan. */
function withdrawals(cluster: PlannedCluster): Withdrawals {
  return cluster
    .rest()
    .flatMap((plan) => plan.changes)
    .flatMap(({ unit, withdraw }) =>
      withdraw.map(({ machine, reason }) => [unit, machine, reason] as const),
    );
}

function settled(...machines: string[]): PlannedCluster {
  const cluster = new PlannedCluster();
  for (const machine of machines) cluster.machine(machine, { disk: 'ssd' });
  cluster.unit('a.service', 'MachineMetadata=disk=ssd');
  cluster.rest();
  return cluster;
}

test.each<[string, (cluster: PlannedCluster) => PlannedCluster, Withdrawals]>([
  [
    'its unit was destroyed',
    (cluster) => {
      cluster.units.delete('a.service');
      return cluster;
    },
    [['a.service', 'm1', 'the unit was destroyed']],
  ],
  [
    'its unit was unloaded',
    (cluster) => cluster.unit('a.service', 'MachineMetadata=disk=ssd', 'inactive'),
    [['a.service', 'm1', 'the unit is to be inactive']],
  ],
  [
    'the machine no longer fits',
    (cluster) => cluster.machine('m1', { disk: 'hdd' }),
    [['a.service', 'm1', 'MachineMetadata wants disk=ssd, the machine has disk=hdd']],
  ],
  [
    'the unit asks for another one',
    (cluster) => cluster.unit('a.service', 'MachineID=m2'),
    [['a.service', 'm1', 'MachineID=m2 is another machine']],
  ],
  [
    'another unit replaces it',
    (cluster) =>
      cluster
        .machine('m1', { disk: 'ssd', rack: '1' })
        .unit('b.service', 'Replaces=a.service\nMachineMetadata=rack=1'),
    [['a.service', 'm1', 'replaced by b.service']],
  ],
  [
    'its machine was gone, and it is up elsewhere',
    (cluster) => cluster.lose('m1'),
    [['a.service', 'm1', 'it is up on m2']],
  ],
])('taken off a machine because %s', (_, change, expected) => {
  expect(withdrawals(change(settled('m1', 'm2')))).toEqual(expected);
});

test('each machine of a global unit has its own reason', () => {
  const cluster = new PlannedCluster().machine('m1', { disk: 'a' }).machine('m2', { disk: 'a' });
  cluster.machine('m3', { disk: 'a' }).unit('all.service', 'Global=true\nMachineMetadata=disk=a');
  cluster.rest();
  cluster.machine('m1', { disk: 'b' }).machine('m3', {});
  expect(withdrawals(cluster)).toEqual([
    ['all.service', 'm1', 'MachineMetadata wants disk=a, the machine has disk=b'],
    ['all.service', 'm3', 'MachineMetadata wants disk=a, the machine has no disk'],
  ]);
});
