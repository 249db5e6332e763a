import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Clock } from '@muster/core';
import fc from 'fast-check';
import { PlacedCluster } from '../../../registry/src/testing/placed-cluster.ts';
import { createExplainer } from '../../../scheduler/src/explainer.ts';
import { createApiClient } from '../client.ts';
import type { ApiClient, EventsLine, EventsQuery } from '../client.ts';
import { createForwarder } from '../forwarder.ts';
import { createApiServer } from '../server.ts';
import type { ApiServer } from '../server.ts';
import { resumeEvents } from './resume-events.ts';
import { parseSse } from './sse.ts';
import type { ServerSentEvent } from './sse.ts';

const m1 = `1234abcd${'1'.repeat(24)}`;
const m2 = `5678abcd${'2'.repeat(24)}`;
const simple = '[Service]\nExecStart=/bin/sleep 1\n';
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Real time, but keep-alives come when a test says so. */
class TestClock implements Clock {
  keepAlive: () => void = () => undefined;

  now(): number {
    return 1_700_000_000_000;
  }

  monotonic(): number {
    return performance.now();
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
      if (ms === 15_000) this.keepAlive = done;
    });
  }
}

let dir: string;
let clock: TestClock;
let cluster: PlacedCluster;
let server: ApiServer;
let client: ApiClient;
let endpoint: string;

beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'muster-events-'));
  clock = new TestClock();
  cluster = new PlacedCluster();
  cluster.behaviour = () => 'runs';
  cluster.addMachine(m1, '10.0.0.1');
  endpoint = `unix:${path.join(dir, 'muster.sock')}`;
  server = await serve();
  client = createApiClient({ endpoint, user: 'tester' });
});

afterEach(async () => {
  await server.close();
  await cluster.close();
  rmSync(dir, { recursive: true });
});

async function serve(): Promise<ApiServer> {
  const created = createApiServer({
    units: cluster.units,
    explainer: createExplainer(),
    inspector: { status: async () => '', use: async () => [], journal: async function* () {} },
    self: { machineId: m1, hostname: 'box', version: '0.1.0' },
    clock,
    log,
    forward: createForwarder(null),
  });
  await created.listen([endpoint]);
  return created;
}

function get(search: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const url = `/v1/events?${search}`;
    const options = { socketPath: endpoint.slice(5), path: url, headers, agent: false };
    request(options, resolve).on('error', reject).end();
  });
}

async function errorOf(search: string, headers?: Record<string, string>): Promise<object> {
  const answer = await get(search, headers);
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece);
  const { error } = JSON.parse(Buffer.concat(pieces).toString());
  return { status: answer.statusCode, ...error };
}

/** Of a stream that ends by itself. */
async function eventsOf(query: EventsQuery = {}): Promise<string[]> {
  const found: string[] = [];
  for await (const line of client.events({ follow: false, ...query })) {
    if (line.type === 'event') found.push(`${line.event.type}: ${line.event.text}`);
  }
  return found;
}

async function allLines(query: EventsQuery): Promise<EventsLine[]> {
  const found: EventsLine[] = [];
  for await (const line of client.events(query)) found.push(line);
  return found;
}

const start = (name: string): ReturnType<ApiClient['writeUnits']> =>
  client.writeUnits([{ name, file: simple, desiredState: 'launched' }]);

