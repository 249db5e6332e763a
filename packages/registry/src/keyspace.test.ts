import { Contact } from './contact.ts';
import { MemoryKnownStore, realClock, silentLog } from './fake.ts';
import { StoreGuard } from './guard.ts';
import { keysOf } from './keys.ts';
import { Keyspace } from './keyspace.ts';
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

test('a watch that opens at an older revision is not followed: everything is read again', async () => {
  const memory = new MemoryStore();
  for (let i = 0; i < 5; i += 1) memory.put('/muster/unit/a.service', String(i));
  const store = laggingOnce(memory.connect('test'));
  const knownStore = new MemoryKnownStore();
  let reads = 0;
  const keyspace = new Keyspace({
    store,
    guard: new StoreGuard({ store, keys, knownStore, clock, log, newId: () => 'an-id' }),
    ranges: [oneKey(keys.cluster), oneKey(keys.unit('a.service'))],
    clusterKey: keys.cluster,
    contact: new Contact(clock),
    clock,
    log,
    apply: () => undefined,
    onRead: () => (reads += 1),
  });
  keyspace.start();
  await until('it to be current', () => keyspace.syncedSince !== null);
  expect(reads).toBe(2);
  await keyspace.close();
});
