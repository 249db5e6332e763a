// needs: etcd
import { EtcdStore } from './client.ts';
import { Contact, noting } from './contact.ts';
import { MemoryKnownStore, realClock } from './fake.ts';
import { StoreGuard } from './guard.ts';
import { keysOf } from './keys.ts';
import { Keyspace } from './keyspace.ts';
import type { Change } from './difference.ts';
import { get } from './store.ts';
import type { Put, Store } from './store.ts';
import { startEtcd } from './testing/etcd.ts';
import type { TestEtcd } from './testing/etcd.ts';
import { recordingLog, until } from './testing/ground.ts';
import { startProxy } from './testing/proxy.ts';
import type { TestProxy } from './testing/proxy.ts';

const keys = keysOf('/muster');

let etcd: TestEtcd;
let proxy: TestProxy;
/** Past the proxy. */
let direct: EtcdStore;
let through: EtcdStore;
let watched: Watched;

beforeEach(async () => {
  etcd = await startEtcd({ listen: 'tcp' });
  proxy = await startProxy(etcd.endpoint);
  direct = new EtcdStore({ endpoints: [etcd.endpoint] });
  through = new EtcdStore({ endpoints: [proxy.endpoint] });
  watched = watchAll(through);
  await until('the first read', () => watched.keyspace.revision > 0);
}, 30_000);

afterEach(async () => {
  await watched.keyspace.close();
  await through.close();
  await direct.close();
  await proxy.close();
  await etcd.stop();
});

interface Watched {
  readonly keyspace: Keyspace;
  /** What has been applied, in order. */
  readonly changes: Change[];
  readonly content: Map<string, string>;
  readonly log: { readonly lines: string[] };
  /** How often everything was read. */
  readonly reads: () => number;
  /** From now on no watch tells anything, and none fails. */
  readonly mute: () => void;
  /** etcd answers something else, and again 6 s later. */
  readonly hear: () => Promise<void>;
}

function watchAll(bare: Store): Watched {
  let passedMs = 0;
  const real = realClock();
  const clock = { ...real, monotonic: () => real.monotonic() + passedMs };
  const contact = new Contact(clock);
  const noted = noting(contact, bare);
  let isMute = false;
  const store: Store = {
    ...noted,
    watch: (ranges, listener) =>
      noted.watch(ranges, {
        opened: (revision) => listener.opened(revision),
        events: (...told) => {
          if (!isMute) listener.events(...told);
        },
        failed: (error) => listener.failed(error),
      }),
  };
  let reads = 0;
  const log = recordingLog();
  const knownStore = new MemoryKnownStore();
  const guard = new StoreGuard({ store, keys, knownStore, clock, log, newId: () => 'test' });
  const changes: Change[] = [];
  const content = new Map<string, string>();
  const keyspace = new Keyspace({
    store,
    guard,
    contact,
    clock,
    log,
    ranges: [keys.all],
    clusterKey: keys.cluster,
    onRead: () => (reads += 1),
    apply: (news) => {
      for (const change of news) {
        changes.push(change);
        if (change.stored === null) content.delete(change.key);
        else content.set(change.key, change.stored.value);
      }
    },
  });
  keyspace.start();
  return {
    keyspace,
    changes,
    content,
    log,
    reads: () => reads,
    mute: () => (isMute = true),
    hear: async () => {
      for (const ms of [0, 6_000]) {
        passedMs += ms;
        await store.txn({ success: [get({ key: keys.cluster, end: null })] });
      }
    },
  };
}

async function putMany(first: number, count: number, value = 'x'): Promise<number> {
  let revision = 0;
  for (let i = first; i < first + count; i += 100) {
    const size = Math.min(100, first + count - i);
    const success = Array.from({ length: size }, (_, n): Put => {
      return { type: 'put', key: keys.unit(`u${i + n}`), value: `${i + n} ${value}`, lease: null };
    });
    ({ revision } = await direct.txn({ success }));
  }
  return revision;
}

/** Content and order: revisions never go back, and all is as etcd has it. */
async function assertComplete(): Promise<void> {
  const { gets } = await direct.txn({ success: [get(keys.all)] });
  const stored = new Map((gets[0]?.keys ?? []).map(({ key, value }) => [key, value]));
  expect(new Map(watched.content)).toEqual(stored);
  const byKey = new Map<string, number>();
  for (const { key, stored: now } of watched.changes) {
    if (now === null) continue;
    expect(now.modRevision).toBeGreaterThan(byKey.get(key) ?? 0);
    byKey.set(key, now.modRevision);
  }
}

test('every single event arrives, in order, across many cut connections', async () => {
  const seen: number[] = [];
  let revision = 0;
  for (let i = 0; i < 600; i += 1) {
    const value = String(i);
    const put: Put = { type: 'put', key: keys.unit('counter'), value, lease: null };
    ({ revision } = await direct.txn({ success: [put] }));
    if (i % 100 === 50) proxy.cut();
  }
  await watched.keyspace.atLeast(revision, 10_000);
  for (const { key, stored } of watched.changes) {
    if (key === keys.unit('counter') && stored !== null) seen.push(Number(stored.value));
  }
  expect(seen.at(-1)).toBe(599);
  const gaps = seen.filter((value, i) => value !== (seen[i - 1] ?? -1) + 1);
  // On a busy machine a cut can follow so soon that all is read again: that skips what was
  // overwritten meanwhile, and nothing else may.
  const mayHaveRead = watched.log.lines.some((line) => line.includes('watching etcd failed again'));
  expect(mayHaveRead ? [] : gaps).toEqual([]);
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  await assertComplete();
});

