import { Contact } from './contact.ts';
import { MemoryKnownStore, realClock, silentLog } from './fake.ts';
import { StoreGuard } from './guard.ts';
import { keysOf } from './keys.ts';
import { Keyspace } from './keyspace.ts';
import type { KeyspaceOptions } from './keyspace.ts';
import { MemoryStore } from './memory-store.ts';
import { oneKey } from './store.ts';
import type { Store } from './store.ts';
import { until } from './testing/ground.ts';

const keys = keysOf('/muster');
const clock = realClock();
const log = silentLog();

/** The first watch opens as that of a member which lags behind, or of a store that went back. */
function laggingOnce(store: Store): Store {
  let watches = 0;
  return {
    ...store,
    watch: (ranges, listener) => {
      watches += 1;
      if (watches > 1) return store.watch(ranges, listener);
      return store.watch(ranges, { ...listener, opened: () => listener.opened(1) });
    },
  };
}

function keyspaceOf(
  store: Store,
  options: Pick<KeyspaceOptions, 'ranges' | 'apply' | 'onRead'>,
): Keyspace {
  const knownStore = new MemoryKnownStore();
  const guard = new StoreGuard({ store, keys, knownStore, clock, log, newId: () => 'an-id' });
  const contact = new Contact(clock);
  const { cluster: clusterKey } = keys;
  return new Keyspace({ store, guard, contact, clusterKey, clock, log, ...options });
}

test('a watch that opens at an older revision is not followed: everything is read again', async () => {
  const memory = new MemoryStore();
  for (let i = 0; i < 5; i += 1) memory.put('/muster/unit/a.service', String(i));
  let reads = 0;
  const keyspace = keyspaceOf(laggingOnce(memory.connect('test')), {
    ranges: [oneKey(keys.cluster), oneKey(keys.unit('a.service'))],
    apply: () => undefined,
    onRead: () => (reads += 1),
  });
  keyspace.start();
  await until('it to be current', () => keyspace.syncedSince !== null);
  expect(reads).toBe(2);
  await keyspace.close();
});

test('what came and went while its watch was broken is not there afterwards', async () => {
  const memory = new MemoryStore();
  const store = memory.connect('test');
  const there = new Set<string>();
  let reads = 0;
  const keyspace = keyspaceOf(store, {
    ranges: [keys.all],
    apply: (changes) => {
      for (const { key, stored } of changes) {
        if (stored === null) there.delete(key);
        else there.add(key);
      }
    },
    onRead: () => (reads += 1),
  });
  keyspace.start();
  await until('it to be current', () => keyspace.syncedSince !== null);
  memory.breakWatches();
  memory.put(keys.unit('gone.service'), 'x');
  await store.txn({ success: [{ type: 'delete', key: keys.unit('gone.service') }] });
  memory.put(keys.unit('new.service'), 'x');
  await keyspace.atLeast(memory.revision, 10_000);
  expect([...there]).toEqual([keys.cluster, keys.unit('new.service')]);
  expect(reads).toBe(1);
  await keyspace.close();
});
