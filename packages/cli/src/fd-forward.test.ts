import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { ProgramName } from './program-name.ts';
import { m1, useCliCluster } from './testing/cli-cluster.ts';
import type { Ended } from './testing/cli-cluster.ts';

jest.setTimeout(30_000);

const current = useCliCluster();
let other: Server;
let socketPath: string;
let serve: (socket: Socket) => void;

beforeEach(async () => {
  other = createServer({ allowHalfOpen: true }, (socket) => serve(socket));
  socketPath = path.join(current().dir, 'other.sock');
  other.listen(socketPath);
  await once(other, 'listening');
});
afterEach(() => other.close());

function forward(to = socketPath): ChildProcessByStdio<Writable, Readable, null> {
  return spawn(process.execPath, [current().program('musterctl'), 'fd-forward', to], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

async function textOf(stream: Readable): Promise<string> {
  let text = '';
  for await (const piece of stream) text += String(piece);
  return text;
}

test('what the other side says after the end of the input is not lost', async () => {
  const answer = 'x'.repeat(5_000_000);
  serve = (socket) => {
    let heard = '';
    socket.on('data', (piece) => (heard += piece.toString()));
    socket.once('end', () => socket.end(`${heard} ${answer}`));
  };
  const child = forward();
  child.stdin.end('all of it');
  expect(await textOf(child.stdout)).toBe(`all of it ${answer}`);
  expect(child.exitCode ?? (await once(child, 'exit'))[0]).toBe(0);
});

test('both sides are passed on as they come', async () => {
  const gone = new Promise<void>((resolve) => {
    serve = (socket) => {
      socket.on('data', (piece) => socket.write(`${piece.toString()}!`));
      socket.once('end', () => socket.end());
      socket.once('close', () => resolve());
    };
  });
  const child = forward();
  for (const word of ['one', 'two']) {
    child.stdin.write(word);
    expect(String((await once(child.stdout, 'data'))[0])).toBe(`${word}!`);
  }
  child.kill();
  await gone;
});

test('it ends when the other side does', async () => {
  serve = (socket) => socket.end('goodbye');
  const child = forward();
  expect(await textOf(child.stdout)).toBe('goodbye');
  expect(child.exitCode ?? (await once(child, 'exit'))[0]).toBe(0);
});

test('a request through a pipe has its answer', async () => {
  const child = forward(current().socket.slice('unix:'.length));
  child.stdin.end('GET /v1/machines HTTP/1.1\r\nHost: x\r\n\r\n');
  const answer = await textOf(child.stdout);
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(answer).toContain(m1);
});

test.each<[string, ProgramName, string[], Ended]>([
  [
    'no socket',
    'musterctl',
    ['/nope.sock'],
    {
      status: 3,
      out: '',
      err: 'error: cannot reach musterd at /nope.sock: there is no such socket (is musterd running?)\n',
    },
  ],
  [
    'no socket, as fleetctl',
    'fleetctl',
    ['/nope.sock'],
    {
      status: 1,
      out: '',
      err: 'cannot reach musterd at /nope.sock: there is no such socket (is musterd running?)\n',
    },
  ],
  [
    'no name of one',
    'musterctl',
    [],
    { status: 2, out: '', err: "error: missing required argument 'socket'\n" },
  ],
  [
    'too many names',
    'musterctl',
    ['/a', '/b'],
    {
      status: 2,
      out: '',
      err: "error: too many arguments for 'fd-forward'. Expected 1 argument but got 2.\n",
    },
  ],
])('%s is one sentence', async (_, program, args, expected) => {
  expect(await current().run(program, ['fd-forward', ...args], {})).toEqual(expected);
});

test("as fleetctl it stands in for fleet's own socket", async () => {
  const { err } = await current().fleetctl('fd-forward', '/var/run/fleet.sock');
  expect(err).toContain('musterd at /run/muster/muster.sock: there is no such socket');
});
