import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect } from 'node:net';
import path from 'node:path';
import { InvalidInputError } from '@muster/core';
import type { TlsMaterial } from './forwarder.ts';

export type ListenAddress =
  | { readonly type: 'unix'; readonly path: string }
  | { readonly type: 'tcp'; readonly host: string; readonly port: number };

export interface ListenOptions {
  /** For TCP listeners: callers must show a certificate of this CA. null: none is asked for. */
  readonly tls: TlsMaterial | null;
  /** Allows TCP without TLS: whoever reaches the port is root on every machine. */
  readonly insecure: boolean;
  /** Permissions of a unix socket. */
  readonly socketMode: number;
  /** Group that a unix socket is given to, if the machine has it and we may. */
  readonly socketGroup: string;
}

/** @param address - `unix:/path`, `tcp:host:port` or `tcp:[::1]:port` */
export function parseListenAddress(address: string): ListenAddress {
  const unix = /^unix:(?:\/\/)?(\/.+)$/.exec(address);
  if (unix?.[1] !== undefined) return { type: 'unix', path: unix[1] };
  const tcp = /^tcp:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/]+)):(\d{1,5})$/.exec(address);
  const host = tcp?.[1] ?? tcp?.[2];
  const port = Number(tcp?.[3]);
  if (host !== undefined && port <= 65_535) return { type: 'tcp', host, port };
  throw new InvalidInputError(
    `listen address "${address}" must be unix:/path/of/socket or tcp:host:port`,
  );
}

/**
 * Opens one listener.
 * @returns the server and the address it has, with the real port if 0 was asked for
 * @throws {InvalidInputError} when it may not or cannot listen there
 */
export async function openListener(
  address: ListenAddress,
  options: ListenOptions,
  handle: RequestListener,
): Promise<{ server: Server; bound: string }> {
  return address.type === 'unix'
    ? openUnix(address.path, options, handle)
    : openTcp(address, options, handle);
}

async function openUnix(
  socketPath: string,
  { socketMode, socketGroup }: ListenOptions,
  handle: RequestListener,
): Promise<{ server: Server; bound: string }> {
  mkdirSync(path.dirname(socketPath), { recursive: true, mode: 0o755 });
  await removeStaleSocket(socketPath);
  const server = hearOut(createHttpServer(handle));
  await listening(server, () => listenClosed(server, socketPath), `unix:${socketPath}`);
  const gid = findGroup(socketGroup);
  if (gid !== null && process.getuid?.() === 0) chownSync(socketPath, 0, gid);
  chmodSync(socketPath, socketMode);
  return { server, bound: `unix:${socketPath}` };
}

/**
 * A caller that closes its side after its request, as `nc -N` and `fd-forward` with a file for its
 * input do, still gets its answer. node has this as an option without a name in its documentation.
 */
function hearOut<T extends Server>(server: T): T {
  return Object.assign(server, { httpAllowHalfOpen: true });
}

/** Nobody may get in between listen and chmod; node binds a path before listen() returns. */
function listenClosed(server: Server, socketPath: string): void {
  const umask = process.umask(0o177);
  server.listen(socketPath);
  process.umask(umask);
}

async function openTcp(
  { host, port }: { host: string; port: number },
  { tls, insecure }: ListenOptions,
  handle: RequestListener,
): Promise<{ server: Server; bound: string }> {
  const shown = host.includes(':') ? `tcp:[${host}]` : `tcp:${host}`;
  if (tls === null && !insecure) {
    throw new InvalidInputError(
      `${shown}:${port} needs tls (ca, cert and key), or insecure: true to let everybody in who reaches it`,
    );
  }
  const server =
    tls === null
      ? createHttpServer(handle)
      : createHttpsServer(
          { ...tls, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' },
          handle,
        );
  hearOut(server);
  await listening(server, () => server.listen(port, host), `${shown}:${port}`);
  const bound = server.address();
  const realPort = typeof bound === 'object' && bound !== null ? bound.port : port;
  return { server, bound: `${shown}:${realPort}` };
}

function listening(server: Server, listen: () => void, shown: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (cause: Error): void => {
      reject(new InvalidInputError(`cannot listen on ${shown}: ${cause.message}`, { cause }));
    };
    server.once('error', onError);
    server.once('listening', () => {
      server.off('error', onError);
      resolve();
    });
    listen();
  });
}

/** A socket file that nobody listens on is what a crash leaves behind. */
async function removeStaleSocket(socketPath: string): Promise<void> {
  const stat = statSync(socketPath, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new InvalidInputError(
      `cannot listen on ${socketPath}: there is a file that is no socket`,
    );
  }
  if (await isAlive(socketPath)) {
    throw new InvalidInputError(`cannot listen on ${socketPath}: another process listens there`);
  }
  rmSync(socketPath, { force: true });
}

function isAlive(socketPath: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else reject(error);
    });
  });
}

/** Group id by name from group(5); null when there is no such group. */
function findGroup(name: string): number | null {
  const lines = readFileSync('/etc/group', 'utf8').split('\n');
  const fields = lines.map((line) => line.split(':')).find(([group]) => group === name);
  const gid = Number(fields?.[2]);
  return Number.isInteger(gid) ? gid : null;
}
