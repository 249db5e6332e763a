import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { backoffMs, MusterError } from '@muster/core';
import type { Clock, Log } from '@muster/core';
import { maxSocketPathBytes } from './config-values.ts';
import { clientSocket, etcdSockets, isHealthy, spawnEtcd } from './etcd-child.ts';
import type { EtcdChild } from './etcd-child.ts';
import { endLeftover, recordProcess } from './leftover-process.ts';

const startLimitMs = 30_000;
const stopLimitMs = 5000;
/** An etcd that ran for this long has not failed to start. */
const settledMs = 60_000;

/** The etcd of `--dev` could not be started. */
class DevEtcdError extends MusterError {
  readonly code = 'dev-etcd';
}

export interface DevEtcd {
  /** `unix:/…`: for clients on this machine that may enter the state directory. */
  readonly endpoint: string;
  /** Ends etcd and does not start it again. */
  stop(): Promise<void>;
  /** Resolves when etcd has ended after `stop`; until then it is started again whenever it ends. */
  readonly exited: Promise<void>;
}

export interface DevEtcdOptions {
  /** The state directory; etcd gets `etcd` in it, which only its owner may enter. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Starts an etcd for a cluster of one machine and resolves when it answers.
 * @throws {DevEtcdError} with the last lines of etcd's log when it ends or does not answer in 30 s
 */
export async function startDevEtcd(options: DevEtcdOptions): Promise<DevEtcd> {
  const { clock, log } = options;
  const directory = join(options.directory, 'etcd');
  const socket = join(directory, clientSocket);
  if (Buffer.byteLength(socket) > maxSocketPathBytes) {
    const limit = `a unix socket's path has at most ${maxSocketPathBytes} bytes`;
    throw new DevEtcdError(
      `the state directory's path is too long for ${socket}: ${limit}; set a shorter one with --state`,
    );
  }
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  const record = join(directory, 'etcd.pid');
  await endLeftover({ path: record, directory, clock, log });

  const launch = async (): Promise<EtcdChild> => {
    // An etcd that was killed leaves its sockets behind, and the next one cannot listen on them.
    for (const name of etcdSockets) await rm(join(directory, name), { force: true });
    const child = spawnEtcd(directory, log);
    if (child.pid !== undefined) await recordProcess(record, child.pid);
    return child;
  };
  const first = await launch();
  await untilHealthy(first, directory, clock);
  log.info({ directory, pid: first.pid }, 'etcd of this musterd answers');
  const stopping = new AbortController();
  const exited = supervise({ first, launch, clock, log, signal: stopping.signal });
  return {
    endpoint: `unix:${socket}`,
    stop: async () => {
      stopping.abort();
      await exited;
    },
    exited,
  };
}

async function untilHealthy(child: EtcdChild, directory: string, clock: Clock): Promise<void> {
  const ended = new AbortController();
  const exit = child.exit.then((how) => {
    ended.abort();
    return how;
  });
  const deadline = clock.monotonic() + startLimitMs;
  while (!ended.signal.aborted) {
    if (await isHealthy(directory)) return;
    if (clock.monotonic() > deadline) {
      await stopChild(child, clock);
      throw new DevEtcdError(sentence('did not answer within 30 s', child));
    }
    await clock.sleep(20, ended.signal);
  }
  const how = await exit;
  if (how.includes('ENOENT')) {
    throw new DevEtcdError(`setpriv cannot be run (${how}); it is part of util-linux`);
  }
  if (how === 'status 127') {
    throw new DevEtcdError('etcd is not installed; on Debian it is in the package etcd-server');
  }
  throw new DevEtcdError(sentence(`ended while it started (${how})`, child));
}

function sentence(what: string, child: EtcdChild): string {
  const lines = child.lastLines();
  if (lines.length === 0) return `etcd ${what} and logged nothing`;
  return [`etcd ${what}; its last lines were:`, ...lines].join('\n  ');
}

interface Supervision {
  readonly first: EtcdChild;
  readonly launch: () => Promise<EtcdChild>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Starts etcd again whenever it ends, later each time it fails soon; ends it when the signal aborts. */
async function supervise({ first, launch, clock, log, signal }: Supervision): Promise<void> {
  let child = first;
  let failures = 0;
  for (;;) {
    const startedAt = clock.monotonic();
    const how = await endOrAbort(child, signal);
    if (how === null) return stopChild(child, clock);
    failures = clock.monotonic() - startedAt > settledMs ? 1 : failures + 1;
    log.error({ how, lines: child.lastLines() }, 'etcd ended; it is started again');
    await clock.sleep(backoffMs(failures, 200, 10_000), signal);
    if (signal.aborted) return;
    try {
      child = await launch();
    } catch (err) {
      log.error({ err }, 'etcd could not be started again');
    }
  }
}

/** null: the signal aborted first. */
function endOrAbort(child: EtcdChild, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    const stop = (): void => resolve(null);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    void child.exit.then((how) => {
      signal.removeEventListener('abort', stop);
      resolve(how);
    });
  });
}

async function stopChild(child: EtcdChild, clock: Clock): Promise<void> {
  const ended = new AbortController();
  void child.exit.then(() => ended.abort());
  child.kill('SIGTERM');
  await clock.sleep(stopLimitMs, ended.signal);
  if (ended.signal.aborted) return;
  child.kill('SIGKILL');
  await child.exit;
}
