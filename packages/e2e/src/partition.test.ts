import { StoreUnavailableError } from '@muster/core';
import { MemoryCluster } from './in-memory.ts';

const ttlMs = 8_000;
const stop = '[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\nOnPartition=stop\n';
/** It takes longer to end than anybody waits. */
const stubborn = `[Service]\nExecStart=/bin/sleep infinity\nExecStop=/bin/sleep 90\n[X-Fleet]\nOnPartition=stop\n`;

let cluster: MemoryCluster;

beforeEach(async () => {
  cluster = new MemoryCluster(3);
  await cluster.start();
  // Contact has to be older than a ttl before anything counts as absent.
  await cluster.clock.advance(15_000);
  if (leader() !== 'm1') throw new Error(`${leader()} leads`);
});
afterEach(() => cluster.stop());

const leader = (): string => JSON.parse(cluster.store.value('/muster/leader') ?? '{}').machine;

/** The unit runs on m2, which does not lead. */
async function runOnSecond(text = stop): Promise<void> {
  await cluster.write('filler.service', '[Service]\nExecStart=/bin/sleep infinity\n');
  await cluster.write('a.service', text);
  expect(await cluster.where('a.service')).toEqual([2]);
}

/** When, in ms, the unit was up nowhere first, and elsewhere first; -1: never. */
interface Seen {
  readonly ends: number;
  readonly begins: number;
}

/** Looks in steps where the unit is up, which must never be two places at once. */
async function watch(ms: number, act: ReadonlyMap<number, () => void> = new Map()): Promise<Seen> {
  const stepMs = 100;
  let ends = -1;
  let begins = -1;
  for (let at = 0; at < ms; at += stepMs) {
    act.get(at)?.();
    await cluster.clock.advance(stepMs);
    const where = await upOn();
    expect(where.length).toBeLessThan(2);
    if (where.length === 0 && ends < 0) ends = at;
    if (where.some((machine) => machine !== 2) && begins < 0) begins = at;
  }
  return { ends, begins };
}

/** Numbers of machines on which it has not ended. */
async function upOn(): Promise<number[]> {
  const where: number[] = [];
  for (const [i, { systemd }] of cluster.machines.entries()) {
    const unit = (await systemd.listUnits()).find(({ name }) => name === 'a.service');
    if (unit !== undefined && !['inactive', 'failed'].includes(unit.activeState)) where.push(i + 1);
  }
  return where;
}

/** etcd ends the lease of m2 when it has not been renewed for its time. */
const leaseEnds: ReadonlyMap<number, () => void> = new Map([
  [ttlMs, () => cluster.store.expireLease('m2')],
]);

test.each([
  ['that ends at once', stop],
  ['that takes its time to end', stubborn],
])(
  'a unit %s has ended on a machine that is cut off before it begins elsewhere',
  async (_, text) => {
    await runOnSecond(text);
    cluster.store.outage(true, 'm2');
    const { ends, begins } = await watch(40_000, leaseEnds);
    expect(ends).toBeGreaterThan(0);
    expect(ends).toBeLessThan(ttlMs);
    expect(begins).toBeGreaterThan(ttlMs);
    expect(await cluster.where('a.service')).toHaveLength(1);
    // It is back, with a picture of when the unit was its own.
    cluster.store.outage(false, 'm2');
    await watch(20_000);
    expect(await cluster.where('a.service')).not.toEqual([2]);
  },
);

test('a guard that hangs: musterd ends the unit by itself', async () => {
  await runOnSecond(stubborn);
  cluster.machine(2).systemd.guard.hang();
  cluster.store.outage(true, 'm2');
  const { ends, begins } = await watch(40_000, leaseEnds);
  expect(ends).toBeGreaterThan(0);
  expect(ends).toBeLessThan(ttlMs);
  expect(begins).toBeGreaterThan(ttlMs);
});

test('a blip that is over before anybody else has it: it is started again where it was', async () => {
  await runOnSecond();
  cluster.store.outage(true, 'm2');
  await watch(6_000);
  expect(await cluster.where('a.service')).toEqual([]);
  cluster.store.outage(false, 'm2');
  await watch(10_000);
  expect(await cluster.where('a.service')).toEqual([2]);
});

test('a guard that refuses the unit though the lease is back: it is started when the guard knows', async () => {
  await runOnSecond();
  const { systemd } = cluster.machine(2);
  systemd.guard.deafen(true);
  await watch(6_000);
  const asked = systemd.asked.filter(({ unit, type }) => unit === 'a.service' && type === 'start');
  expect(asked.length).toBeGreaterThan(1);
  expect(await cluster.where('a.service')).toEqual([]);
  systemd.guard.deafen(false);
  await watch(20_000);
  expect(await cluster.where('a.service')).toEqual([2]);
});

test('a oneshot that had finished before is not run again', async () => {
  await cluster.write('filler.service', '[Service]\nExecStart=/bin/sleep infinity\n');
  const oneshot = '[Service]\nType=oneshot\nExecStart=/bin/true\n[X-Fleet]\nOnPartition=stop\n';
  await cluster.write('a.service', oneshot);
  cluster.store.outage(true, 'm2');
  await cluster.clock.advance(6_000);
  cluster.store.outage(false, 'm2');
  await cluster.clock.advance(10_000);
  const asked = cluster.machine(2).systemd.asked.filter(({ unit }) => unit === 'a.service');
  expect(asked).toEqual([{ type: 'start', unit: 'a.service' }]);
});

