// needs: etcd
import { DuplicateMachineError } from '@muster/core';
import type { Clock } from '@muster/core';
import { EtcdStore } from './client.ts';
import { MemoryKnownStore, MemoryLeaseStore, realClock, silentLog } from './fake.ts';
import { openRegistry } from './registry.ts';
import type { Registry } from './registry.ts';
import { startEtcd } from './testing/etcd.ts';
import type { TestEtcd } from './testing/etcd.ts';
import { facts, until } from './testing/ground.ts';
import { startProxy } from './testing/proxy.ts';
import type { TestProxy } from './testing/proxy.ts';
import { stallableClock } from './testing/stallable-clock.ts';

jest.setTimeout(60_000);

let etcd: TestEtcd;
let proxy: TestProxy;
let open: Registry[] = [];

beforeAll(async () => {
  etcd = await startEtcd({ listen: 'tcp' });
});
afterAll(() => etcd.stop());
beforeEach(async () => {
  proxy = await startProxy(etcd.endpoint);
});
afterEach(async () => {
  await Promise.all(open.map((registry) => registry.close()));
  open = [];
  await proxy.close();
});

let prefixes = 0;
beforeEach(() => {
  prefixes += 1;
});

function registry(endpoint = etcd.endpoint, clock: Clock = realClock()): Registry {
  const opened = openRegistry({
    endpoints: [endpoint],
    prefix: `/test${prefixes}`,
    machineId: 'm',
    clock,
    log: silentLog(),
    knownStore: new MemoryKnownStore(),
  });
  open.push(opened);
  return opened;
}

const options = () => ({ ttlSeconds: 8, leaseStore: new MemoryLeaseStore() });

test('a machine behind a slow link is not taken for dead by its clone', async () => {
  const slow = registry(proxy.endpoint);
  await slow.presence.register(facts('m'), options());
  // An answer takes 1.8 s, and no longer than 2 s are waited for it.
  proxy.delay(900);
  const session = slow.agent.session();
  const clone = registry();
  const registering = clone.presence.register(facts('m', { bootId: 'another' }), options());
  await expect(registering).rejects.toThrow(DuplicateMachineError);
  expect(slow.agent.session()).toBe(session);
});

test('a machine that stood still for longer than its ttl does no harm when it wakes', async () => {
  const clock = stallableClock();
  const refused: DuplicateMachineError[] = [];
  const onRefused = (error: DuplicateMachineError): void => void refused.push(error);
  const first = registry(etcd.endpoint, clock);
  await first.presence.register(facts('m'), { ...options(), ttlSeconds: 4, onRefused });
  clock.stall(true);
  const second = registry();
  await second.presence.register(facts('m', { bootId: 'another' }), {
    ...options(),
    ttlSeconds: 4,
  });
  const session = second.agent.session();
  clock.stall(false);
  await until('the first to be refused', () => refused.length > 0);
  expect(first.agent.session()).toBeNull();
  expect(second.agent.session()).toBe(session);
  expect((await second.units.machine('m'))?.bootId).toBe('another');
});

test('nobody took its place: a machine that stood still is registered anew', async () => {
  const clock = stallableClock();
  const first = registry(etcd.endpoint, clock);
  await first.presence.register(facts('m'), { ...options(), ttlSeconds: 4 });
  const session = first.agent.session();
  clock.stall(true);
  const watcher = registry();
  await until('its lease to end', async () => (await watcher.units.machine('m')) === null);
  clock.stall(false);
  await until('another session', () => {
    const now = first.agent.session();
    return now !== null && now !== session;
  });
  expect((await watcher.units.machine('m'))?.bootId).toBe(facts('m').bootId);
});

test('a call that begins while the wall clock is set back does not wait for that time to come again', async () => {
  const store = new EtcdStore({ endpoints: [etcd.endpoint] });
  const { lease } = await store.grantLease(60);
  etcd.signal('SIGSTOP');
  const isSilent = (): Promise<boolean> =>
    store.renewLease(lease, 200).then(
      () => false,
      () => true,
    );
  await until('etcd to stand still', isSilent);
  const real = Date.now;
  let renewing: Promise<unknown>;
  try {
    Date.now = () => real() + 3_600_000;
    renewing = store.renewLease(lease, 1_000);
  } finally {
    Date.now = real;
  }
  await expect(renewing).rejects.toThrow(/did not renew a lease: no answer for 1500 ms/);
  etcd.signal('SIGCONT');
  await store.close();
});
