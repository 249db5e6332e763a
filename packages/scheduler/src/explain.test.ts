import type { Explanation } from '@muster/core';
import { createExplainer } from './explainer.ts';
import { PlannedCluster as Cluster } from './testing/planned-cluster.ts';

const leader = { machine: 'm1', apiUrl: null, createRevision: 1 };
const three = (): Cluster => new Cluster().machine('m1').machine('m2').machine('m3');

/** As a program that knows nothing but the store tells it. */
function explain(cluster: Cluster, unit: string, hasLeader = true): Explanation {
  const snapshot = { ...cluster.snapshot(), leader: hasLeader ? leader : null };
  const said = createExplainer().explain(snapshot, unit);
  if (said === null) throw new Error(`nothing is said of ${unit}`);
  return said;
}

/** The explanation as lines: status and reason, machines, notes. */
function told(cluster: Cluster, unit: string, hasLeader = true): string[] {
  const { status, reason, machines, notes } = explain(cluster, unit, hasLeader);
  return [
    `${status}: ${reason}`,
    ...machines.map((each) => `${each.machine} ${each.verdict}: ${each.reason}`),
    ...notes.map((note) => `note: ${note}`),
  ];
}

const lost = (cluster: Cluster, ...machines: string[]): Cluster => {
  for (const machine of machines) cluster.lose(machine);
  return cluster;
};

test('a unit that is nowhere stored cannot be explained', () => {
  expect(createExplainer().explain(three().snapshot(), 'a.service')).toBeNull();
});

