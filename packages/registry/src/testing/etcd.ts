import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { EtcdStore } from '../client.ts';

/** A real etcd of a test's own, in a directory that goes with it. */
export interface TestEtcd {
  readonly endpoint: string;
  /** SIGKILL; the data stays. */
  kill(): Promise<void>;
  /** After `kill`: the same etcd again, on the same data and endpoint. Resolves when it answers. */
  start(): Promise<void>;
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
  /** After `kill`: removes the data. */
  wipe(): Promise<void>;
  /** Ends it and removes its directory. */
  stop(): Promise<void>;
}

export interface TestEtcdOptions {
  /** `unix` (default): a socket in its directory. `tcp`: a free port of 127.0.0.1. */
  readonly listen?: 'unix' | 'tcp';
  /** Whether what is written reaches the disk before it is answered: slower. Default: it need not. */
  readonly fsync?: boolean;
}

const readyMs = 15_000;

/** Starts `etcd`, which must be on the PATH, and resolves when it answers. */
export async function startEtcd({
  listen = 'unix',
  fsync = false,
}: TestEtcdOptions = {}): Promise<TestEtcd> {
  const directory = await mkdtemp(path.join(tmpdir(), 'muster-etcd-'));
  const port = listen === 'tcp' ? await freePort() : 0;
  const url = port === 0 ? 'unix://client.sock:0' : `http://127.0.0.1:${port}`;
  const endpoint = port === 0 ? `unix:${directory}/client.sock:0` : url;
  let child: ChildProcess | null = null;
  const kill = async (): Promise<void> => {
    const ending = child;
    child = null;
    if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return;
    const ended = once(ending, 'exit');
    ending.kill('SIGKILL');
    await ended;
  };
  const start = async (): Promise<void> => {
    // etcd does not take over the sockets of one that was killed.
    for (const name of ['client.sock:0', 'peer.sock:0']) {
      await rm(path.join(directory, name), { force: true });
    }
    const started = launch(directory, url, fsync);
    child = started.child;
    await untilReady(endpoint, started);
  };
  const stop = async (): Promise<void> => {
    await kill();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    endpoint,
    kill,
    start,
    stop,
    signal: (name) => void child?.kill(name),
    wipe: () => rm(path.join(directory, 'data'), { recursive: true, force: true }),
  };
}

interface Launched {
  readonly child: ChildProcess;
  readonly output: () => string;
}

function launch(directory: string, url: string, fsync: boolean): Launched {
  const peer = 'unix://peer.sock:0';
  const flags = {
    name: 'test',
    'data-dir': 'data',
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `test=${peer}`,
    logger: 'zap',
    'log-level': 'warn',
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const child = spawn('etcd', fsync ? args : [...args, '--unsafe-no-fsync'], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-4000);
  });
  child.on('error', (error) => {
    output += error.message;
  });
  return { child, output: () => output };
}

async function untilReady(endpoint: string, { child, output }: Launched): Promise<void> {
  const store = new EtcdStore({ endpoints: [endpoint] });
  const until = Date.now() + readyMs;
  let problem: unknown = null;
  try {
    while (Date.now() < until && child.exitCode === null) {
      try {
        await store.txn({ success: [{ type: 'get', range: { key: '/ready', end: null } }] });
        return;
      } catch (error) {
        problem = error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  } finally {
    await store.close();
  }
  throw new Error(`etcd did not get ready: ${String(problem)}\n${output()}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
