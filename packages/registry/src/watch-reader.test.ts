import { VirtualClock } from '@muster/core/testing';
import { MemoryKnownStore, silentLog } from './fake.ts';
import { MemoryStore } from './memory-store.ts';
import { openRegistryOn } from './registry.ts';
import { keysUnder } from './store.ts';
import type { Store } from './store.ts';
import { unitWrite } from './testing/ground.ts';
import { WatchReader } from './watch-reader.ts';

/** A store on which is noted what is done to watches. */
function noting(store: Store): { store: Store; notes: string[] } {
  const notes: string[] = [];
  const watch: Store['watch'] = (ranges, listener) => {
    const opened = store.watch(ranges, listener);
    const noted = (what: 'close' | 'pause' | 'resume') => (): void => {
      notes.push(what);
      opened[what]();
    };
    notes.push('open');
    return { close: noted('close'), pause: noted('pause'), resume: noted('resume') };
  };
  return { store: { ...store, watch }, notes };
}

const range = { range: keysUnder('/x/'), from: 1, withBefore: true };
const opened = (): void => undefined;

async function readAll(reader: WatchReader, count: number): Promise<number> {
  let seen = 0;
  while (seen < count) seen += (await reader.next())?.events.length ?? count;
  return seen;
}

test('the store is asked to hold back while much waits to be read, and to go on after that', async () => {
  const clock = new VirtualClock();
  const memory = new MemoryStore();
  const { store, notes } = noting(memory.connect('test'));
  const reader = new WatchReader({ store, range, clock, opened });
  for (let i = 0; i < 5000; i += 1) memory.put('/x/a', String(i));
  await clock.advance(1000);
  expect(notes).toEqual(['open', 'pause']);
  expect(await readAll(reader, 5000)).toBe(5000);
  expect(notes).toEqual(['open', 'pause', 'resume', 'pause', 'resume']);
  reader.close();
  expect(await reader.next()).toBeNull();
});

test('what is not read for long is let go; what has arrived can still be read', async () => {
  const clock = new VirtualClock();
  const memory = new MemoryStore();
  const { store, notes } = noting(memory.connect('test'));
  const reader = new WatchReader({ store, range, clock, opened });
  for (let i = 0; i < 5000; i += 1) memory.put('/x/a', String(i));
  await clock.advance(9_000);
  expect(notes).toEqual(['open', 'pause']);
  await clock.advance(2_000);
  expect(notes).toEqual(['open', 'pause', 'close']);
  expect(await readAll(reader, 2000)).toBe(2000);
  expect(await reader.next()).toBeNull();
});

test('history that was let go goes on where it was', async () => {
  const clock = new VirtualClock();
  const memory = new MemoryStore();
  const { store, notes } = noting(memory.connect('a'));
  const knownStore = new MemoryKnownStore();
  const options = { prefix: '/muster', machineId: 'a', clock, log: silentLog(), knownStore };
  const registry = openRegistryOn(store, options);
  const { signal } = new AbortController();
  await registry.units.units([]);
  const after = memory.revision;
  const { batches } = await registry.units.history.open({ after, follow: true, signal });
  const reading = batches[Symbol.asyncIterator]();
  const first = reading.next();
  // Two keys each.
  const writes = 1500;
  for (let i = 0; i < writes; i += 1) {
    const expect = i === 0 ? 0 : memory.revision;
    await registry.units.write([unitWrite('a.service', { expect })]);
  }
  await first;
  notes.length = 0;
  await clock.advance(60_000);
  expect(notes).toEqual(['close']);
  for (let i = 1; i < writes; i += 1) {
    expect((await reading.next()).value).toMatchObject({ revision: after + 1 + i });
  }
  await registry.close();
});
