import { SharedView } from './cluster-view.ts';
import { Contact } from './contact.ts';
import { MemoryKnownStore, realClock, silentLog } from './fake.ts';
import { StoreGuard } from './guard.ts';
import { keysOf } from './keys.ts';
import { MemoryStore } from './memory-store.ts';
import type { Store } from './store.ts';
import { until } from './testing/ground.ts';

const keys = keysOf('/muster');

/** Its watches tell how far etcd is, and nothing of what has changed. */
function tellingNothing(store: Store): Store {
  return {
    ...store,
    watch: (ranges, listener) =>
      store.watch(ranges, {
        ...listener,
        events: (range, _, revision) => listener.events(range, [], revision),
      }),
  };
}

test('a snapshot is the same object until something has changed, also at the same revision', async () => {
  const memory = new MemoryStore();
  const store = tellingNothing(memory.connect('test'));
  const [clock, log] = [realClock(), silentLog()];
  const knownStore = new MemoryKnownStore();
  const guard = new StoreGuard({ store, keys, knownStore, clock, log, newId: () => 'an-id' });
  const shared = new SharedView({ store, guard, keys, contact: new Contact(clock), clock, log });
  const view = await shared.open();
  memory.put(keys.unit('a.service'), 'no JSON');
  await until('the revision to be there', () => view.snapshot().revision === memory.revision);
  const before = view.snapshot();
  expect(before.corrupt).toEqual([]);
  expect(view.snapshot()).toBe(before);
  await view.refresh(5000);
  const after = view.snapshot();
  expect({ revision: after.revision, corrupt: after.corrupt.map(({ key }) => key) }).toEqual({
    revision: before.revision,
    corrupt: [keys.unit('a.service')],
  });
  expect(after).not.toBe(before);
  expect(view.snapshot()).toBe(after);
  await shared.close();
});
