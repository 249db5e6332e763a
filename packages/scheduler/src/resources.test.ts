import { PlannedCluster as Cluster } from './testing/planned-cluster.ts';

const G = 1024 ** 3;

/** m1 and m2 with 4 CPUs, 8 GiB of memory and 100 GiB of disk; 1 GiB and half a CPU are the machine's own. */
function two(): Cluster {
  const cluster = new Cluster();
  for (const id of ['m1', 'm2']) {
    cluster.machine(id).capacity(id, {
      cpus: 4,
      memoryBytes: 8 * G,
      diskBytes: 100 * G,
      cpuList: '0-3',
      reserved: { cpus: 0.5, memoryBytes: G, diskBytes: 10 * G },
    });
  }
  return cluster;
}

function reasonsFor(cluster: Cluster, unit: string): (string | undefined)[] {
  const found = cluster.plan().unplaced.find((entry) => entry.unit === unit);
  return ['m1', 'm2'].map((id) => found?.machines.find(({ machine }) => machine === id)?.reason);
}

describe('what a unit needs that no machine has', () => {
  test.each([
    [
      'more than there is of it',
      'MemoryReservation=7.5G',
      'MemoryReservation=7.5G wants 7.5G of memory, the machine has 7G',
    ],
    [
      'a part of the whole machine',
      'MemoryReservation=90%',
      'MemoryReservation=90% wants 7.2G of memory, the machine has 7G',
    ],
    ['CPUs', 'CPUReservation=4', 'CPUReservation=4 wants 4 CPUs, the machine has 3.5'],
    ['disk', 'DiskReservation=91G', 'DiskReservation=91G wants 91G of disk, the machine has 90G'],
  ])('%s', (_situation, fleet, reason) => {
    expect(reasonsFor(two().unit('a.service', fleet), 'a.service')).toEqual([reason, reason]);
  });

  test('CPUs by number', () => {
    const cluster = two().capacity('m2', { cpuList: '0-7' });
    cluster.file('a.service', '[Service]\nExecStart=/bin/true\nAllowedCPUs=2-4\n');
    cluster.settle();
    expect(cluster.where()).toEqual({ 'a.service': ['m2'] });
    cluster.lose('m2').settle();
    expect(cluster.plan().unplaced[0]?.machines).toEqual([
      { machine: 'm1', reason: 'AllowedCPUs=2-4 wants CPU 4, the machine has 0-3' },
    ]);
  });

  test('tasks count only where the machine has a limit', () => {
    const text = '[Service]\nExecStart=/bin/true\nTasksMax=300\n';
    const cluster = two().capacity('m1', { tasks: 500 }).file('a.service', text);
    cluster.file('b.service', text).file('c.service', text).unit('d.service').settle();
    expect(cluster.where()).toMatchObject({ 'a.service': ['m1'], 'c.service': ['m2'] });
    cluster.lose('m2');
    cluster.settle();
    expect(cluster.plan().unplaced[0]?.machines).toEqual([
      {
        machine: 'm1',
        reason: 'TasksMax=300 wants 300 tasks, the machine has 200 of 500 left',
      },
    ]);
  });
});

test('the plan counts what it has promised itself: the third of two that fit stays out', () => {
  const cluster = two();
  for (const name of ['a', 'b', 'c']) cluster.unit(`${name}.service`, 'MemoryReservation=4G');
  cluster.settle();
  expect(cluster.where()).toEqual({ 'a.service': ['m1'], 'b.service': ['m2'] });
  const reason = 'MemoryReservation=4G wants 4G of memory, the machine has 3G of 7G left';
  expect(reasonsFor(cluster, 'c.service')).toEqual([reason, reason]);
});

test('what has to end first has its share until it has ended', () => {
  const cluster = two();
  cluster.lose('m2').unit('a.service', 'MemoryReservation=4G').settle();
  cluster.report().unit('a.service', 'MemoryReservation=4G', 'inactive');
  cluster.unit('b.service', 'MemoryReservation=4G').settle();
  expect(cluster.where()).toEqual({});
  cluster.report().settle();
  expect(cluster.where()).toEqual({ 'b.service': ['m1'] });
});