test('a connection cut while it catches up loses nothing', async () => {
  proxy.block(true);
  const value = 'y'.repeat(200);
  const put = async (i: number): Promise<void> => {
    for (let n = i; n < 3000; n += 30) {
      const key = keys.unit(`u${n}`);
      await direct.txn({ success: [{ type: 'put', key, value, lease: null }] });
    }
  };
  await Promise.all(Array.from({ length: 30 }, (_, i) => put(i)));
  // etcd catches up by a thousand revisions at a time, all with the newest one in their header:
  // the cut comes after the first and before the last.
  proxy.cutAfter(450_000);
  proxy.block(false);
  await until('3000 keys', () => watched.content.size === 3001);
  await assertComplete();
}, 30_000);

test('what came and went while it was cut off is not there afterwards, without reading anew', async () => {
  await putMany(0, 3);
  await until('3 keys', () => watched.content.size === 4);
  const reads = watched.reads();
  proxy.block(true);
  proxy.cut();
  await putMany(3, 2);
  for (const unit of ['u1', 'u3', 'u4']) {
    await direct.txn({ success: [{ type: 'delete', key: keys.unit(unit) }] });
  }
  const revision = await putMany(4, 1, 'again');
  proxy.block(false);
  await watched.keyspace.atLeast(revision, 10_000);
  await assertComplete();
  expect(watched.reads()).toBe(reads);
});

test('more than 4 MiB to catch up with are taken', async () => {
  proxy.block(true);
  const revision = await putMany(0, 1000, 'z'.repeat(10_000));
  proxy.block(false);
  await watched.keyspace.atLeast(revision, 10_000);
  expect(watched.content.size).toBe(1001);
  await assertComplete();
});

test('what was compacted during an interruption is found by reading again', async () => {
  await putMany(0, 100);
  await until('100 keys', () => watched.content.size === 101);
  proxy.block(true);
  await direct.txn({ success: [{ type: 'delete', key: keys.unit('u5') }] });
  const revision = await putMany(50, 100, 'new');
  await direct.compact(revision);
  proxy.block(false);
  await watched.keyspace.atLeast(revision, 10_000);
  await until('the deleted key to go', () => !watched.content.has(keys.unit('u5')));
  expect(watched.content.get(keys.unit('u60'))).toBe('60 new');
  await assertComplete();
});

test('etcd killed and started again: it goes on, and what it had stays meanwhile', async () => {
  await putMany(0, 100);
  await until('100 keys', () => watched.content.size === 101);
  await etcd.kill();
  await until('the watch to be interrupted', () => watched.keyspace.syncedSince === null);
  expect(watched.content.size).toBe(101);
  await etcd.start();
  const revision = await putMany(100, 100);
  await watched.keyspace.atLeast(revision, 10_000);
  await until('the watch to run', () => watched.keyspace.syncedSince !== null);
  await assertComplete();
});

test('an etcd that hangs is noticed, and events come again after it goes on', async () => {
  await putMany(0, 10);
  await until('10 keys', () => watched.content.size === 11);
  etcd.signal('SIGSTOP');
  const began = Date.now();
  await until('the watch to be interrupted', () => watched.keyspace.syncedSince === null);
  expect(Date.now() - began).toBeLessThan(10_000);
  etcd.signal('SIGCONT');
  const revision = await putMany(10, 10);
  await watched.keyspace.atLeast(revision, 15_000);
  await assertComplete();
}, 40_000);

test('a watch that tells nothing is noticed by what etcd says when it is asked something else', async () => {
  await putMany(0, 3);
  await until('3 keys', () => watched.content.size === 4);
  watched.mute();
  for (const value of ['new', 'newer']) {
    await direct.txn({ success: [{ type: 'put', key: keys.unit('u1'), value, lease: null }] });
    await watched.hear();
    await until('the new value', () => watched.content.get(keys.unit('u1')) === value);
  }
  await direct.txn({ success: [{ type: 'delete', key: keys.unit('u2') }] });
  await watched.hear();
  await until('the key to go', () => !watched.content.has(keys.unit('u2')));
  await assertComplete();
});

test('what others write beside these keys makes nobody read them again', async () => {
  await putMany(0, 3);
  await until('3 keys', () => watched.content.size === 4);
  const reads = watched.reads();
  for (let i = 0; i < 3; i += 1) {
    const put: Put = { type: 'put', key: '/elsewhere', value: String(i), lease: null };
    const { revision } = await direct.txn({ success: [put] });
    expect(watched.keyspace.completeTo).toBeLessThan(revision);
    await watched.hear();
    await until('it to be known', () => watched.keyspace.completeTo >= revision);
  }
  expect(watched.reads()).toBe(reads);
  await assertComplete();
});

test('events of one transaction become visible together', async () => {
  const sizes = new Set<number>();
  watched.keyspace.onChange(() => sizes.add(watched.content.size));
  for (let i = 0; i < 1000; i += 100) await putMany(i, 100);
  await until('1000 keys', () => watched.content.size === 1001);
  expect([...sizes].every((size) => size % 100 === 1)).toBe(true);
});

test('more keys than one page are read at one revision while others write', async () => {
  await putMany(0, 3500);
  let isOver = false;
  const writing = (async () => {
    for (let i = 0; !isOver; i += 1) await putMany((i * 100) % 3500, 100, `round ${i}`);
  })();
  const second = watchAll(direct);
  await until('the second to have read all', () => second.content.size === 3501);
  isOver = true;
  await writing;
  await second.keyspace.close();
  const last = await putMany(3500, 1);
  await watched.keyspace.atLeast(last, 10_000);
  await assertComplete();
});