test.each<[string, () => Cluster, string[]]>([
  [
    'a placed unit: why there, and what would keep it from being elsewhere',
    () => {
      const cluster = new Cluster()
        .machine('m1', { az: 'b' })
        .machine('m2', { az: 'a' })
        .machine('m3')
        .machine('m4', { az: 'b' })
        .machine('m5', { az: 'b' }, 17)
        .unit('a.service', 'MachineMetadata=az=b\nConflicts=other.service');
      cluster.unit('other.service', 'MachineID=m4').rest();
      return cluster;
    },
    [
      'placed: it is on m1: least loaded',
      'm1 holds: least loaded',
      'm2 refuses: MachineMetadata wants az=b, the machine has az=a',
      'm3 refuses: MachineMetadata wants az=b, the machine has no az',
      'm4 refuses: other.service is there and matches Conflicts=other.service',
      'm5 away: musterd was stopped there',
    ],
  ],
  [
    'a placed unit that could be elsewhere as well',
    () => {
      const cluster = new Cluster().machine('m1').machine('m2').unit('a.service');
      cluster.rest();
      return cluster;
    },
    [
      'placed: it is on m1: least loaded',
      'm1 holds: least loaded',
      'm2 able: it could run there as well',
    ],
  ],
  [
    'a unit that no machine can take',
    () => {
      const cluster = new Cluster().machine('m1', { az: 'a' }).machine('m2');
      cluster.unit('a.service', 'MachineMetadata=az=b').rest();
      return cluster;
    },
    [
      'pending: no machine can take it',
      'm1 refuses: MachineMetadata wants az=b, the machine has az=a',
      'm2 refuses: MachineMetadata wants az=b, the machine has no az',
    ],
  ],
  [
    'a unit that follows one that is nowhere',
    () => {
      const cluster = new Cluster().machine('m1');
      cluster.unit('a.service', 'MachineOf=b.service').rest();
      return cluster;
    },
    ['pending: no machine can take it', 'm1 refuses: MachineOf=b.service is not on it'],
  ],
  [
    'a cluster without machines',
    () => new Cluster().unit('a.service'),
    ['pending: there is no machine'],
  ],
  [
    'a unit of which the leader has not heard yet',
    () => new Cluster().machine('m1').unit('a.service'),
    ['pending: the leader is about to put it on m1', 'm1 takes: least loaded'],
  ],
  [
    'a global unit',
    () => {
      const cluster = new Cluster().machine('m1', { disk: 'ssd' }).machine('m2');
      cluster.unit('a.service', 'Global=true\nMachineMetadata=disk=ssd').rest();
      return cluster;
    },
    [
      'placed: it is global, and on 1 of 2 machines',
      'm1 holds: global unit',
      'm2 refuses: MachineMetadata wants disk=ssd, the machine has no disk',
    ],
  ],
  [
    'a global unit that fits nowhere',
    () => {
      const cluster = new Cluster().machine('m1');
      cluster.unit('a.service', 'Global=true\nMachineMetadata=disk=ssd').rest();
      return cluster;
    },
    [
      'pending: no machine matches',
      'm1 refuses: MachineMetadata wants disk=ssd, the machine has no disk',
    ],
  ],
  [
    'a global unit of which one machine is absent',
    () => {
      const cluster = new Cluster().machine('m1').machine('m2').unit('a.service', 'Global=true');
      cluster.rest();
      return lost(cluster, 'm2');
    },
    [
      'placed: it is global, and on 1 of 1 machines',
      'm1 holds: global unit',
      'm2 absent: global unit',
    ],
  ],
  [
    'an inactive unit',
    () => three().unit('a.service', '', 'inactive'),
    ['inactive: nobody wants it: test has it inactive'],
  ],
  [
    'an inactive unit that has still to end',
    () => {
      const cluster = new Cluster().machine('m1').unit('a.service', 'OnPartition=stop');
      cluster.rest();
      cluster.unit('a.service', 'OnPartition=stop', 'inactive').settle();
      return cluster;
    },
    ['inactive: nobody wants it: test has it inactive', 'm1 leaves: the unit is to be inactive'],
  ],
  [
    'a template',
    () => three().unit('a@.service', '', 'inactive'),
    ['template: a template does not run, its instances do'],
  ],
  [
    'a unit that was destroyed and has still to end',
    () => {
      const cluster = new Cluster().machine('m1').unit('a.service', 'OnPartition=stop');
      cluster.rest();
      cluster.units.delete('a.service');
      return cluster;
    },
    ['inactive: it was destroyed and has still to end', 'm1 leaves: the unit was destroyed'],
  ],
  [
    'a unit whose record does not parse',
    () => {
      const cluster = new Cluster().machine('m1').unit('a.service');
      cluster.rest();
      cluster.corrupt.push({ key: '/muster/placement/a.service', problem: 'not JSON' });
      return cluster;
    },
    [
      'unreadable: /muster/placement/a.service: not JSON; it is left exactly as it is',
      'm1 holds: least loaded',
    ],
  ],
  [
    'a machine whose record does not parse',
    () => {
      const cluster = new Cluster().machine('m1').unit('a.service');
      cluster.rest();
      cluster.corrupt.push({ key: '/muster/machine/m2', problem: 'not JSON' });
      return cluster;
    },
    [
      'placed: it is on m1: least loaded',
      'm1 holds: least loaded',
      'm2 unreadable: its record does not parse',
    ],
  ],
  [
    'a unit on an absent machine, when another can take it',
    () => {
      const cluster = new Cluster().machine('m1').machine('m2').unit('a.service');
      cluster.rest();
      return lost(cluster, 'm1');
    },
    [
      'pending: its machine m1 is absent; it goes to m2 when the leader has seen that for long enough',
      'm1 absent: least loaded',
      'm2 takes: machine m1 is gone',
    ],
  ],
  [
    'the same with OnPartition=stop, of which only the leader knows how long that is to last',
    () => {
      const cluster = new Cluster().machine('m1').machine('m2');
      cluster.unit('a.service', 'OnPartition=stop').rest();
      return lost(cluster, 'm1');
    },
    [
      'pending: its machine m1 is absent; it goes to m2 when the leader has seen that for long enough',
      'm1 absent: least loaded',
      'm2 takes: machine m1 is gone',
    ],
  ],
  [
    'a unit on an absent machine, when no other can take it',
    () => {
      const cluster = new Cluster().machine('m1', { az: 'a' }).machine('m2');
      cluster.unit('a.service', 'MachineMetadata=az=a').rest();
      return lost(cluster, 'm1');
    },
    [
      'pending: its machine m1 is absent; no machine can take it',
      'm1 absent: least loaded',
      'm2 refuses: MachineMetadata wants az=a, the machine has no az',
    ],
  ],
  [
    'a unit that is pinned to an absent machine',
    () => {
      const cluster = three().unit('a.service', 'MachineID=m1');
      cluster.rest();
      return lost(cluster, 'm1', 'm3');
    },
    [
      'pending: its machine m1 is absent and MachineID allows no other',
      'm1 absent: least loaded',
      'm2 refuses: MachineID=m1 is another machine',
    ],
  ],
  [
    'a unit that the brake holds back',
    () => {
      const cluster = three().machine('m4').unit('a.service');
      cluster.rest();
      cluster.brake = {
        isOn: true,
        machines: ['m1', 'm2', 'm3'],
        reason: '3 of 4 machines are absent',
        at: 1,
        modRevision: 1,
      };
      return lost(cluster, 'm1', 'm2', 'm3');
    },
    [
      'pending: its machine m1 is absent and the brake is on (3 of 4 machines are absent): it stays there until it is back or its loss is accepted',
      'm1 absent: least loaded',
      'm4 able: it could run there as well',
    ],
  ],
  [
    'a copy that runs on where its machine is back, until the unit is up elsewhere',
    () => {
      const cluster = new Cluster().machine('m1').machine('m2').unit('a.service');
      cluster.rest();
      cluster.lose('m1').settle();
      cluster.machine('m1').state('a.service', 'm1', 'active', { answers: 0 }).settle();
      return cluster;
    },
    [
      'placed: it is on m2: machine m1 is gone',
      'm1 released: machine is gone: a copy runs on until it is up elsewhere',
      'm2 holds: machine m1 is gone',
    ],
  ],
  [
    'a unit that has to leave its machine first',
    () => {
      const cluster = new Cluster().machine('m1', { az: 'a' }).machine('m2', { az: 'b' });
      cluster.unit('a.service', 'MachineMetadata=az=a').rest();
      cluster.unit('a.service', 'MachineMetadata=az=b').settle();
      return cluster;
    },
    [
      'pending: no machine can take it',
      'm1 refuses: MachineMetadata wants az=b, the machine has az=a',
      'm2 refuses: it is still being stopped on m1',
    ],
  ],
  [
    'a unit that waits for others to make room',
    () => {
      const cluster = new Cluster().machine('m1', { az: 'a' }).machine('m2').unit('old.service');
      cluster.rest();
      cluster.unit('a.service', 'Replaces=old.service\nMachineMetadata=az=a').settle();
      return cluster;
    },
    [
      'pending: it waits for old.service to end on m1',
      'm1 takes: it waits for old.service to end on m1',
      'm2 refuses: MachineMetadata wants az=a, the machine has no az',
    ],
  ],
])('%s', (title, make, expected) => {
  const unit = title === 'a template' ? 'a@.service' : 'a.service';
  expect(told(make(), unit)).toEqual(expected);
});

