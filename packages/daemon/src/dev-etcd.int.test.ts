// needs: etcd
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '@muster/core';
import { createClock } from './clock.ts';
import { startDevEtcd } from './dev-etcd.ts';
import type { DevEtcd } from './dev-etcd.ts';
import { isHealthy } from './etcd-child.ts';
import { identifyProcess, isRunning } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { startScript } from './test-process.ts';

const clock = createClock();
const never = new AbortController().signal;

let directory: string;
let said: string[];
const say = (_fields: object, message: string): void => void said.push(message);
const log: Log = { debug: say, info: say, warn: say, error: say };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'muster-etcd-'));
  said = [];
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((etcd) => etcd.stop()));
  await rm(directory, { recursive: true });
});

const started: DevEtcd[] = [];

async function start(): Promise<DevEtcd> {
  const etcd = await startDevEtcd({ directory, clock, log });
  started.push(etcd);
  return etcd;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = clock.monotonic() + 15_000;
  while (!(await holds())) {
    if (clock.monotonic() > deadline) {
      throw new Error(`waited 15 s until ${what}; log: ${[...new Set(said)].join(' | ')}`);
    }
    await clock.sleep(20, never);
  }
}

function recordedPid(): number {
  const text = readFileSync(join(directory, 'etcd/etcd.pid'), 'utf8');
  return Number(/"pid":(\d+)/.exec(text)?.[1]);
}

async function recorded(): Promise<ProcessIdentity> {
  const identity = await identifyProcess(recordedPid());
  if (identity === null) throw new Error(`etcd ${recordedPid()} is not running`);
  return identity;
}

test('it answers on a socket that only the owner reaches, listens on nothing else, and ends', async () => {
  const etcd = await start();
  expect(etcd.endpoint).toBe(`unix:${directory}/etcd/client.sock:0`);
  await expect(isHealthy(join(directory, 'etcd'))).resolves.toBe(true);
  expect((await stat(join(directory, 'etcd'))).mode & 0o777).toBe(0o700);
  const process = await recorded();
  const inodes = await socketInodes(process.pid);
  const tcp = ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((table) =>
    readFileSync(`/proc/${process.pid}/net/${table}`, 'utf8').split('\n').slice(1),
  );
  const open = tcp.filter((line) => inodes.has(line.trim().split(/\s+/)[9] ?? ''));
  expect(inodes.size).toBeGreaterThan(0);
  expect(open).toEqual([]);
  await etcd.stop();
  await etcd.exited;
  await expect(isRunning(process)).resolves.toBe(false);
});

async function socketInodes(pid: number): Promise<ReadonlySet<string>> {
  const inodes = new Set<string>();
  for (const name of await readdir(`/proc/${pid}/fd`)) {
    const target = await readlink(`/proc/${pid}/fd/${name}`).catch(String);
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  return inodes;
}

test('an etcd that dies is started again, with its data', async () => {
  const etcd = await start();
  const first = await recorded();
  process.kill(first.pid, 'SIGKILL');
  await until('another etcd answers', async () => {
    const healthy = await isHealthy(join(directory, 'etcd'));
    return healthy && recordedPid() !== first.pid;
  });
  expect(said).toContain('etcd ended; it is started again');
  await etcd.stop();
}, 20_000);

test('stopping while it is about to be started again ends it for good', async () => {
  const etcd = await start();
  const first = await recorded();
  process.kill(first.pid, 'SIGKILL');
  await until('its end was noticed', async () => said.includes('etcd ended; it is started again'));
  await etcd.stop();
  await expect(isHealthy(join(directory, 'etcd'))).resolves.toBe(false);
});

test('it ends with a musterd that is killed', async () => {
  const child = await musterd();
  const etcd = await recorded();
  child.kill('SIGKILL');
  await once(child, 'close');
  await until('the orphaned etcd has ended', async () => !(await isRunning(etcd)));
});

test('an etcd that was left over is ended first', async () => {
  await mkdir(join(directory, 'etcd'));
  // Stands for an etcd that does not heed SIGTERM: what matters is pid, start and directory.
  const script = 'trap "" TERM; echo deaf; while :; do sleep 0.1; done';
  const leftover = spawn('bash', ['-c', script], {
    cwd: join(directory, 'etcd'),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(leftover.stdout, 'data');
  const identity = await identifyProcess(leftover.pid ?? 0);
  await writeFile(join(directory, 'etcd/etcd.pid'), JSON.stringify(identity));
  const ended = once(leftover, 'close');
  const etcd = await start();
  await expect(ended).resolves.toEqual([null, 'SIGKILL']);
  expect(said).toContain('etcd of an earlier musterd still runs; it is ended');
  await etcd.stop();
}, 20_000);

test('a process that merely has the recorded pid is left alone', async () => {
  await mkdir(join(directory, 'etcd'));
  const identity = await identifyProcess(process.pid);
  await writeFile(join(directory, 'etcd/etcd.pid'), JSON.stringify(identity));
  const etcd = await start();
  await etcd.stop();
});

test('an etcd that cannot start shows its last lines', async () => {
  await mkdir(join(directory, 'etcd'));
  await writeFile(join(directory, 'etcd/data'), 'not a directory');
  await expect(start()).rejects.toThrow(
    /^etcd ended while it started \(status \d+\); its last lines were:\n(.|\n)*data/,
  );
});

test('no etcd: the package is named', async () => {
  const path = process.env['PATH'];
  await mkdir(join(directory, 'bin'));
  await symlink('/usr/bin/setpriv', join(directory, 'bin/setpriv'));
  process.env['PATH'] = join(directory, 'bin');
  try {
    await expect(start()).rejects.toThrow(
      'etcd is not installed; on Debian it is in the package etcd-server',
    );
  } finally {
    process.env['PATH'] = path;
  }
});

test('a path too long for a socket is refused before anything is made', async () => {
  const long = join(directory, 'x'.repeat(100));
  await expect(startDevEtcd({ directory: long, clock, log })).rejects.toThrow(
    `the state directory's path is too long for ${long}/etcd/client.sock:0: a unix socket's path has at most 107 bytes; set a shorter one with --state`,
  );
  await expect(readdir(directory)).resolves.toEqual([]);
});

/** A process that starts the etcd and waits to be killed. */
const musterd = () =>
  startScript(
    `import { startDevEtcd } from './dev-etcd.ts';
    import { createClock } from './clock.ts';
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    void startDevEtcd({ directory: ${JSON.stringify(directory)}, clock: createClock(), log })
      .then(() => process.stdout.write('started'));`,
    directory,
  );
