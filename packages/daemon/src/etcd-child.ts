import { spawn } from 'node:child_process';
import { get } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Log } from '@muster/core';

/**
 * Names of sockets, in the directory that etcd is started in. etcd wants a port on them and takes
 * `:0` into the file's name.
 */
export const clientSocket = 'client.sock:0';
const peerSocket = 'peer.sock:0';
export const etcdSockets = [clientSocket, peerSocket];

/** etcd insists on naming itself with an http address; one machine never calls its own. */
const nowhere = 'http://127.0.0.1:1';

const etcdArguments = [
  // What 3.4 has by default is gone in 3.5.
  ['--logger', 'zap'],
  ['--data-dir', 'data'],
  ['--listen-client-urls', `unix://${clientSocket}`],
  ['--advertise-client-urls', nowhere],
  ['--listen-peer-urls', `unix://${peerSocket}`],
  ['--initial-advertise-peer-urls', nowhere],
  ['--initial-cluster', `default=${nowhere}`],
].flat();

const keptLines = 10;

/** An etcd that was started. */
export interface EtcdChild {
  /** undefined: it could not be started; `exit` says why. */
  readonly pid: number | undefined;
  /** How it ended, a phrase such as `status 1`. Never rejects. */
  readonly exit: Promise<string>;
  /** The last lines of its log. */
  lastLines(): readonly string[];
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/**
 * Starts etcd with a directory of its own, listening on unix sockets in it and nowhere else. It
 * ends with this process, however that ends (setpriv of util-linux sees to it; Node cannot), and
 * not by Ctrl-C in the terminal: it has a session of its own, so that musterd can end first.
 */
export function spawnEtcd(directory: string, log: Log): EtcdChild {
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', 'etcd', ...etcdArguments], {
    cwd: directory,
    env: etcdEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const lines: string[] = [];
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      log.debug({ line }, 'etcd says');
      lines.push(line);
      if (lines.length > keptLines) lines.shift();
    });
  }
  const exit = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (status, signal) => resolve(signal ?? `status ${status}`));
  });
  return {
    pid: child.pid,
    exit,
    lastLines: () => [...lines],
    kill: (signal) => {
      // To end what has not been started may send the signal to our whole process group.
      if (child.pid !== undefined) child.kill(signal);
    },
  };
}

/** Nothing else is passed on: ETCD_… would configure it, NOTIFY_SOCKET let it speak for musterd. */
function etcdEnvironment(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { PATH: process.env['PATH'] };
  // etcd 3.4 refuses to run anywhere but on x64 unless it is told the architecture's name.
  return process.arch === 'x64' ? env : { ...env, ETCD_UNSUPPORTED_ARCH: process.arch };
}

/** Whether the etcd of a directory answers and has a leader. */
export function isHealthy(directory: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socketPath = join(directory, clientSocket);
    const request = get({ socketPath, path: '/health', agent: false, timeout: 2000 });
    request.once('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once('timeout', () => request.destroy());
    request.once('close', () => resolve(false));
    request.once('error', () => resolve(false));
  });
}
