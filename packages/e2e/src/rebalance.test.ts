import type { Rebalance } from '@muster/core';
import { MemoryCluster } from './in-memory.ts';

const sleeper = '[Service]\nExecStart=/bin/sleep infinity\n';
const names = ['a.service', 'b.service', 'c.service', 'd.service'];
/** Starting takes so long on the machine that joins. */
const startMs = 5_000;

let cluster: MemoryCluster;
afterEach(() => cluster.stop());

/** Two machines have two units each when a third one joins. */
async function joined(text = sleeper): Promise<void> {
  cluster = new MemoryCluster(3);
  cluster.machine(1).start();
  cluster.machine(2).start();
  await cluster.clock.advance(2_000);
  for (const name of names) await cluster.write(name, text);
  cluster.machine(3).start();
  for (const name of names) cluster.machine(3).systemd.script(name, { startMs });
  await cluster.clock.advance(15_000);
}

async function askForIt(more: Partial<Rebalance> = {}, via = 1): Promise<void> {
  const asked = { origin: { by: 'kim' }, limit: null, atOnce: 1, moved: 0, moves: [], ...more };
  await cluster.machine(via).registry.units.writeRebalance(asked, 0);
}

function record(): Rebalance | null {
  const value = cluster.store.value('/muster/rebalance');
  return value === null ? null : JSON.parse(value);
}

/** For so long; of each unit the numbers of machines that it was up on, each time they changed. */
async function watch(ms: number): Promise<Record<string, string[]>> {
  const seen: Record<string, string[]> = Object.fromEntries(names.map((name) => [name, []]));
  for (let passed = 0; passed < ms; passed += 250) {
    for (const name of names) {
      const now = (await cluster.where(name)).join('+') || 'none';
      if (seen[name]?.at(-1) !== now) seen[name]?.push(now);
    }
    await cluster.clock.advance(250);
  }
  return seen;
}

test('nothing moves unasked; when asked for, a unit runs until it is up on the machine that joined', async () => {
  await joined();
  const before = await watch(70_000);
  expect(Object.values(before).map(({ length }) => length)).toEqual([1, 1, 1, 1]);
  await askForIt();
  const seen = await watch(30_000);
  const moved = Object.values(seen).filter(({ length }) => length > 1);
  expect(moved).toHaveLength(1);
  expect(moved[0]?.map((where) => where.replace(/[12]/, 'old'))).toEqual(['old', 'old+3', '3']);
  expect(record()).toBeNull();
});

test('what may not run twice never does', async () => {
  await joined(`${sleeper}[X-Fleet]\nOnPartition=stop\n`);
  await askForIt();
  const moved = Object.values(await watch(30_000)).filter(({ length }) => length > 1);
  expect(moved.map((each) => each.map((w) => w.replace(/[12]/, 'old')))).toEqual([
    ['old', 'none', '3'],
  ]);
  expect(record()).toBeNull();
});

test('the leader dies in the middle: another one goes on', async () => {
  await joined();
  await askForIt({}, 2);
  const leader = (): string => JSON.parse(cluster.store.value('/muster/leader') ?? '{}').machine;
  const was = leader();
  for (let i = 0; i < 40 && record()?.moves.length === 0; i += 1) await cluster.clock.advance(100);
  expect(record()?.moves).toHaveLength(1);
  const machine = cluster.machine(Number(was.slice(1)));
  await machine.kill(2_000);
  // Its lease is shorter than that of the machine.
  await cluster.store.connect('etcd').txn({ success: [{ type: 'delete', key: '/muster/leader' }] });
  await cluster.clock.advance(1_000);
  machine.start();
  const seen = await watch(40_000);
  expect({ record: record(), is: leader() === was }).toEqual({ record: null, is: false });
  expect(Object.values(seen).flat()).not.toContain('none');
  expect(Object.values(seen).filter((where) => where.at(-1) === '3')).toHaveLength(1);
});

test('a unit that fails there stays where it is, and nothing more is moved', async () => {
  await joined();
  for (const name of names) {
    cluster.machine(3).systemd.script(name, { startMs, isOneshot: true, exitCode: 1 });
  }
  await askForIt({ atOnce: 1 });
  const seen = await watch(30_000);
  expect(Object.values(seen).map(({ length }) => length)).toEqual([1, 1, 1, 1]);
  expect(record()).toMatchObject({
    moved: 0,
    moves: [],
    end: { type: 'failed', reason: expect.stringMatching(/ failed on m3$/) },
  });
});

test('by itself a minute after a machine has joined, if somebody wants it so', async () => {
  await joined();
  const origin = { by: 'kim' };
  await cluster
    .machine(1)
    .registry.units.writePolicy({ placement: 'spread', rebalance: 'auto', origin }, 0);
  await cluster.clock.advance(55_000);
  expect(Object.values(await watch(250)).flat()).not.toContain('3');
  const seen = await watch(30_000);
  expect(Object.values(seen).filter((where) => where.at(-1) === '3')).toHaveLength(1);
  expect(record()).toBeNull();
});
