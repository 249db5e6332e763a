import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as tlsConnect, TLSSocket } from 'node:tls';
import type { TlsMaterial } from './forwarder.ts';
import { ListenerSet } from './listener-set.ts';
import type { ListenOptions } from './listener-set.ts';
import { makeTls } from './testing/make-tls.ts';

/** More than a socket takes at once. */
const large = 20_000_000;
const said: string[] = [];
const say = (_fields: object, message: string): void => void said.push(message);
const log = { debug: say, info: say, warn: say, error: say };

let dir: string;
let first: TlsMaterial;
let second: TlsMaterial;
let set: ListenerSet;
/** Answers of `/stream`, which nobody ends. */
let streams: ServerResponse[];
/** Answers of `/slow`, which have not begun. */
let slow: ServerResponse[];
const others: Server[] = [];

beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'muster-listeners-'));
  first = makeTls(dir, 'first');
  // Another certificate of another CA; callers are let in by theirs.
  second = makeTls(dir, 'second');
});
afterAll(() => rmSync(dir, { recursive: true }));

beforeEach(() => {
  streams = [];
  slow = [];
  said.length = 0;
  set = new ListenerSet({
    log,
    handle: (req, res) => {
      if (req.url === '/large') return void res.end('x'.repeat(large));
      if (req.url === '/slow') return void slow.push(res);
      if (req.url !== '/stream') return void res.end('answer');
      streams.push(res);
      res.write('begin');
    },
  });
});
afterEach(async () => {
  await set.close();
  await Promise.all(others.splice(0).map((server) => new Promise((done) => server.close(done))));
});

const unix = (name: string): string => `unix:${path.join(dir, name)}`;

const listen = (addresses: readonly string[], options: Partial<ListenOptions> = {}) =>
  set.set(addresses, {
    tls: null,
    insecure: false,
    socketMode: 0o600,
    socketGroup: 'no-such-group',
    inherited: [],
    ...options,
  });

/** Asks where the set says it listens. */
function ask(bound: string, url = '/', tls: TlsMaterial | null = null): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const port = Number(bound.slice(bound.lastIndexOf(':') + 1));
    const where = bound.startsWith('unix:')
      ? { socketPath: bound.slice('unix:'.length) }
      : { host: '127.0.0.1', port };
    const options = { ...where, path: url, agent: false };
    const request = tls === null ? httpRequest(options) : httpsRequest({ ...options, ...tls });
    request.on('response', resolve).on('error', reject).end();
  });
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of answer) text += String(piece);
  return text;
}

const asked = async (...args: Parameters<typeof ask>): Promise<string> =>
  textOf(await ask(...args));

