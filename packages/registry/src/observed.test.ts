import type { CallResult } from '@muster/core';
import { MemoryLeaseStore, openFakeRegistry } from './fake.ts';
import { MemoryStore } from './memory-store.ts';
import { observed } from './observed.ts';
import type { RegistryObserver } from './observed.ts';
import { LeaseGoneError } from './store.ts';
import { facts, report, until } from './testing/ground.ts';

/** Counts what it is told: `call write ok` → 3. */
class Tally implements RegistryObserver {
  readonly counts = new Map<string, number>();
  readonly call = (operation: string) => (result: CallResult) =>
    this.#add(`call ${operation} ${result}`);
  readonly contact = (isUnbroken: boolean): void => this.#add(`contact ${isUnbroken}`);
  readonly watchOpened = (): void => this.#add('watch opened');
  readonly watchFailed = (): void => this.#add('watch failed');
  readonly fullRead = (): void => this.#add('full read');
  readonly leaseRenewal = (result: string): void => this.#add(`renewal ${result}`);

  of(what: string): number {
    return this.counts.get(what) ?? 0;
  }

  #add(what: string): void {
    this.counts.set(what, this.of(what) + 1);
  }
}

test('calls, streams, reads and renewals are told with how they ended', async () => {
  const store = new MemoryStore();
  const tally = new Tally();
  const registry = openFakeRegistry(store, { machineId: 'a', observer: tally });
  expect([registry.revision(), registry.isTrusted()]).toEqual([null, true]);
  await registry.presence.register(facts('a'), {
    ttlSeconds: 4,
    leaseStore: new MemoryLeaseStore(),
  });
  await until('the first read and its stream', () => tally.of('watch opened') === 1);
  expect(tally.of('full read')).toBe(1);
  expect(tally.of('call lease-grant ok')).toBe(1);
  const active = new Map([['x.service', report('x.service')]]);
  // The first one is preceded by another, from which on they are in order.
  await registry.agent.publishStates(active);
  const writes = tally.of('call write ok');
  await registry.agent.publishStates(active);
  expect(tally.of('call write ok')).toBe(writes + 1);
  await until('a renewal', () => tally.of('renewal renewed') > 0);
  expect(tally.of('call lease-renew ok')).toBe(tally.of('renewal renewed'));
  expect(registry.revision()).toBeGreaterThan(0);

  store.outage(true, 'a');
  const states = new Map([['x.service', report('x.service', { subState: 'exited' })]]);
  await expect(registry.agent.publishStates(states)).rejects.toThrow('the store does not answer');
  expect(tally.of('call write unanswered')).toBe(1);
  await until('a renewal without answer', () => tally.of('renewal unanswered') > 0);
  expect(tally.of('watch failed')).toBeGreaterThan(0);
  store.outage(false, 'a');
  await until('another stream', () => tally.of('watch opened') > 1);
  await until('contact again', () => tally.of('contact true') > 1);
  expect([tally.of('contact true'), tally.of('contact false')]).toEqual([2, 1]);

  store.expireLease('a');
  await until('the end of the lease to be noticed', () => tally.of('renewal gone') === 1);
  store.wipe();
  await until('distrust', () => !registry.isTrusted());
  expect(registry.revision()).toBeNull();
  await registry.close();
});

test('a refusal is told apart from silence', async () => {
  const tally = new Tally();
  const store = observed(tally, new MemoryStore().connect('a'));
  const put = { type: 'put', key: '/a', value: '', lease: 'no such lease' } as const;
  await expect(store.txn({ success: [put] })).rejects.toThrow(LeaseGoneError);
  expect([...tally.counts]).toEqual([['call write refused', 1]]);
});