describe('what is told', () => {
  test('the story of a unit, with who, when and why', async () => {
    const after = String(cluster.store.revision);
    await start('web.service');
    await client.writeUnits([{ name: 'web.service', restart: true }]);
    cluster.behaviour = null;
    await client.destroyUnits(['web.service']);
    await client.patchMetadata(m1, { disk: 'ssd' });
    expect(await eventsOf({ after })).toEqual([
      'unit-submitted: web.service was submitted, to be launched, by tester@box',
      'unit-assigned: web.service goes to 1234abcd: test',
      'unit-state: web.service on 1234abcd: active (running)',
      'unit-changed: web.service: restart asked for, by tester@box',
      'unit-reassigned: web.service on 1234abcd: to be restarted',
      'unit-destroyed: web.service was destroyed by tester@box',
      'metadata-changed: metadata of machine 1234abcd: disk=ssd, by tester@box',
    ]);
    const lines = await allLines({ after, follow: false });
    const times = lines.flatMap((line) => (line.type === 'event' ? [line.event.time] : []));
    expect(times).toEqual([
      clock.now(),
      null,
      1_700_000_000_000,
      clock.now(),
      null,
      clock.now(),
      clock.now(),
    ]);
  });

  test('a stream of server-sent events, one line of data each, with the ids of their places', async () => {
    const after = cluster.store.revision;
    await start('web.service');
    const answer = await get(`after=${after}&follow=false`);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
    });
    let text = '';
    for await (const piece of answer) text += String(piece);
    const blocks = text.split('\n\n');
    expect(blocks[0]).toBe(`retry: 1000\nid: ${after}`);
    const [id, event, data, ...more] = (blocks[1] ?? '').split('\n');
    expect([id, event, more]).toEqual([`id: ${after + 1}.1`, 'event: unit-submitted', []]);
    expect(JSON.parse((data ?? '').replace(/^data: /, ''))).toMatchObject({
      id: `${after + 1}.1`,
      revision: after + 1,
      index: 1,
      type: 'unit-submitted',
      time: clock.now(),
      unit: 'web.service',
      machine: null,
      by: 'tester@box',
    });
    const end = cluster.store.revision;
    expect(blocks.slice(-2)).toEqual([`id: ${end}\nevent: end\ndata: {"revision":${end}}`, '']);
  });

  test.each<[string, EventsQuery, string[]]>([
    [
      'a unit',
      { units: ['a.service'] },
      ['submitted a.service', 'assigned a.service', 'state a.service'],
    ],
    [
      'a pattern',
      { units: ['a*'], types: ['unit-state'] },
      ['state a.service', 'state ab.service'],
    ],
    [
      'one of several',
      { units: ['a.*', 'b.*'], types: ['unit-state', 'unit-submitted'] },
      ['submitted a.service', 'state a.service', 'submitted b.service', 'state b.service'],
    ],
    ['a machine', { machines: [m2] }, ['joined', 'assigned ab.service', 'state ab.service']],
    [
      'a machine and a type',
      { machines: [m2, m1], types: ['machine-joined'] },
      ['joined', 'joined'],
    ],
    ['what never was', { units: ['none.service'] }, []],
  ])('filtered: %s', async (_, query, expected) => {
    await start('a.service');
    cluster.addMachine(m2, null);
    await start('ab.service');
    await start('b.service');
    const found = (await eventsOf(query)).map((line) =>
      line.replace(/^(?:unit|machine)-(\w+): (?:machine .*|(\S+) .*)/, '$1 $2').trim(),
    );
    expect(found).toEqual(expected);
  });
});

describe('where it begins', () => {
  test('who follows begins now, who does not gets everything', async () => {
    await start('old.service');
    const lines = client.events({ units: ['*.service'], types: ['unit-submitted'] });
    const { revision } = cluster.store;
    expect((await lines.next()).value).toEqual({ type: 'place', id: String(revision) });
    const next = lines.next();
    await start('new.service');
    expect((await next).value).toMatchObject({ type: 'event', event: { unit: 'new.service' } });
    await lines.return(undefined);
    expect(await eventsOf({ units: ['old.service'] })).toHaveLength(3);
  });

  test('Last-Event-ID goes before what the URL says', async () => {
    await start('web.service');
    const { revision } = cluster.store;
    const answer = await get('after=1&follow=false', { 'Last-Event-ID': String(revision) });
    const found: ServerSentEvent[] = [];
    for await (const event of parseSse(answer)) found.push(event);
    expect(found.map(({ id, event }) => [id, event])).toEqual([
      [String(revision), 'message'],
      [String(revision), 'end'],
    ]);
  });

  test('what was seen of a transaction does not come again', async () => {
    const { revision } = await client.writeUnits(
      ['a', 'b', 'c'].map((name) => ({ name: `${name}.service`, file: simple })),
    );
    const seen = async (after: string): Promise<string[]> =>
      (await eventsOf({ after, types: ['unit-submitted'] })).map((line) => line.slice(16, 17));
    expect(await seen(`${revision - 1}`)).toEqual(['a', 'b', 'c']);
    expect(await seen(`${revision}.0`)).toEqual(['a', 'b', 'c']);
    expect(await seen(`${revision}.1`)).toEqual(['b', 'c']);
    expect(await seen(`${revision}.3`)).toEqual([]);
    expect(await seen(`${revision}`)).toEqual([]);
  });

  test('what is no longer kept is 410, with the revision to go on after', async () => {
    await start('web.service');
    const { revision } = cluster.store;
    await start('web2.service');
    cluster.store.compact(revision);
    expect(await errorOf(`after=${revision - 1}`)).toEqual({
      status: 410,
      code: 'compacted',
      message: `what happened up to revision ${revision} is no longer kept`,
      oldest: revision,
    });
    expect(await errorOf(`after=${revision}.2`)).toMatchObject({ status: 410, oldest: revision });
    const rest = await eventsOf({ after: String(revision) });
    expect(rest).toHaveLength(3);
    expect(await eventsOf({ after: '0' })).toEqual(rest);
    await expect(eventsOf({ after: '2' })).rejects.toMatchObject({
      status: 410,
      code: 'compacted',
      oldest: revision,
    });
  });
});

