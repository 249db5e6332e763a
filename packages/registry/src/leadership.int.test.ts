// needs: etcd
import type { Clock } from '@muster/core';
import { MemoryKnownStore, realClock, silentLog } from './fake.ts';
import { openRegistry } from './registry.ts';
import type { Registry } from './registry.ts';
import { startEtcd } from './testing/etcd.ts';
import type { TestEtcd } from './testing/etcd.ts';
import { facts, placing, unitWrite, until } from './testing/ground.ts';
import { MemoryLeaseStore } from './fake.ts';
import { startProxy } from './testing/proxy.ts';
import type { TestProxy } from './testing/proxy.ts';
import { stallableClock } from './testing/stallable-clock.ts';

let etcd: TestEtcd;
let proxy: TestProxy;
let open: Registry[] = [];

beforeEach(async () => {
  etcd = await startEtcd({ listen: 'tcp' });
  proxy = await startProxy(etcd.endpoint);
}, 30_000);

afterEach(async () => {
  await Promise.all(open.map((registry) => registry.close()));
  open = [];
  await proxy.close();
  await etcd.stop();
});

function registry(machineId: string, endpoint: string, clock: Clock = realClock()): Registry {
  const opened = openRegistry({
    endpoints: [endpoint],
    prefix: '/muster',
    machineId,
    clock,
    log: silentLog(),
    knownStore: new MemoryKnownStore(),
  });
  open.push(opened);
  return opened;
}

const forEver = (): AbortSignal => new AbortController().signal;

test('a leader that stalls is replaced and cannot commit when it wakes', async () => {
  const clock = stallableClock();
  const a = registry('a', etcd.endpoint, clock);
  const b = registry('b', etcd.endpoint);
  const [written] = await b.units.write([unitWrite('x.service')]);
  if (written?.type !== 'written') throw new Error('not created');
  const first = await a.campaign({ machine: 'a', apiUrl: null }).lead(forEver());
  const waiting = b.campaign({ machine: 'b', apiUrl: null }).lead(forEver());
  clock.stall(true);
  const second = await waiting;
  const change = placing('x.service', 'b', {
    unitRevision: written.revision,
    placementRevision: 0,
  });
  expect(await first?.commit([change])).toEqual(['not-leader']);
  expect(first?.signal.aborted).toBe(true);
  expect(await second?.commit([change])).toEqual(['committed']);
  clock.stall(false);
}, 30_000);

test('a leader that is cut off knows it before another one leads', async () => {
  const a = registry('a', proxy.endpoint);
  const b = registry('b', etcd.endpoint);
  const first = await a.campaign({ machine: 'a', apiUrl: null }).lead(forEver());
  if (first === null) throw new Error('leadership was not won');
  let endedAt = Number.POSITIVE_INFINITY;
  first.signal.addEventListener('abort', () => (endedAt = performance.now()));
  const cutAt = performance.now();
  proxy.block(true);
  const second = await b.campaign({ machine: 'b', apiUrl: null }).lead(forEver());
  const wonAt = performance.now();
  expect(second).not.toBeNull();
  expect(endedAt).toBeLessThan(wonAt);
  expect(wonAt - cutAt).toBeLessThan(8000);
}, 30_000);

test('five campaigns through a flapping connection never lead together', async () => {
  const control = new AbortController();
  const leaders = new Map<string, number>();
  let most = 0;
  let changes = 0;
  const campaign = async (machine: string): Promise<void> => {
    const mine = registry(machine, proxy.endpoint).campaign({ machine, apiUrl: null });
    while (!control.signal.aborted) {
      const leadership = await mine.lead(control.signal);
      if (leadership === null) return;
      changes += 1;
      leaders.set(machine, leadership.fence);
      most = Math.max(most, leaders.size);
      const ended = new Promise<void>((resolve) => {
        const end = (): void => {
          leaders.delete(machine);
          resolve();
        };
        leadership.signal.addEventListener('abort', end);
        if (leadership.signal.aborted) end();
      });
      await ended;
    }
  };
  const running = ['a', 'b', 'c', 'd', 'e'].map((machine) => campaign(machine));
  await until('a leader', () => changes > 0);
  for (let round = 0; round < 2; round += 1) {
    const before = changes;
    proxy.block(true);
    await until('the leader to know that it is over', () => leaders.size === 0);
    proxy.block(false);
    await until('another leader', () => changes > before);
  }
  control.abort();
  await Promise.all(open.map((each) => each.close()));
  await Promise.all(running);
  expect(most).toBe(1);
}, 40_000);

test('presence survives a cut that is shorter than its ttl', async () => {
  const a = registry('a', proxy.endpoint);
  await a.presence.register(facts('a'), { ttlSeconds: 8, leaseStore: new MemoryLeaseStore() });
  const session = a.agent.session();
  proxy.block(true);
  await until('contact to be broken', () => a.contact.unbrokenSince() === null);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  proxy.block(false);
  await until('contact to be back', () => a.contact.unbrokenSince() !== null);
  // Beyond what the lease had left when it was cut: only a renewal can have kept it.
  await new Promise((resolve) => setTimeout(resolve, 6000));
  expect(a.agent.session()).toBe(session);
  expect(await registry('b', etcd.endpoint).units.machine('a')).not.toBeNull();
}, 40_000);
