import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import path from 'node:path';
import { isNativeError } from 'node:util/types';
import { InvalidInputError } from '@muster/core';
import { showListenAddress } from './listen-address.ts';
import type { ListenAddress } from './listen-address.ts';

/** A socket that listens already, as sd_listen_fds(3) hands it over. */
export interface InheritedSocket {
  readonly fd: number;
  /** What it is called where it was made; for messages. */
  readonly name: string;
  /** Path of a unix socket; null: it is on TCP, or its path is not known. */
  readonly path: string | null;
}

export interface SocketAccess {
  /** Permissions of a unix socket. */
  readonly socketMode: number;
  /** Group that a unix socket is given to, if the machine has it and we may. */
  readonly socketGroup: string;
}

export interface DoorOptions {
  /** Takes every connection; what it does with it may change while the door is open. */
  readonly onConnection: (socket: Socket) => void;
  readonly onError: (error: Error) => void;
}

/** One listening socket and the connections that came through it, whatever is spoken on them. */
export class Door {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #address: ListenAddress | null = null;
  /** The file of a unix socket that was made here, as it was then. */
  #file: { readonly path: string; readonly made: Stats } | null = null;

  constructor({ onConnection, onError }: DoorOptions) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      onConnection(socket);
    });
    this.#server.on('error', (error) => {
      // Whoever wants to listen hears himself that he cannot.
      if (this.#server.listening) onError(error);
    });
  }

  /** Where it listens, with the real port if 0 was asked for; null: on a unix socket of unknown path. */
  get address(): ListenAddress | null {
    return this.#address;
  }

  /** Whether its address leads to it: not when somebody removed or replaced the file of a unix socket. */
  get isReachable(): boolean {
    if (this.#file === null) return true;
    const { path: socketPath, made } = this.#file;
    const found = statSync(socketPath, { throwIfNoEntry: false });
    const isIt = (name: 'dev' | 'ino' | 'birthtimeMs'): boolean => found?.[name] === made[name];
    return isIt('dev') && isIt('ino') && isIt('birthtimeMs');
  }

  /** @throws {InvalidInputError} when it cannot listen there */
  async open(address: ListenAddress, access: SocketAccess): Promise<void> {
    if (address.type === 'unix') await this.#openUnix(address.path, access);
    else await this.#openTcp(address);
  }

  /** Listens on a socket that does so already. @throws {InvalidInputError} when it is no such socket */
  async adopt({ fd, name, path: socketPath }: InheritedSocket): Promise<void> {
    await this.#listening(
      (server) => server.listen({ fd }),
      `the inherited socket ${name} (descriptor ${fd})`,
    );
    const at = this.#server.address();
    if (at !== null && typeof at === 'object') {
      this.#address = { type: 'tcp', host: at.address, port: at.port };
    } else this.#address = socketPath === null ? null : { type: 'unix', path: socketPath };
  }

  /** Takes no connection any more; those that are open live on. */
  shut(): void {
    if (!this.#server.listening) return;
    const end = (): void => void this.#server.close();
    if (this.#file === null || this.isReachable) end();
    else sparing(this.#file.path, end);
  }

  /** After `shut`: listens where it did. @throws {InvalidInputError} when somebody else does by now */
  async reopen(): Promise<void> {
    if (this.#address?.type === 'tcp') await this.#openTcp(this.#address);
  }

  endConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Resolves when nothing is left of it; connections that are open are ended after `graceMs`. */
  async close(graceMs = 0): Promise<void> {
    this.shut();
    const ended = new Promise<void>((resolve) => void this.#server.close(() => resolve()));
    const late = setTimeout(() => this.endConnections(), graceMs);
    await ended;
    clearTimeout(late);
  }

  async #openUnix(socketPath: string, { socketMode, socketGroup }: SocketAccess): Promise<void> {
    await makeRoom(socketPath);
    await this.#listening((server) => listenClosed(server, socketPath), `unix:${socketPath}`);
    this.#address = { type: 'unix', path: socketPath };
    this.#file = { path: socketPath, made: statSync(socketPath) };
    const gid = findGroup(socketGroup);
    if (gid !== null && process.getuid?.() === 0) chownSync(socketPath, 0, gid);
    chmodSync(socketPath, socketMode);
  }

  async #openTcp(address: { type: 'tcp'; host: string; port: number }): Promise<void> {
    const { host, port } = address;
    await this.#listening((server) => server.listen(port, host), showListenAddress(address));
    const at = this.#server.address();
    const realPort = typeof at === 'object' && at !== null ? at.port : port;
    this.#address = { type: 'tcp', host, port: realPort };
  }

  #listening(listen: (server: Server) => void, shown: string): Promise<void> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      const settle = (end: () => void): void => {
        server.off('error', onError);
        server.off('listening', onListening);
        end();
      };
      const fail = (cause: unknown): void => {
        const why = isNativeError(cause) ? cause.message : String(cause);
        reject(new InvalidInputError(`cannot listen on ${shown}: ${why}`, { cause }));
      };
      const onError = (cause: Error): void => settle(() => fail(cause));
      const onListening = (): void => settle(resolve);
      server.once('error', onError);
      server.once('listening', onListening);
      try {
        listen(server);
      } catch (cause) {
        settle(() => fail(cause));
      }
    });
  }
}

/** Nobody may get in between listen and chmod; node binds a path before listen() returns. */
function listenClosed(server: Server, socketPath: string): void {
  const umask = process.umask(0o177);
  server.listen(socketPath);
  process.umask(umask);
}

/** What node takes away with a socket, the file of its path, stays when it is somebody else's. */
function sparing(socketPath: string, close: () => void): void {
  const kept = `${socketPath}.kept-${process.pid}`;
  try {
    linkSync(socketPath, kept);
  } catch {
    // There is nothing to spare, or nowhere to put it.
    return close();
  }
  close();
  renameSync(kept, socketPath);
}

/**
 * A socket file that nobody listens on is what a crash leaves behind: it is removed.
 * @throws {InvalidInputError} when there is something else
 */
export async function makeRoom(socketPath: string): Promise<void> {
  mkdirSync(path.dirname(socketPath), { recursive: true, mode: 0o755 });
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