/** A stream that is open; `goesOn` tells whether it still is, by using it. */
async function stream(...[bound, tls]: [string, (TlsMaterial | null)?]) {
  const answer = await ask(bound, '/stream', tls ?? null);
  answer.on('error', () => undefined);
  const end = new Promise<string>((resolve) => answer.once('close', () => resolve('ended')));
  await once(answer, 'data');
  const own = streams.at(-1);
  return {
    goesOn: async (): Promise<string> => {
      const piece = once(answer, 'data').then(([data]) => String(data));
      own?.write('on');
      return Promise.race([piece, end]);
    },
    end,
    tls: answer.socket,
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Somebody else's server. */
async function occupy(port: number): Promise<void> {
  const server = createServer((socket) => socket.end()).listen(port, '127.0.0.1');
  others.push(server);
  await once(server, 'listening');
}

describe('a change of listeners', () => {
  test('opens the new, closes the gone with their connections, and does not touch the others', async () => {
    expect(await listen([unix('kept'), unix('gone')])).toEqual([unix('kept'), unix('gone')]);
    const kept = await stream(unix('kept'));
    const gone = await stream(unix('gone'));
    const bound = await listen([unix('new'), unix('kept')]);
    expect(bound).toEqual([unix('new'), unix('kept')]);
    expect(await gone.end).toBe('ended');
    expect(await kept.goesOn()).toBe('on');
    expect(existsSync(path.join(dir, 'gone'))).toBe(false);
    expect(await asked(unix('new'))).toBe('answer');
    expect(await asked(unix('kept'))).toBe('answer');
  });

  test('is made wholly or not at all', async () => {
    const port = await freePort();
    await occupy(port);
    await listen([unix('kept'), unix('gone')]);
    const streamOfGone = await stream(unix('gone'));
    const change = listen([unix('kept'), unix('new'), `tcp:127.0.0.1:${port}`], { insecure: true });
    await expect(change).rejects.toThrow(
      `cannot listen on tcp:127.0.0.1:${port}: listen EADDRINUSE`,
    );
    expect(existsSync(path.join(dir, 'new'))).toBe(false);
    expect(await streamOfGone.goesOn()).toBe('on');
    expect(await asked(unix('kept'))).toBe('answer');
    expect(await asked(unix('gone'))).toBe('answer');
  });

  test('the same address twice is one listener, and any free port stays the one it is', async () => {
    const [bound, ...more] = await listen(['tcp:127.0.0.1:0', 'tcp:127.0.0.1:0'], {
      insecure: true,
    });
    expect(more).toEqual([]);
    expect(await listen(['tcp:127.0.0.1:0', unix('b')], { insecure: true })).toEqual([
      bound,
      unix('b'),
    ]);
  });

  test('another address on the port of one that goes takes it over, connections and all end', async () => {
    const port = await freePort();
    await listen([`tcp:0.0.0.0:${port}`], { insecure: true });
    const before = await stream(`tcp:127.0.0.1:${port}`);
    const bound = await listen([`tcp:127.0.0.1:${port}`], { insecure: true });
    expect(bound).toEqual([`tcp:127.0.0.1:${port}`]);
    expect(await before.end).toBe('ended');
    expect(await asked(`tcp:127.0.0.1:${port}`)).toBe('answer');
  });

  test('one that had to make room is there again when the change fails', async () => {
    const port = await freePort();
    await listen([`tcp:0.0.0.0:${port}`], { insecure: true });
    const before = await stream(`tcp:127.0.0.1:${port}`);
    const taken = await freePort();
    await occupy(taken);
    const change = listen([`tcp:127.0.0.1:${port}`, `tcp:127.0.0.1:${taken}`], { insecure: true });
    await expect(change).rejects.toThrow('EADDRINUSE');
    expect(await before.goesOn()).toBe('on');
    expect(await asked(`tcp:127.0.0.1:${port}`)).toBe('answer');
    expect(said).toEqual([]);
  });

  test('one that made room for two is there again when the change fails', async () => {
    const port = await freePort();
    await listen([`tcp:0.0.0.0:${port}`], { insecure: true });
    const taken = await freePort();
    await occupy(taken);
    const hosts = [`127.0.0.1:${port}`, `127.0.0.2:${port}`, `127.0.0.1:${taken}`];
    await expect(
      listen(
        hosts.map((host) => `tcp:${host}`),
        { insecure: true },
      ),
    ).rejects.toThrow('EADDRINUSE');
    expect(said).toEqual([]);
    expect(await asked(`tcp:0.0.0.0:${port}`)).toBe('answer');
  });

  test('makes a unix socket anew whose file is gone', async () => {
    await listen([unix('a'), unix('b')]);
    rmSync(path.join(dir, 'a'));
    expect(await listen([unix('a'), unix('b')])).toEqual([unix('a'), unix('b')]);
    expect(await asked(unix('a'))).toBe('answer');
  });

  test('leaves alone a unix socket that somebody else put in the place of one', async () => {
    await listen([unix('a')]);
    rmSync(path.join(dir, 'a'));
    const theirs = createServer((socket) => {
      // Whoever only looks whether somebody listens does not wait for it.
      socket.on('error', () => undefined).end('theirs');
    }).listen(path.join(dir, 'a'));
    others.push(theirs);
    await once(theirs, 'listening');
    await expect(listen([unix('a'), unix('b')])).rejects.toThrow('another process listens there');
    expect(existsSync(path.join(dir, 'b'))).toBe(false);
    await listen([unix('b')]);
    await set.close();
    const caller = connect(path.join(dir, 'a'));
    expect(String((await once(caller, 'data'))[0])).toBe('theirs');
  });

  test('that is asked for twice at once is made twice, one after the other', async () => {
    const changes = [listen([unix('a')]), listen([unix('b')]), listen([unix('b'), unix('c')])];
    await Promise.all(changes);
    expect(['a', 'b', 'c'].filter((name) => existsSync(path.join(dir, name)))).toEqual(['b', 'c']);
  });

  test('that is under way when all is closed leaves nothing open', async () => {
    const change = listen([unix('a')]);
    await Promise.resolve();
    await set.close();
    expect(await change).toEqual([unix('a')]);
    expect(existsSync(path.join(dir, 'a'))).toBe(false);
    await expect(listen([unix('a')])).rejects.toThrow('the API is closed');
  });
});

describe('closing', () => {
  test('answers who has asked, cuts streams, and ends connections that nobody uses', async () => {
    await listen([unix('a')]);
    const agent = new Agent({ keepAlive: true });
    const used = await new Promise<IncomingMessage>((resolve) => {
      httpRequest({ socketPath: path.join(dir, 'a'), agent }, resolve).end();
    });
    const idle = once(used.socket, 'close');
    expect(await textOf(used)).toBe('answer');
    const open = await stream(unix('a'));
    const answer = ask(unix('a'), '/slow');
    // Who came after it was answered, so that it has arrived as well.
    expect(await asked(unix('a'))).toBe('answer');
    expect(slow).toHaveLength(1);
    const closed = set.close();
    await idle;
    expect(await open.end).toBe('ended');
    slow[0]?.end('late');
    expect((await answer).headers.connection).toBe('close');
    expect(await textOf(await answer)).toBe('late');
    await closed;
    agent.destroy();
  });

  test('answers who was let in and asks only now, and nobody else', async () => {
    await listen([unix('a')]);
    const caller = connect(path.join(dir, 'a'));
    expect(await asked(unix('a'))).toBe('answer');
    const closed = set.close();
    caller.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    let text = '';
    for await (const piece of caller) text += String(piece);
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\nConnection: close\r\n[^]*answer/);
    await closed;
    await expect(ask(unix('a'))).rejects.toThrow('ENOENT');
  });

  test('sends an answer that is made to its end', async () => {
    await listen([unix('a')]);
    const answer = await ask(unix('a'), '/large');
    const closed = set.close();
    expect(await textOf(answer)).toHaveLength(large);
    await closed;
  });

  test('ends a connection on which nothing is asked', async () => {
    await listen([unix('a')]);
    const caller = connect(path.join(dir, 'a'));
    const ended = once(caller, 'close');
    expect(await asked(unix('a'))).toBe('answer');
    await set.close();
    await ended;
  });
});

describe('certificates', () => {
  const peerOf = (socket: unknown): string | undefined =>
    socket instanceof TLSSocket ? String(socket.getPeerCertificate().subject.CN) : undefined;

  test('new ones count for new connections; what is open goes on', async () => {
    const [bound = ''] = await listen(['tcp:127.0.0.1:0'], { tls: first });
    const open = await stream(bound, first);
    expect(peerOf(open.tls)).toBe('first');
    await listen(['tcp:127.0.0.1:0'], { tls: second });
    expect(await open.goesOn()).toBe('on');
    expect(peerOf((await stream(bound, second)).tls)).toBe('second');
    await expect(ask(bound, '/', first)).rejects.toThrow(/certificate/);
    await expect(ask(bound, '/', { ...first, ca: second.ca })).rejects.toThrow(
      /alert|ECONNRESET|hang up/,
    );
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'new ones are asked for also by a %s session that began with the old ones',
    async (maxVersion) => {
      const [bound = ''] = await listen(['tcp:127.0.0.1:0'], { tls: first });
      const resumed = async (session?: Buffer): Promise<[boolean, Buffer | undefined]> => {
        const port = Number(bound.slice(bound.lastIndexOf(':') + 1));
        const trusting = { ...first, rejectUnauthorized: false, maxVersion };
        const socket = tlsConnect({ host: '127.0.0.1', port, ...trusting, session });
        let latest: Buffer | undefined;
        socket.on('session', (each) => (latest = each));
        socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
        let text = '';
        socket.on('data', (piece) => (text += String(piece))).on('error', () => undefined);
        await new Promise((resolve) => socket.once('close', resolve));
        return [text.includes('answer'), latest];
      };
      const [isLetIn, session] = await resumed();
      expect([isLetIn, session === undefined]).toEqual([true, false]);
      expect((await resumed(session))[0]).toBe(true);
      await listen(['tcp:127.0.0.1:0'], { tls: second });
      expect((await resumed(session))[0]).toBe(false);
    },
  );

  test('that do not belong together are refused, and nothing changes', async () => {
    const [bound = ''] = await listen(['tcp:127.0.0.1:0'], { tls: first });
    const change = listen([unix('new')], { tls: { ...first, key: second.key } });
    await expect(change).rejects.toThrow(/^the certificates cannot be used: .*key values mismatch/);
    expect(await asked(bound, '/', first)).toBe('answer');
  });

  test('TCP changes between plain and TLS on the same port, and only TCP', async () => {
    const [bound = '', local = ''] = await listen(['tcp:127.0.0.1:0', unix('local')], {
      insecure: true,
    });
    const [plain, onSocket] = [await stream(bound), await stream(local)];
    expect(await listen(['tcp:127.0.0.1:0', unix('local')], { tls: first })).toEqual([
      bound,
      local,
    ]);
    expect(await plain.end).toBe('ended');
    expect(await onSocket.goesOn()).toBe('on');
    await expect(ask(bound)).rejects.toThrow(/ECONNRESET|hang up/);
    const secure = await stream(bound, first);
    await listen(['tcp:127.0.0.1:0', unix('local')], { insecure: true });
    expect(await secure.end).toBe('ended');
    expect(await asked(bound)).toBe('answer');
    expect(await onSocket.goesOn()).toBe('on');
  });

  test('without any, TCP is not kept either', async () => {
    const [bound = ''] = await listen(['tcp:127.0.0.1:0'], { tls: first });
    const open = await stream(bound, first);
    await expect(listen(['tcp:127.0.0.1:0'])).rejects.toThrow(
      'tcp:127.0.0.1:0 needs tls (ca, cert and key), or insecure: true to let everybody in who reaches it',
    );
    expect(await open.goesOn()).toBe('on');
  });
});

test.each<[string, string, () => Partial<ListenOptions>]>([
  ['a unix socket', 'unix', () => ({})],
  ['TCP', 'tcp', () => ({ insecure: true })],
  ['TLS', 'tcp', () => ({ tls: first })],
])('who does not finish its request on %s is not waited for', async (_, type, options) => {
  const impatient = { headersTimeout: 50, requestTimeout: 60, connectionsCheckingInterval: 10 };
  const own = new ListenerSet({ log, handle: (_req, res) => res.end(), impatient });
  const address = type === 'unix' ? unix('slow') : 'tcp:127.0.0.1:0';
  const all = { tls: null, insecure: false, socketMode: 0o600, socketGroup: '', inherited: [] };
  const [bound = ''] = await own.set([address], { ...all, ...options() });
  const { tls } = { ...all, ...options() };
  const port = Number(bound.slice(bound.lastIndexOf(':') + 1));
  const to = type === 'unix' ? { path: bound.slice('unix:'.length) } : { host: '127.0.0.1', port };
  const socket = tls === null ? connect(to) : tlsConnect({ ...to, ...tls });
  socket.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n');
  const [answer] = await once(socket, 'data');
  expect(String(answer)).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n/);
  socket.destroy();
  await own.close();
});
