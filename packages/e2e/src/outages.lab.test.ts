import { checkAnswers, checkFence } from './chaos/check-store.ts';
import { checkRequests, preparing } from './chaos/check-requests.ts';
import { askAll } from './chaos/client.ts';
import type { Evidence, Request } from './chaos/evidence.ts';
import { monotonicMs } from './chaos/evidence.ts';
import type { Fault } from './chaos/fault.ts';
import { inflict } from './chaos/inflict.ts';
import type { Tools } from './chaos/inflict.ts';
import { Links } from './chaos/links.ts';
import { Observer } from './chaos/observer.ts';
import { StoreAccess } from './chaos/store-access.ts';
import { StoreRecorder } from './chaos/store-recorder.ts';
import { Cluster, sleeper } from './cluster.ts';
import { waitFor } from './lab.ts';

jest.setTimeout(120_000);

const machines = [1, 2, 3];
/** Nobody asks anything of these. */
const still = ['chaos-1.service', 'chaos-2.service', 'chaos-3.service', 'chaos-all.service'];
/** One that is restarted over and over by way of each machine. */
const busy = (machine: number): string => `chaos-busy-${machine}.service`;

let tools: Tools;
let observer: Observer;
let sockets: ReadonlyMap<number, string>;
let round = 0;

beforeAll(async () => {
  const cluster = await Cluster.up(3, { etcd: 3 });
  const links = await Links.open(cluster, []);
  const store = new StoreAccess(links.sockets);
  const recorder = new StoreRecorder(store, 1);
  tools = { cluster, links, store, recorder };
  observer = new Observer(cluster.lab.name, machines.length);
  const status = await cluster.lab.status();
  sockets = new Map(status.machines.map(({ machine, socket }) => [machine, socket]));
  recorder.start();
  observer.start();
  const units = [
    ...still.slice(0, 3).map((name) => sleeper(name, 'Conflicts=chaos-[123].service')),
    sleeper('chaos-all.service', 'Global=true'),
    ...machines.map((machine) => sleeper(busy(machine))),
  ];
  const { revision } = await (
    await cluster.api(1, preparing)
  ).writeUnits(units.map((unit) => ({ ...unit, desiredState: 'launched' })));
  const names = units.map(({ name }) => name);
  await cluster.wait(names, { until: 'launched', afterRevision: revision });
});
afterAll(async () => {
  observer?.stop();
  await tools?.recorder.stop();
  await tools?.links.close();
  await tools?.cluster.lab.down();
});

/** Where the units that nobody touches run, and with which processes and assignments. */
async function untouched(): Promise<readonly string[]> {
  const processes = observer
    .alive()
    .filter(({ unit }) => still.includes(unit))
    .map(({ unit, machine, pid }) => `${unit} on ${machine}: ${pid}`);
  const { records } = await tools.store.read();
  const assignments = records
    .map(({ key, record }) => `${key} ${String(record?.['nonce'])}`)
    .filter((text) => still.some((unit) => text.startsWith('assignment/') && text.includes(unit)));
  return [...processes, ...assignments].sort();
}

/** Restarts asked for by way of every machine, twice a second, while it lasts and a little longer. */
async function askMeanwhile(fault: Fault): Promise<readonly Request[]> {
  const { cluster } = tools;
  round += 1;
  const over = new AbortController();
  const clients = machines.map((via) =>
    Array.from({ length: 100 }, (_, i) => ({
      atMs: i * 500,
      wish: { action: 'restart' as const, unit: busy(via) },
      by: 'api' as const,
      via,
    })),
  );
  const asking = askAll(
    { cluster, cast: [], sockets },
    { clients, round, began: monotonicMs(), signal: over.signal },
  );
  await inflict(tools, fault);
  over.abort();
  return asking;
}

/** Every machine takes and carries out a write again. */
async function wellAgain(): Promise<void> {
  const { cluster } = tools;
  for (const via of machines) {
    await waitFor(
      `machine ${via} to take a write`,
      async () => {
        const { revision } = await (
          await cluster.api(via, preparing)
        ).writeUnits([{ name: busy(via), restart: true }]);
        await cluster.wait([busy(via)], { until: 'launched', afterRevision: revision, via });
        return { done: true, value: null };
      },
      30_000,
    );
  }
  await cluster.waitForMembers(machines.length);
}

async function evidence(requests: readonly Request[]): Promise<Evidence> {
  const { recorder, store, cluster } = tools;
  const { revision } = await store.read();
  await waitFor(
    `the record to have revision ${revision}`,
    () =>
      Promise.resolve(
        recorder.next > revision
          ? { done: true, value: null }
          : { done: false, saw: `${recorder.next - 1} ${recorder.gap ?? ''}` },
      ),
    20_000,
  );
  const parts = { cast: [], rounds: [], faults: [], processes: [], notes: [] };
  return { ...parts, machines: cluster.numbers, requests, changes: [...recorder.changes] };
}

const asked: Request[] = [];

test.each<Fault>([
  { kind: 'etcd-away', forMs: 12_000 },
  { kind: 'etcd-no-quorum', forMs: 6000 },
  { kind: 'etcd-leader-kill', forMs: 3000 },
  { kind: 'etcd-slow', member: 1, forMs: 4000 },
  { kind: 'musterd-hang-compaction', machine: 2, forMs: 4000 },
])('%j touches no unit, and requests are answered truly', async (fault) => {
  const before = await untouched();
  expect(before).toHaveLength(2 * (3 + machines.length));
  const requests = await askMeanwhile(fault);
  asked.push(...requests);
  await wellAgain();
  expect(await untouched()).toEqual(before);
  const { changes, ...rest } = await evidence(asked);
  const all = { ...rest, changes };
  expect([...checkRequests(all), ...checkFence(all), ...checkAnswers(all)]).toEqual([]);
  // It was an outage, and it ended.
  const failed = requests.filter(({ outcome }) => outcome === 'unknown');
  const isTotal = fault.kind === 'etcd-away' || fault.kind === 'etcd-no-quorum';
  expect(failed.length > 0 || !isTotal).toBe(true);
  for (const { answer } of failed) expect(answer).toMatch(/etcd|no answer|reach/);
});

test.each(machines)('while member %i hangs, everybody goes on with the others', async (member) => {
  const fault: Fault = { kind: 'etcd-hang', member, forMs: 9500 };
  const before = await untouched();
  const requests = await askMeanwhile(fault);
  asked.push(...requests);
  for (const via of machines) {
    const own = requests.filter((request) => request.via === via);
    const done = own.filter(({ outcome }) => outcome === 'done');
    const answers = own.map(({ outcome, answer, askedAt, answeredAt }) => {
      return `${outcome} after ${answeredAt - askedAt} ms: ${answer}`;
    });
    // Calls that were under way fail, and the ones after them find another member.
    expect({ via, member, answers, isMostlyDone: done.length > own.length / 2 }).toEqual({
      via,
      member,
      answers,
      isMostlyDone: true,
    });
  }
  await wellAgain();
  expect(await untouched()).toEqual(before);
  const all = await evidence(asked);
  expect([...checkRequests(all), ...checkFence(all), ...checkAnswers(all)]).toEqual([]);
});