test.each<[string, Record<string, string>, string]>([
  ['after=x', {}, 'after must be REVISION or REVISION.INDEX, not "x"'],
  ['after=-1', {}, 'after must be REVISION or REVISION.INDEX, not "-1"'],
  ['after=1.2.3', {}, 'after must be REVISION or REVISION.INDEX, not "1.2.3"'],
  ['after=1&after=2', {}, 'after is given more than once'],
  ['', { 'Last-Event-ID': 'x' }, 'Last-Event-ID must be REVISION or REVISION.INDEX, not "x"'],
  ['follow=maybe', {}, 'follow must be true or false, not "maybe"'],
  ['unit=%5Bx', {}, 'unit "[x" is not a pattern for unit names'],
  [`type=${'y'.repeat(999)}`, {}, `type "${'y'.repeat(197)}..." is none of`],
  [`after=${'1'.repeat(999)}`, {}, `not "${'1'.repeat(197)}..."`],
  ['unit=', {}, 'unit "" is not a pattern for unit names'],
  ['machine=x', {}, 'machine id "x" must be 32 lower-case hexadecimal digits'],
  ['type=unit', {}, 'type "unit" is none of unit-submitted, unit-changed, '],
  ['units=a', {}, 'unknown parameter "units"; known are after, follow, unit, machine, type'],
  ['after=999999', {}, 'there is no revision 999999, the newest is '],
])('?%s is a bad request', async (search, headers, message) => {
  expect(await errorOf(search, headers)).toEqual({
    status: 400,
    code: 'invalid-input',
    message: expect.stringContaining(message),
  });
});

test('a HEAD has the headers and ends', async () => {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { socketPath: endpoint.slice(5), path: '/v1/events', method: 'HEAD' };
    request({ ...options, agent: false }, resolve)
      .on('error', reject)
      .end();
  });
  expect(answer.headers['content-type']).toBe('text/event-stream; charset=utf-8');
  answer.resume();
  await new Promise((resolve) => answer.once('end', resolve));
});

describe('while it is open', () => {
  test('silence is broken, and the place moves on with what is not wanted', async () => {
    const lines = client.events({ units: ['none.service'] });
    await lines.next();
    await start('web.service');
    const { revision } = cluster.store;
    const place = lines.next();
    // The batches have to come through before the keep-alive tells their place.
    await until(() => {
      clock.keepAlive();
      return Promise.race([place.then(() => true), clock.sleep(20, never).then(() => false)]);
    });
    let last = (await place).value;
    while (last?.id !== String(revision)) {
      clock.keepAlive();
      last = (await lines.next()).value;
    }
    expect(last).toEqual({ type: 'place', id: String(revision) });
    await lines.return(undefined);
  });

  test('an outage of the store is waited out', async () => {
    const lines = client.events({ types: ['unit-submitted'] });
    await lines.next();
    const next = lines.next();
    cluster.store.outage(true);
    await expect(eventsOf()).rejects.toMatchObject({ status: 503, code: 'store-unavailable' });
    cluster.store.outage(false);
    await start('web.service');
    expect((await next).value).toMatchObject({ event: { unit: 'web.service' } });
    await lines.return(undefined);
  });

  test('a compaction that overtakes it during an outage is its end, and says where to go on', async () => {
    const lines = client.events({});
    await lines.next();
    const next = lines.next();
    next.catch(() => undefined);
    cluster.store.outage(true);
    cluster.store.put('/muster/unit/x.service', 'rubbish');
    cluster.store.put('/muster/unit/x.service', 'more rubbish');
    const { revision } = cluster.store;
    cluster.store.compact(revision);
    cluster.store.outage(false);
    await expect(next).rejects.toMatchObject({ status: 410, code: 'compacted', oldest: revision });
  });

  test('a store that was wiped is its end', async () => {
    const lines = client.events({});
    await lines.next();
    const next = lines.next();
    next.catch(() => undefined);
    cluster.store.wipe();
    await expect(next).rejects.toMatchObject({ status: 503, code: 'store-untrusted' });
  });

  test('it ends with the server', async () => {
    const lines = client.events({});
    await lines.next();
    const next = lines.next();
    next.catch(() => undefined);
    await server.close();
    await expect(next).rejects.toThrow('cannot reach musterd');
  });

  test('a hundred at once, and no more until one ends', async () => {
    const open = Array.from({ length: 100 }, () => client.events({}));
    await Promise.all(open.map((lines) => lines.next()));
    expect(await errorOf('')).toEqual({
      status: 503,
      code: 'too-many-streams',
      message: 'this musterd serves 100 streams of events already; ask another one, or later',
    });
    await open.pop()?.return(undefined);
    await until(async () => (await eventsOf().catch(() => null)) !== null);
    await Promise.all(open.map((lines) => lines.return(undefined)));
  });
});