test('a unit that was destroyed has its share until it has ended', () => {
  const cluster = two();
  cluster.lose('m2').unit('a.service', 'MemoryReservation=4G\nPorts=80').settle();
  cluster.report().units.delete('a.service');
  cluster.unit('b.service', 'MemoryReservation=4G').unit('c.service', 'Ports=80').settle();
  expect(cluster.where()).toEqual({});
  expect(cluster.plan().unplaced.map(({ machines }) => machines[0]?.reason)).toEqual([
    'MemoryReservation=4G wants 4G of memory, the machine has 3G of 7G left',
    'Ports=80 wants tcp port 80, a.service has it still',
  ]);
  cluster.report().settle();
  expect(cluster.where()).toEqual({ 'b.service': ['m1'], 'c.service': ['m1'] });
});

test('nobody is moved when a machine has less than it has promised, and nobody comes', () => {
  const cluster = two();
  for (const name of ['a', 'b']) cluster.unit(`${name}.service`, 'MemoryReservation=6G');
  cluster.settle();
  cluster.report().capacity('m1', { memoryBytes: 4 * G });
  cluster.machine('m3').capacity('m3', { memoryBytes: 8 * G });
  // Anything else that is new in it does not move it either, though there is room elsewhere.
  cluster.unit('a.service', 'MemoryReservation=6G\nDiskReservation=1G').settle();
  expect(cluster.where()).toEqual({ 'a.service': ['m1'], 'b.service': ['m2'] });
  cluster.lose('m3').unit('c.service', 'MemoryReservation=1').settle();
  expect(cluster.where()['c.service']).toEqual(['m2']);
});

test('a machine of an older musterd says nothing of its disk, and is not limited by it', () => {
  const cluster = new Cluster().machine('m1').capacity('m1', { cpus: 1, memoryBytes: G });
  cluster.unit('a.service', 'DiskReservation=900T').unit('b.service', 'MemoryReservation=100%');
  cluster.settle();
  expect(cluster.where()).toEqual({ 'a.service': ['m1'], 'b.service': ['m1'] });
});

test('a unit that an older version stored with an amount that is none is placed, and moved', () => {
  const cluster = two().unit('a.service', 'MemoryReservation=lots\nPorts=http');
  cluster.rest();
  expect(cluster.where()).toEqual({ 'a.service': ['m1'] });
  cluster.lose('m1').rest();
  expect(cluster.where()).toEqual({ 'a.service': ['m2'] });
});

describe('a unit whose new content asks for more', () => {
  const grown = (): Cluster => {
    const cluster = two().unit('a.service', 'MemoryReservation=3G');
    cluster
      .unit('b.service', 'CPUReservation=3')
      .unit('c.service', 'MemoryReservation=3G')
      .settle();
    cluster.report().unit('a.service', 'MemoryReservation=5G');
    return cluster;
  };

  test('goes where there is room, after it has stopped, and says why', () => {
    const cluster = grown();
    expect(cluster.where()).toMatchObject({ 'a.service': ['m1'], 'c.service': ['m1'] });
    const [change] = cluster.settle().changes;
    const reason = 'MemoryReservation=5G wants 5G of memory, the machine has 4G of 7G left';
    expect(change).toMatchObject({ unit: 'a.service', withdraw: [{ machine: 'm1', reason }] });
    // Its place is kept.
    cluster.unit('x.service', 'MemoryReservation=3G').settle();
    cluster.report().settle();
    expect(cluster.where()).toMatchObject({ 'a.service': ['m2'] });
    expect(cluster.assignments.get('a.service')?.get('m2')?.reason).toBe(reason);
  });

  test('takes along who follows it', () => {
    const cluster = grown().unit('f.service', 'MachineOf=a.service\nMemoryReservation=1G');
    cluster.unit('a.service', 'MemoryReservation=3G').rest();
    expect(cluster.where()).toMatchObject({ 'f.service': ['m1'] });
    cluster.unit('a.service', 'MemoryReservation=5G').rest();
    expect(cluster.where()).toMatchObject({ 'a.service': ['m2'], 'f.service': ['m2'] });
  });

  test('stays where it is when the others do not fit elsewhere', () => {
    const cluster = grown().unit('f.service', 'MachineOf=a.service\nMemoryReservation=1G');
    cluster.unit('a.service', 'MemoryReservation=3G').rest();
    cluster.unit('a.service', 'MemoryReservation=7G').rest();
    expect(cluster.where()).toMatchObject({ 'a.service': ['m1'], 'f.service': ['m1'] });
  });

  test('of two that grow at once the older one is let grow', () => {
    const cluster = two().unit('old.service', 'MemoryReservation=3G');
    cluster
      .unit('x.service', 'CPUReservation=3')
      .unit('young.service', 'MemoryReservation=3G')
      .settle();
    expect(cluster.where()).toMatchObject({ 'old.service': ['m1'], 'young.service': ['m1'] });
    cluster.report().unit('old.service', 'MemoryReservation=4G');
    cluster.unit('young.service', 'MemoryReservation=4G').rest();
    expect(cluster.where()).toMatchObject({ 'old.service': ['m1'], 'young.service': ['m2'] });
  });
});