test('without a leader that is the reason', () => {
  const cluster = new Cluster().machine('m1').unit('a.service');
  expect(told(cluster, 'a.service', false)).toEqual([
    'pending: there is no leader, and nothing is placed until there is one',
    'm1 takes: least loaded',
  ]);
  cluster.rest();
  expect(told(cluster, 'a.service', false)).toEqual([
    'placed: it is on m1: least loaded',
    'm1 holds: least loaded',
    'note: there is no leader: nothing is moved until there is one',
  ]);
});

test.each<[string, string, number, string]>([
  ['that stays', '', 0, 'and stays there: it has no Reschedule=on-failure'],
  [
    'that is tried elsewhere',
    'Reschedule=on-failure',
    1,
    ': attempt 2 of 5 elsewhere comes 1min after the leader has seen it',
  ],
  [
    'that was given up',
    'Reschedule=on-failure\nRescheduleLimit=2',
    2,
    'and was tried elsewhere 2 times, which is all that RescheduleLimit= allows',
  ],
])('a unit that has failed and %s', (_, fleet, attempts, expected) => {
  const cluster = new Cluster().machine('m1').machine('m2').unit('a.service', fleet);
  cluster.rest();
  const placement = cluster.placements.get('a.service');
  const unitRevision = cluster.units.get('a.service')?.modRevision ?? 0;
  if (placement !== undefined && attempts > 0) {
    const failures = { attempts, machines: ['m2'], unitRevision };
    cluster.placements.set('a.service', { ...placement, failures });
  }
  cluster.state('a.service', 'm1', 'failed', { result: 'exit-code' });
  const { status, notes } = explain(cluster, 'a.service');
  expect(status).toBe('placed');
  expect(notes).toEqual([expect.stringMatching(/^it has failed on m1 \(exit-code\)/)]);
  expect(notes[0]).toContain(expected);
});
