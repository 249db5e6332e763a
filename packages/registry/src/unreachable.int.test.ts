import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { EtcdStore } from './client.ts';

jest.setTimeout(60_000);

/** Listens, takes one connection and the next into its queue at most, and stands still. */
const deaf = `
  const server = require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    process.stdout.write(String(server.address().port), () => process.kill(process.pid, 'SIGSTOP'));
  });
`;

let child: ChildProcess;
let port: number;
const fillers: Socket[] = [];

beforeAll(async () => {
  child = spawn(process.execPath, ['-e', deaf], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout === null) throw new Error('it says nothing');
  port = Number(String((await once(child.stdout, 'data'))[0]));
  // What the queue holds is connected; from then on nobody answers, as when there is no network.
  for (let i = 0; i < 8; i += 1) fillers.push(connect(port, '127.0.0.1').on('error', () => {}));
  await waitFor('attempts that are not answered', () => attempts().size > 0);
});
afterAll(async () => {
  for (const socket of fillers) socket.destroy();
  const ended = once(child, 'close');
  child.kill('SIGKILL');
  await ended;
});

/** Local ports from which somebody tries to connect there (SYN_SENT in proc_net_tcp). */
function attempts(): ReadonlySet<string> {
  const target = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  const fields = lines.map((line) => line.trim().split(/\s+/));
  return new Set(
    fields.flatMap(([, local, remote, state]) =>
      remote === target && state === '02' && local !== undefined ? [local] : [],
    ),
  );
}

async function waitFor(what: string, isTrue: () => boolean): Promise<void> {
  const end = performance.now() + 30_000;
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`no ${what}; attempts: ${[...attempts()].join()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('where no connection comes about, another is attempted instead', async () => {
  const others = attempts();
  const store = new EtcdStore({ endpoints: [`http://127.0.0.1:${port}`] });
  const seen = new Set<string>();
  const isAnother = (): boolean => {
    for (const local of attempts()) if (!others.has(local)) seen.add(local);
    return seen.size > 1;
  };
  let isOver = false;
  const asking = (async () => {
    while (!isOver) await store.renewLease('1', 1000).catch(() => undefined);
  })();
  try {
    await waitFor('second attempt', isAnother);
  } finally {
    isOver = true;
    await asking;
    await store.close();
  }
});
