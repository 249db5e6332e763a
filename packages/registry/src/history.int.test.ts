// needs: etcd
import type { ChangeBatch, Revision } from '@muster/core';
import { EtcdStore } from './client.ts';
import { encodeUnit } from './codec.ts';
import { MemoryKnownStore, realClock, silentLog } from './fake.ts';
import { keysOf } from './keys.ts';
import { openRegistry } from './registry.ts';
import type { Registry } from './registry.ts';
import type { Put } from './store.ts';
import { startEtcd } from './testing/etcd.ts';
import type { TestEtcd } from './testing/etcd.ts';
import { hashOf, until } from './testing/ground.ts';
import { startProxy } from './testing/proxy.ts';
import type { TestProxy } from './testing/proxy.ts';

const keys = keysOf('/muster');
const perTransaction = 100;

let etcd: TestEtcd;
let proxy: TestProxy;
/** Past the proxy. */
let direct: EtcdStore;
let registry: Registry;
let over: AbortController;

beforeEach(async () => {
  etcd = await startEtcd({ listen: 'tcp' });
  proxy = await startProxy(etcd.endpoint);
  direct = new EtcdStore({ endpoints: [etcd.endpoint] });
  over = new AbortController();
  registry = openRegistry({
    endpoints: [proxy.endpoint],
    prefix: '/muster',
    machineId: 'm1',
    clock: realClock(),
    log: silentLog(),
    knownStore: new MemoryKnownStore(),
  });
  await registry.units.units([]);
}, 30_000);

afterEach(async () => {
  over.abort();
  await registry.close();
  await direct.close();
  await proxy.close();
  await etcd.stop();
});

/** Each transaction changes a hundred units. @returns the revisions of them */
async function transactions(count: number, valueSize: number): Promise<Revision[]> {
  const revisions: Revision[] = [];
  for (let round = 0; round < count; round += 1) {
    const success = Array.from({ length: perTransaction }, (_, i): Put => {
      const set = {
        hash: hashOf('a'),
        file: '',
        desiredState: 'launched',
        restarts: round,
        origin: { by: 'x'.repeat(valueSize) },
      } as const;
      return { type: 'put', key: keys.unit(`u${i}`), value: encodeUnit(set, 'n'), lease: null };
    });
    revisions.push((await direct.txn({ success })).revision);
  }
  return revisions;
}

async function open(after: Revision): Promise<AsyncIterable<ChangeBatch>> {
  const { signal } = over;
  return (await registry.units.history.open({ after, follow: false, signal })).batches;
}

/** Every transaction is whole, with what was before it. */
function expectWhole({ changes }: ChangeBatch): void {
  expect(changes.map(({ index }) => index)).toEqual(
    Array.from({ length: perTransaction }, (_, i) => i),
  );
  const odd = changes.filter((change) => {
    if (change.type !== 'unit' || change.after === null) return true;
    const { before, after } = change;
    return after.restarts !== (before === null ? 0 : before.restarts + 1);
  });
  expect(odd).toEqual([]);
}

test('cut again and again while it catches up in pieces, every transaction comes whole and once', async () => {
  // More than an answer of etcd may be (1.5 MiB), and with what was before twice that.
  const revisions = await transactions(60, 1000);
  let bytes = 150_000;
  for (const seed of [3, 5, 7, 11, 13, 17]) {
    const after = (revisions[0] ?? 0) - 1;
    const seen: Revision[] = [];
    let cuts = 0;
    for await (const batch of await open(after)) {
      expectWhole(batch);
      seen.push(batch.revision);
      if (seen.length % seed === 0) {
        bytes = (bytes * 31 + seed) % 1_000_000;
        proxy.cutAfter(bytes);
        cuts += 1;
      }
    }
    expect(cuts).toBeGreaterThan(2);
    expect(seen).toEqual(revisions);
  }
}, 120_000);

test('who reads slowly holds etcd back instead of filling the memory', async () => {
  const revisions = await transactions(300, 2000);
  const before = proxy.received();
  const batches = (await open((revisions[0] ?? 0) - 1))[Symbol.asyncIterator]();
  await batches.next();
  let last = -1;
  await until('no more to come', async () => {
    if (proxy.received() === last) return true;
    last = proxy.received();
    await new Promise((resolve) => setTimeout(resolve, 500));
    return false;
  });
  const held = last - before;
  let count = 1;
  for (let next = await batches.next(); next.done !== true; next = await batches.next()) count += 1;
  expect(count).toBe(300);
  const whole = proxy.received() - before;
  expect(whole).toBeGreaterThan(120_000_000);
  // gRPC keeps 16 answers, of up to 1.5 MiB, before it holds etcd back; sockets keep some more.
  expect(held).toBeLessThan(60_000_000);
}, 60_000);

test('etcd killed in the middle and started again: it goes on where it was', async () => {
  const revisions = await transactions(30, 1000);
  const seen: Revision[] = [];
  for await (const batch of await open((revisions[0] ?? 0) - 1)) {
    expectWhole(batch);
    seen.push(batch.revision);
    if (seen.length === 10) {
      await etcd.kill();
      await etcd.start();
    }
  }
  expect(seen).toEqual(revisions);
}, 60_000);
