import { MemoryCluster } from './in-memory.ts';

const sleeper = '[Service]\nExecStart=/bin/sleep infinity\n';

let cluster: MemoryCluster;
async function begin(machines: number): Promise<void> {
  cluster = new MemoryCluster(machines);
  await cluster.start();
}
afterEach(() => cluster.stop());

/** Every job that any systemd was asked for. */
const jobs = (): string[] =>
  cluster.machines.flatMap(({ id, systemd }) =>
    systemd.asked.map(({ type, unit }) => `${type} ${unit} on ${id}`),
  );

test.each<[string, readonly string[]]>([
  ['etcd does not', ['m1', 'm2', 'm3', 'm4', 'm5']],
  ['etcd sleeps as well, but for the last moments', ['m1', 'm3']],
])(
  'all machines sleep for an hour, %s: nothing is moved, stopped or started',
  async (_, expired) => {
    await begin(5);
    for (const unit of ['a', 'b', 'c', 'd', 'e']) await cluster.write(`${unit}.service`, sleeper);
    await cluster.clock.advance(60_000);
    const before = jobs();
    for (const id of expired) cluster.store.expireLease(id);
    // One needs longer to find its network.
    cluster.store.outage(true, 'm3');
    await cluster.clock.jump(3_600_000);
    await cluster.clock.advance(6_000);
    cluster.store.outage(false, 'm3');
    await cluster.clock.advance(120_000);
    expect(jobs()).toEqual(before);
    for (const { id } of cluster.machines) {
      expect(cluster.store.value(`/muster/machine/${id}`)).not.toBeNull();
    }
  },
);

test('the wall clock is set an hour on, and back: nothing happens', async () => {
  await begin(3);
  for (const unit of ['a', 'b', 'c']) await cluster.write(`${unit}.service`, sleeper);
  await cluster.clock.advance(60_000);
  const before = jobs();
  const { revision } = cluster.store;
  for (const ms of [3_600_000, -7_200_000, 400 * 86_400_000]) {
    cluster.clock.setWallClock(ms);
    await cluster.clock.advance(120_000);
  }
  expect(jobs()).toEqual(before);
  expect(cluster.store.revision).toBe(revision);
});

test('a leader that slept writes nothing from what it knew', async () => {
  await begin(2);
  await cluster.write('a.service', sleeper);
  const { registry } = cluster.machine(1);
  const campaign = registry.campaign({ machine: 'm1', apiUrl: null, ttlSeconds: 3 });
  cluster.store.expireLease('m1');
  cluster.store.expireLease('m2');
  const leadership = await campaign.lead(new AbortController().signal);
  expect(leadership?.signal.aborted).toBe(false);
  const { revision } = cluster.store;
  const sleeping = cluster.clock.jump(3_600_000);
  // The store still has its key: only its own clock can tell.
  expect(await leadership?.removeFiles(new Map([['a'.repeat(40), 1]]))).toBe(0);
  expect(cluster.store.revision).toBe(revision);
  await sleeping;
  expect(leadership?.signal.aborted).toBe(true);
});

describe('a store that is not the right one', () => {
  test('restored while everything runs: the leader plans nothing, agents do nothing, until an operator accepts it', async () => {
    await begin(3);
    await cluster.write('a.service', sleeper);
    const backup = cluster.store.backup();
    for (const unit of ['b', 'c', 'd', 'e']) await cluster.write(`${unit}.service`, sleeper);
    await cluster.clock.advance(30_000);
    const before = jobs();
    cluster.store.restore(backup);
    const { revision } = cluster.store;
    await cluster.clock.advance(300_000);
    expect(jobs()).toEqual(before);
    expect(cluster.store.revision).toBe(revision);
    for (const machine of cluster.machines) expect(machine.registry.isTrusted()).toBe(false);
    // It counts past what was known, with other content: that does not make it the right one.
    for (let i = 0; i < 200; i += 1) cluster.store.put('/elsewhere', String(i));
    await cluster.clock.advance(300_000);
    for (const machine of cluster.machines) {
      await machine.kill();
      machine.start();
    }
    await cluster.clock.advance(300_000);
    expect(jobs()).toEqual(before);
    for (const machine of cluster.machines) {
      await machine.kill();
      machine.acceptStore();
      machine.start();
    }
    await cluster.clock.advance(60_000);
    for (const machine of cluster.machines) expect(machine.registry.isTrusted()).toBe(true);
    // Now the store is believed: what it does not know of is stopped, what it knows runs on.
    expect(await cluster.where('a.service')).toHaveLength(1);
    expect(jobs().filter((job) => job.startsWith('stop')).length).toBe(4);
    expect(jobs().filter((job) => job.includes('a.service'))).toHaveLength(1);
  });

  test('wiped or restored while musterd is stopped: the same', async () => {
    await begin(2);
    const backup = cluster.store.backup();
    for (const unit of ['a', 'b']) await cluster.write(`${unit}.service`, sleeper);
    await cluster.clock.advance(30_000);
    const before = jobs();
    for (const swap of [() => cluster.store.restore(backup), () => cluster.store.wipe()]) {
      for (const machine of cluster.machines) await machine.kill();
      swap();
      for (const machine of cluster.machines) machine.start();
      await cluster.clock.advance(300_000);
      expect(jobs()).toEqual(before);
    }
  });
});
