import { VirtualClock } from '@muster/core/testing';
import { MemoryKnownStore, MemoryLeaseStore, silentLog } from './fake.ts';
import { StoreGuard } from './guard.ts';
import { keysOf } from './keys.ts';
import { MemoryStore } from './memory-store.ts';
import { Presence } from './presence.ts';
import type { Store } from './store.ts';
import { facts } from './testing/ground.ts';

const keys = keysOf('/muster');
const log = silentLog();

/** Renewals are noted when they reach the store; their answers come later. */
function slow(store: Store, clock: VirtualClock, answerMs: number): Store & { renewed: number[] } {
  const renewed: number[] = [];
  return {
    ...store,
    renewed,
    renewLease: async (lease, deadlineMs) => {
      renewed.push(clock.monotonic());
      const answer = await store.renewLease(lease, deadlineMs);
      await clock.sleep(answerMs, new AbortController().signal);
      return answer;
    },
  };
}

test.each([0, 900, 1_900])(
  'a lease is renewed every 2 s, also when answers take %d ms',
  async (ms) => {
    const clock = new VirtualClock();
    const store = slow(new MemoryStore().connect('a'), clock, ms);
    const knownStore = new MemoryKnownStore();
    const guard = new StoreGuard({ store, keys, knownStore, clock, log, newId: () => 'an-id' });
    const presence = new Presence({ store, guard, keys, machineId: 'a', clock, log });
    const registering = presence.register(facts('a'), {
      ttlSeconds: 8,
      leaseStore: new MemoryLeaseStore(),
    });
    await clock.advance(60_000);
    await registering;
    const gaps = store.renewed.slice(1).map((at, i) => at - (store.renewed[i] ?? 0));
    expect(gaps.length).toBeGreaterThan(25);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2_000);
    const closing = presence.close();
    await clock.advance(10_000);
    await closing;
  },
);