test('a musterd that is killed and back in time leaves the unit alone', async () => {
  await runOnSecond();
  const machine = cluster.machine(2);
  const invocation = (await machine.systemd.listUnits()).find(({ name }) => name === 'a.service');
  expect(invocation).toBeDefined();
  await machine.kill(1_000);
  machine.start();
  await watch(20_000);
  const asked = machine.systemd.asked.filter(({ unit }) => unit === 'a.service');
  expect(asked).toEqual([{ type: 'start', unit: 'a.service' }]);
  expect(await cluster.where('a.service')).toEqual([2]);
});

test('a musterd that is killed and stays away: systemd ends the unit before it begins elsewhere', async () => {
  await runOnSecond(stubborn);
  await cluster.machine(2).kill(0);
  const { ends, begins } = await watch(40_000, leaseEnds);
  expect(ends).toBeLessThan(ttlMs);
  expect(begins).toBeGreaterThan(ttlMs);
  cluster.machine(2).start();
  await watch(20_000);
  expect(await cluster.where('a.service')).not.toEqual([2]);
});

test('in an outage of the store for everyone it ends, is nowhere, and comes back where it was', async () => {
  await runOnSecond();
  for (const { id } of cluster.machines) cluster.store.outage(true, id);
  const { ends, begins } = await watch(60_000);
  expect(ends).toBeLessThan(ttlMs);
  expect(begins).toBe(-1);
  expect(await cluster.where('filler.service')).toEqual([1]);
  for (const { id } of cluster.machines) cluster.store.outage(false, id);
  await watch(20_000);
  expect(await cluster.where('a.service')).toEqual([2]);
});

test('a lease that etcd lost while all is well costs the unit nothing', async () => {
  await runOnSecond();
  cluster.store.expireLease('m2');
  await watch(20_000);
  expect(await cluster.where('a.service')).toEqual([2]);
  const asked = cluster.machine(2).systemd.asked.filter(({ unit }) => unit === 'a.service');
  expect(asked).toEqual([{ type: 'start', unit: 'a.service' }]);
});

test('every holder has a greater MUSTER_EPOCH than those before', async () => {
  await runOnSecond();
  const first = cluster.machine(2).systemd.epochOf('a.service') ?? 0;
  expect(first).toBeGreaterThan(0);
  cluster.store.outage(true, 'm2');
  await watch(40_000, leaseEnds);
  const [now = 0] = await cluster.where('a.service');
  expect(cluster.machine(now).systemd.epochOf('a.service')).toBeGreaterThan(first);
});

test('a unit that was on its way up when it was stopped is started again when the lease is back', async () => {
  cluster.machine(2).systemd.script('a.service', { startMs: 30_000 });
  await cluster.write('filler.service', '[Service]\nExecStart=/bin/sleep infinity\n');
  await cluster.write('a.service', stop);
  expect(await upOn()).toEqual([2]);
  cluster.store.outage(true, 'm2');
  await watch(6_000);
  expect(await upOn()).toEqual([]);
  cluster.store.outage(false, 'm2');
  await watch(40_000);
  expect(await cluster.where('a.service')).toEqual([2]);
});

test('nothing can be noted and the guard hangs: musterd ends the unit all the same', async () => {
  await runOnSecond();
  const { guard } = cluster.machine(2).systemd;
  guard.hang();
  guard.deafen(true);
  cluster.store.outage(true, 'm2');
  const { ends, begins } = await watch(40_000, leaseEnds);
  expect(ends).toBeGreaterThan(0);
  // In order, not by the kill.
  expect(ends).toBeLessThan(ttlMs * 0.6);
  expect(begins).toBeGreaterThan(ttlMs);
});

test('a musterd that was stopped in order, and is cut off while it registers anew', async () => {
  await runOnSecond();
  const machine = cluster.machine(2);
  await machine.registry.presence.park(600);
  await machine.kill(1_000);
  cutOffWhenRegistered('m2');
  machine.start();
  const { ends, begins } = await watch(40_000, leaseEnds);
  expect(ends).toBeGreaterThan(0);
  expect(ends).toBeLessThan(ttlMs);
  expect(begins).toBeGreaterThan(ttlMs);
});

/** Its presence is written once more, and the answer to that does not arrive. */
function cutOffWhenRegistered(id: string): void {
  const { store } = cluster;
  const connect = store.connect.bind(store);
  jest.spyOn(store, 'connect').mockImplementation((owner) => {
    const connection = connect(owner);
    return {
      ...connection,
      txn: async (txn) => {
        const result = await connection.txn(txn);
        const isPresence = txn.success.some((op) => op.type === 'put' && op.key.endsWith(id));
        if (owner !== id || !isPresence) return result;
        store.outage(true, id);
        throw new StoreUnavailableError('the cable is cut');
      },
    };
  });
}