const never = new AbortController().signal;

async function until(look: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i += 1) {
    if (await look()) return;
    await clock.sleep(10, never);
  }
  throw new Error('waited for it in vain');
}

describe('taken up again', () => {
  let cutter: Cutter;
  beforeEach(async () => {
    cutter = new Cutter();
    await cutter.listen();
  });
  afterEach(() => cutter.close());

  /** Lets a connection live for so many bytes of the answer. */
  class Cutter {
    readonly path = path.join(dir, `cut-${Math.random()}.sock`);
    readonly #sockets = new Set<Socket>();
    readonly #server: Server;
    /** For the connections to come. */
    limits: number[] = [];
    cuts = 0;

    constructor() {
      this.#server = createServer((caller) => {
        const upstream = connect(endpoint.slice(5));
        let left = this.limits.shift() ?? Number.POSITIVE_INFINITY;
        for (const socket of [caller, upstream]) {
          this.#sockets.add(socket);
          socket.on('error', () => undefined);
        }
        caller.pipe(upstream);
        caller.on('close', () => upstream.destroy());
        upstream.on('end', () => caller.end());
        upstream.on('data', (piece: Buffer) => {
          caller.write(piece.subarray(0, left));
          left -= piece.length;
          if (left >= 0) return;
          this.cuts += 1;
          upstream.destroy();
          caller.end();
        });
      });
    }

    listen(): Promise<void> {
      return new Promise((resolve) => void this.#server.listen(this.path, resolve));
    }

    close(): Promise<void> {
      for (const socket of this.#sockets) socket.destroy();
      return new Promise((resolve) => void this.#server.close(() => resolve()));
    }
  }

  test('wherever the connection is cut, nothing is lost and nothing comes twice', async () => {
    for (let i = 0; i < 3; i += 1) {
      await client.writeUnits(
        Array.from({ length: 40 }, (_, n) => ({
          name: `u${n}.service`,
          file: simple,
          ...(i === 0 ? {} : { restart: true }),
        })),
      );
    }
    await client.destroyUnits(Array.from({ length: 40 }, (_, n) => `u${n}.service`));
    const { revision } = cluster.store;
    const whole = (await allLines({ follow: false })).filter(({ type }) => type === 'event');
    expect(whole.length).toBeGreaterThan(300);
    const text = JSON.stringify(whole).length;
    const through = createApiClient({ endpoint: `unix:${cutter.path}` });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 400, max: Math.floor(text / 2) }), { maxLength: 6 }),
        async (limits) => {
          cutter.limits = [...limits];
          const seen: EventsLine[] = [];
          const lines = resumeEvents(
            (query, signal) => through.events(query, signal),
            { follow: false, after: '0' },
            {
              sleep: () => Promise.resolve(),
            },
          );
          for await (const line of lines) if (line.type === 'event') seen.push(line);
          expect(seen).toEqual(whole);
        },
      ),
      { numRuns: 40 },
    );
    expect(cutter.cuts).toBeGreaterThan(20);
    expect(cluster.store.revision).toBe(revision);
  }, 60_000);
});
