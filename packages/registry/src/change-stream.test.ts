import { StoreUntrustedError } from '@muster/core';
import { ChangeStream } from './change-stream.ts';
import { encodeCluster } from './codec.ts';
import { MemoryKnownStore, realClock, silentLog } from './fake.ts';
import { StoreGuard } from './guard.ts';
import { keysOf } from './keys.ts';
import { MemoryStore } from './memory-store.ts';
import type { Store } from './store.ts';

const keys = keysOf('/muster');
const clock = realClock();
const log = silentLog();

/** As a member of etcd that lags behind says it: watches open at an older revision. */
function lagging(store: Store, revision: number): Store {
  return {
    ...store,
    watch: (ranges, listener) =>
      store.watch(ranges, { ...listener, opened: () => listener.opened(revision) }),
  };
}

async function readingOf(memory: MemoryStore): Promise<{
  readonly stream: ChangeStream;
  readonly guard: StoreGuard;
  readonly over: AbortController;
}> {
  const store = lagging(memory.connect('test'), 1);
  const knownStore = new MemoryKnownStore();
  const guard = new StoreGuard({ store, keys, knownStore, clock, log, newId: () => 'an-id' });
  await guard.verify();
  for (let i = 0; i < 5; i += 1) memory.put('/muster/unit/a.service', String(i));
  const options = { store, guard, keys, clock, log };
  const stream = new ChangeStream(options, memory.revision + 1, null);
  return { stream, guard, over: new AbortController() };
}

test('a member that lags behind is believed when the newest revision is right', async () => {
  const memory = new MemoryStore();
  const { stream, over } = await readingOf(memory);
  const reading = stream.read(over.signal);
  const next = reading.next();
  await clock.sleep(50, over.signal);
  memory.put('/muster/unit/b.service', 'x');
  expect((await next).value).toMatchObject({ revision: memory.revision });
  over.abort();
});

test('a store that went back is found out, also without an interruption', async () => {
  const memory = new MemoryStore();
  const { stream, guard, over } = await readingOf(memory);
  // It has been seen to be further than it is now.
  guard.seen(memory.revision + 1000);
  await expect(stream.read(over.signal).next()).rejects.toThrow(StoreUntrustedError);
});

/** A reading that has handed out one change and waits for the next. */
async function following(): Promise<{
  readonly memory: MemoryStore;
  readonly next: Promise<IteratorResult<unknown>>;
}> {
  const memory = new MemoryStore();
  const store = memory.connect('test');
  const knownStore = new MemoryKnownStore();
  const guard = new StoreGuard({ store, keys, knownStore, clock, log, newId: () => 'an-id' });
  await guard.verify();
  const stream = new ChangeStream({ store, guard, keys, clock, log }, memory.revision + 1, null);
  const reading = stream.read(new AbortController().signal);
  memory.put('/muster/unit/a.service', 'x');
  expect((await reading.next()).value).toMatchObject({ revision: memory.revision });
  return { memory, next: reading.next() };
}

test('after an interruption nothing is handed out of another store, however far it is', async () => {
  const { memory, next } = await following();
  memory.wipe();
  memory.put('/muster/cluster', encodeCluster('another-id', 1));
  for (let i = 0; i < 10; i += 1) memory.put('/muster/unit/b.service', String(i));
  await expect(next).rejects.toThrow(StoreUntrustedError);
});

test('a transaction that makes it another store is not handed out', async () => {
  const { memory, next } = await following();
  memory.put('/muster/cluster', encodeCluster('another-id', 1));
  await expect(next).rejects.toThrow(StoreUntrustedError);
});