describe('ports', () => {
  const socket = (listen: string): string => `[Socket]\n${listen}\n`;

  test('units that need one port never share a machine', () => {
    const cluster = two();
    for (const i of [1, 2, 3]) cluster.unit(`web@${i}.service`, 'Ports=80');
    cluster.settle();
    expect(cluster.where()).toEqual({ 'web@1.service': ['m1'], 'web@2.service': ['m2'] });
    expect(reasonsFor(cluster, 'web@3.service')).toEqual([
      'Ports=80 wants tcp port 80, web@1.service has it',
      'Ports=80 wants tcp port 80, web@2.service has it',
    ]);
  });

  test.each([
    ['another protocol', 'Ports=53/tcp', 'ListenDatagram=53'],
    ['other addresses', 'Ports=10.0.0.1:80', 'ListenStream=10.0.0.2:80'],
    ['IPv4 and IPv6', 'Ports=0.0.0.0:80', 'ListenStream=[::1]:80'],
  ])('%s do not clash', (_situation, fleet, listen) => {
    const cluster = two().lose('m2').unit('a.service', fleet).file('b.socket', socket(listen));
    cluster.settle();
    expect(cluster.where()).toEqual({ 'a.service': ['m1'], 'b.socket': ['m1'] });
  });

  test.each([
    ['any address and one', 'Ports=127.0.0.1:80', 'ListenStream=80'],
    ['all of IPv4 and one of it', 'Ports=0.0.0.0:80', 'ListenStream=127.0.0.1:80'],
    ['one address, written in two ways', 'Ports=[::1]:80', 'ListenStream=[0:0::1]:80'],
    ['all addresses, written in two ways', 'Ports=80', 'ListenStream=[::]:80'],
  ])('%s clash', (_situation, fleet, listen) => {
    const cluster = two().lose('m2').unit('a.service', fleet).file('b.socket', socket(listen));
    cluster.settle();
    expect(cluster.where()).toEqual({ 'a.service': ['m1'] });
  });

  test('ranges clash where they meet, until the one that was first has ended', () => {
    const cluster = two().lose('m2').unit('a.service', 'Ports=8000-8010');
    cluster.rest();
    cluster.unit('b.service', 'Ports=8011-8020/tcp').unit('c.service', 'Ports=8000-8010/udp');
    cluster.unit('d.service', 'Ports=7990-8000').file('e.socket', socket('ListenStream=8005'));
    cluster.unit('f.service', 'Ports=127.0.0.1:8010').settle();
    expect(Object.keys(cluster.where())).toEqual(['a.service', 'b.service', 'c.service']);
    const { unplaced } = cluster.plan();
    expect(unplaced.map(({ machines: [said] }) => said?.reason)).toEqual([
      'Ports=7990-8000 wants tcp port 8000, a.service has it',
      'ListenStream=8005 wants tcp port 8005, a.service has it',
      'Ports=127.0.0.1:8010 wants tcp port 8010 on 127.0.0.1, a.service has it',
    ]);
    cluster.units.delete('a.service');
    cluster.rest();
    expect(Object.keys(cluster.where()).slice(2)).toEqual(['d.service', 'e.socket', 'f.service']);
  });

  test('a socket and the service that it starts may name the same port', () => {
    const cluster = two().lose('m2').unit('web.service', 'Ports=80');
    cluster.file('web.socket', socket('ListenStream=80')).settle();
    expect(cluster.where()).toEqual({ 'web.service': ['m1'], 'web.socket': ['m1'] });
  });

  test('nobody gets the port of a destroyed unit whose machine has not answered yet', () => {
    const cluster = two().lose('m2').unit('x.service', 'Ports=80');
    cluster.settle();
    // The machine may be starting it.
    cluster.units.delete('x.service');
    cluster.settle();
    cluster.unit('y.service', 'Ports=80').settle();
    expect(cluster.where()).toEqual({ 'x.service': ['m1:leaving'] });
    cluster.report().rest();
    expect(cluster.where()).toEqual({ 'y.service': ['m1'] });
  });

  test('a unit that now wants the port of another one leaves', () => {
    const cluster = two();
    cluster.unit('a.service', 'Ports=80').unit('b.service').unit('c.service').rest();
    expect(cluster.where()).toMatchObject({ 'a.service': ['m1'], 'c.service': ['m1'] });
    cluster.unit('c.service', 'Ports=80').rest();
    expect(cluster.where()).toMatchObject({ 'a.service': ['m1'], 'c.service': ['m2'] });
    expect(cluster.assignments.get('c.service')?.get('m2')?.reason).toBe(
      'Ports=80 wants tcp port 80, a.service has it',
    );
    cluster.unit('c.service', 'Ports=81').rest();
    expect(cluster.where()).toMatchObject({ 'a.service': ['m1'], 'c.service': ['m2'] });
  });

  test('of two that are found together the older one stays', () => {
    const cluster = two();
    cluster.lose('m2').unit('old.service').unit('young.service').rest();
    // Nobody could see to it while the machine was away.
    cluster.lose('m1').unit('old.service', 'Ports=80').unit('young.service', 'Ports=80').settle();
    cluster.machine('m1').machine('m2').report().settle();
    cluster.report().settle();
    expect(cluster.where()).toEqual({ 'old.service': ['m1'], 'young.service': ['m2'] });
  });

  test('who had the port stays, also when an older unit wants it now', () => {
    const cluster = two();
    cluster.lose('m2').unit('old.service').unit('young.service', 'Ports=80').rest();
    cluster.machine('m2').unit('old.service', 'Ports=80').rest();
    expect(cluster.where()).toEqual({ 'old.service': ['m2'], 'young.service': ['m1'] });
  });

  test.each([
    ['active', 'm2'],
    ['failed', 'm1'],
  ])(
    'one that is %s with the port of its content before keeps it if it is up',
    (activeState, to) => {
      const cluster = two();
      cluster.lose('m2').unit('old.service').unit('young.service', 'Ports=80').rest();
      const ran = cluster.assignments.get('young.service')?.get('m1')?.hash ?? '';
      cluster.unit('young.service').settle();
      cluster.state('young.service', 'm1', activeState, { hash: ran });
      cluster.machine('m2').unit('old.service', 'Ports=80').rest();
      expect(cluster.where()).toEqual({ 'old.service': [to], 'young.service': ['m1'] });
    },
  );

  test('who had the port stays, also when another one was given it while musterd was away', () => {
    const cluster = two().lose('m2').unit('old.service').unit('web.service', 'Ports=80');
    cluster.rest();
    const back = cluster.machines.get('m1');
    cluster.machine('m1', {}, 1).unit('old.service', 'Ports=80').settle();
    expect(cluster.assignments.get('old.service')?.get('m1')?.hash).toBe(
      cluster.units.get('old.service')?.hash,
    );
    if (back !== undefined) cluster.machines.set('m1', back);
    // Before the machine has said anything, nobody knows who has the port.
    const said = new Map(cluster.states);
    cluster.states.clear();
    expect(cluster.settle().changes).toEqual([]);
    for (const [unit, of] of said) cluster.states.set(unit, of);
    cluster.settle();
    expect(cluster.where()).toEqual({ 'old.service': ['m1:leaving'], 'web.service': ['m1'] });
  });

  describe('of a unit that runs with other content than is known at first', () => {
    const late = (): { cluster: Cluster; ran: string } => {
      const cluster = two().lose('m2').unit('b.service', 'Ports=80');
      cluster.rest();
      const ran = cluster.assignments.get('b.service')?.get('m1')?.hash ?? '';
      cluster.unit('b.service', 'Ports=81').settle();
      cluster.state('b.service', 'm1', 'active', { hash: ran });
      return { cluster, ran };
    };

    test('the port is taken, but who has come meanwhile stays: the machine was silent', () => {
      const { cluster, ran } = late();
      cluster.states.delete('b.service');
      cluster.unit('a.service', 'Ports=80').settle();
      cluster.state('a.service', 'm1', 'active').settle();
      cluster.state('b.service', 'm1', 'active', { hash: ran }).settle();
      expect(cluster.where()).toEqual({ 'a.service': ['m1'], 'b.service': ['m1'] });
      cluster.unit('c.service', 'Ports=80').settle();
      expect(cluster.where()).not.toHaveProperty(['c.service']);
    });

    test('the same when its file comes late', () => {
      const { cluster, ran } = late();
      const text = cluster.files.get(ran) ?? '';
      cluster.files.delete(ran);
      cluster.settle();
      cluster.unit('a.service', 'Ports=80\nMemoryReservation=1G').settle();
      cluster.state('a.service', 'm1', 'active').settle();
      cluster.files.set(ran, text);
      cluster.settle();
      expect(cluster.where()).toEqual({ 'a.service': ['m1'], 'b.service': ['m1'] });
    });
  });

  test('a unit keeps the port that it was started with until it runs with its new content', () => {
    const cluster = two();
    cluster.lose('m2').unit('a.service', 'Ports=80').rest();
    const ran = cluster.assignments.get('a.service')?.get('m1')?.hash ?? '';
    cluster.unit('a.service', 'Ports=81').settle();
    cluster.state('a.service', 'm1', 'active', { hash: ran });
    cluster.unit('b.service', 'Ports=80').unit('c.service', 'Ports=81').settle();
    expect(cluster.where()).toEqual({ 'a.service': ['m1'] });
    cluster.state('a.service', 'm1', 'active').settle();
    expect(cluster.where()).toEqual({ 'a.service': ['m1'], 'b.service': ['m1'] });
  });
});

describe('Replaces=', () => {
  test('what leaves makes room for what replaces it', () => {
    const cluster = two();
    cluster.unit('old.service', 'MemoryReservation=4G\nPorts=80');
    cluster.unit('other.service', 'MemoryReservation=3G').rest();
    expect(cluster.where()).toMatchObject({ 'old.service': ['m1'], 'other.service': ['m2'] });
    cluster.unit('new.service', 'Replaces=old.service\nMemoryReservation=6G\nPorts=80').rest();
    expect(cluster.where()).toMatchObject({ 'new.service': ['m1'], 'old.service': ['m2'] });
  });

  test('a machine does not count where what leaves makes not room enough', () => {
    const cluster = two().unit('old.service', 'MemoryReservation=1G');
    cluster
      .unit('b.service', 'MemoryReservation=5G')
      .unit('c.service', 'MemoryReservation=5G')
      .rest();
    cluster.unit('new.service', 'Replaces=old.service\nMemoryReservation=3G').settle();
    expect(cluster.where()['new.service']).toBeUndefined();
  });
});
