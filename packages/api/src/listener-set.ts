import { createServer as createHttpServer } from 'node:http';
import type {
  IncomingMessage,
  RequestListener,
  Server as HttpServer,
  ServerOptions,
  ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { isNativeError } from 'node:util/types';
import { InvalidInputError } from '@muster/core';
import type { Log } from '@muster/core';
import { Door, makeRoom } from './door.ts';
import type { InheritedSocket, SocketAccess } from './door.ts';
import type { TlsMaterial } from './forwarder.ts';
import { collide, covers, parseListenAddress, showListenAddress } from './listen-address.ts';
import type { ListenAddress } from './listen-address.ts';
import { answerOddRequests } from './odd-requests.ts';

export interface ListenOptions extends SocketAccess {
  /** For TCP: callers must show a certificate of this CA. null: none is asked for. */
  readonly tls: TlsMaterial | null;
  /** Allows TCP without TLS: whoever reaches the port is root on every machine. */
  readonly insecure: boolean;
  /** Sockets that listen already; served beside the addresses, or in the place of one. */
  readonly inherited: readonly InheritedSocket[];
}

export interface ListenerSetOptions {
  readonly handle: RequestListener;
  readonly log: Log;
  /** How long a request may take to arrive; for tests. Absent: node's defaults. */
  readonly impatient?: Pick<
    ServerOptions,
    'headersTimeout' | 'requestTimeout' | 'connectionsCheckingInterval'
  >;
}

/** By the address as it was asked for, or `fd:3`. */
type Doors = Map<string, Door>;

const minVersion = 'TLSv1.2';

/** Within it, a set that closes answers what it was asked. */
const graceMs = 1000;

/**
 * What the API listens on, and what is spoken there: HTTP on unix sockets, HTTPS on TCP or, where
 * that is allowed, HTTP. The two protocols are servers that do not listen themselves, so that a
 * listener can change to another one, and certificates can be renewed, while it goes on listening.
 */
export class ListenerSet {
  readonly #options: ListenerSetOptions;
  readonly #plain: HttpServer;
  #secure: HttpsServer | null = null;
  /** Doors whose TCP connections are TLS. */
  readonly #secured = new WeakSet<Door>();
  #doors: Doors = new Map();
  /** Answers that are not complete yet. */
  readonly #inHand = new Set<ServerResponse>();
  #isClosed = false;
  /** Changes are made one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ListenerSetOptions) {
    this.#options = options;
    const { impatient } = options;
    this.#plain = begin(createHttpServer({ ...impatient }, this.#handle), this.#handle);
  }

  /**
   * From now on it listens on exactly these, with these certificates; on an error nothing has
   * changed. A listener that was there before is not touched: its connections live on, those over
   * TLS with the certificates they began with. (A unix socket whose file is gone is made anew.) When TCP changes between HTTP and HTTPS, the
   * connections of the protocol that is over are ended.
   * @param addresses - `unix:/path` or `tcp:host:port` (port 0: any free one)
   * @returns where it listens: what was asked for, then inherited sockets that nobody asked for
   * @throws {InvalidInputError} saying what cannot be had and why
   */
  set(addresses: readonly string[], options: ListenOptions): Promise<readonly string[]> {
    const wanted = addresses.map(parseListenAddress);
    const turn = this.#last.then(() => this.#set(wanted, options));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /**
   * Ends all listeners and connections. Who has asked, or is about to on a connection that was taken
   * already, gets his answer within `graceMs`; what goes on for longer, as streams do, is cut at once,
   * so that nobody takes it for complete.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#last;
    const doors = [...this.#doors.values()];
    this.#doors = new Map();
    for (const res of this.#inHand) {
      if (res.headersSent && !res.writableEnded) res.destroy();
      else endConnectionAfter(res);
    }
    const closed = Promise.all(doors.map((door) => door.close(graceMs)));
    // To node a connection is free as soon as the end of an answer is written, not when it is sent.
    const sent = [...this.#inHand].filter(({ writableEnded }) => writableEnded);
    await Promise.all(sent.map((res) => new Promise((done) => res.once('close', done))));
    // They end the connections that are between two requests, and their own timers.
    this.#plain.close();
    this.#secure?.close();
    await closed;
  }

  #handle = (req: IncomingMessage, res: ServerResponse): void => {
    this.#inHand.add(res);
    res.once('close', () => this.#inHand.delete(res));
    if (this.#isClosed) endConnectionAfter(res);
    this.#options.handle(req, res);
  };

  async #set(wanted: readonly ListenAddress[], options: ListenOptions): Promise<readonly string[]> {
    if (this.#isClosed) throw new InvalidInputError('the API is closed');
    const { tls } = options;
    if (tls !== null) this.#prepare(tls);
    const change = new Change(this.#doors, options, (isSecure) => this.#newDoor(isSecure));
    try {
      await change.inherit();
      await change.open(wanted);
    } catch (error) {
      await change.undo(this.#options.log);
      throw error;
    }
    const { doors } = change;
    const gone = [...this.#doors].filter(([key]) => !doors.has(key)).map(([, door]) => door);
    this.#doors = doors;
    if (tls !== null) this.#secure?.setSecureContext({ ...tls, minVersion });
    for (const door of doors.values()) this.#secureTcp(door, tls !== null);
    await Promise.all(gone.map((door) => door.close()));
    return [...doors.values()].map(shown);
  }

  /** Whatever can be wrong with certificates is found here. @throws {InvalidInputError} */
  #prepare(tls: TlsMaterial): void {
    const demands = { requestCert: true, rejectUnauthorized: true, minVersion } as const;
    try {
      createSecureContext({ ...tls, minVersion });
      const { impatient } = this.#options;
      this.#secure ??= begin(
        createHttpsServer({ ...impatient, ...tls, ...demands }, this.#handle),
        this.#handle,
      );
    } catch (cause) {
      const why = isNativeError(cause) ? cause.message : String(cause);
      throw new InvalidInputError(`the certificates cannot be used: ${why}`, { cause });
    }
  }

  #newDoor(isSecure: boolean): Door {
    const door = new Door({
      onConnection: (socket) => this.#take(door, socket),
      onError: (err) => this.#options.log.error({ err, listener: shown(door) }, 'listener'),
    });
    if (isSecure) this.#secured.add(door);
    return door;
  }

  #take(door: Door, socket: Socket): void {
    if (door.address?.type !== 'tcp' || !this.#secured.has(door)) {
      this.#plain.emit('connection', socket);
      return;
    }
    // Under TLS it is TLS that tells the end of what the caller says.
    socket.allowHalfOpen = false;
    this.#secure?.emit('connection', socket);
  }

  #secureTcp(door: Door, isSecure: boolean): void {
    if (door.address?.type !== 'tcp' || this.#secured.has(door) === isSecure) return;
    if (isSecure) this.#secured.add(door);
    else this.#secured.delete(door);
    door.endConnections();
  }
}

/** One change of a set's doors while it is being made: what is there in the end, and the way back. */
class Change {
  /** What there is afterwards; inherited ones come last. */
  doors: Doors = new Map();
  readonly #before: Doors;
  readonly #options: ListenOptions;
  readonly #newDoor: (isSecure: boolean) => Door;
  readonly #inherited: Doors = new Map();
  readonly #fresh: Door[] = [];
  readonly #shut = new Set<Door>();

  constructor(before: Doors, options: ListenOptions, newDoor: (isSecure: boolean) => Door) {
    this.#before = before;
    this.#options = options;
    this.#newDoor = newDoor;
  }

  async inherit(): Promise<void> {
    for (const socket of this.#options.inherited) {
      const key = `fd:${socket.fd}`;
      let door = this.#before.get(key);
      if (door === undefined) {
        door = this.#make();
        await door.adopt(socket);
      }
      if (door.address !== null)
        this.#refusePlainTcp(door.address, `, the inherited ${socket.name},`);
      this.#inherited.set(key, door);
    }
    this.doors = new Map(this.#inherited);
  }

  async open(wanted: readonly ListenAddress[]): Promise<void> {
    const opened: Doors = new Map();
    const keys = new Set(wanted.map(showListenAddress));
    for (const address of wanted) {
      const key = showListenAddress(address);
      this.#refusePlainTcp(address, '');
      if (opened.has(key) || this.#isInherited(address)) continue;
      const kept = this.#before.get(key);
      if (kept?.isReachable === false) await this.#giveUp(kept);
      opened.set(key, kept?.isReachable ? kept : await this.#openAt(address, keys));
    }
    this.doors = new Map([...opened, ...this.#inherited]);
  }

  async undo(log: Log): Promise<void> {
    await Promise.all(this.#fresh.map((door) => door.close()));
    for (const door of this.#shut) {
      await door.reopen().catch((err: unknown) => {
        log.error({ err, listener: shown(door) }, 'a listener was lost');
      });
    }
  }

  async #openAt(address: ListenAddress, keys: ReadonlySet<string>): Promise<Door> {
    // What is about to go, and is in the way, has to go first.
    for (const [key, door] of this.#before) {
      if (keys.has(key) || door.address === null || !collide(door.address, address)) continue;
      door.shut();
      this.#shut.add(door);
    }
    const door = this.#make();
    await door.open(address, this.#options);
    return door;
  }

  /** A unix socket that nobody finds any more is made anew, unless somebody else listens there by now. */
  async #giveUp(door: Door): Promise<void> {
    if (door.address?.type === 'unix') await makeRoom(door.address.path);
    door.shut();
  }

  #make(): Door {
    const door = this.#newDoor(this.#options.tls !== null);
    this.#fresh.push(door);
    return door;
  }

  #isInherited(address: ListenAddress): boolean {
    return [...this.#inherited.values()].some(
      (door) => door.address !== null && covers(door.address, address),
    );
  }

  #refusePlainTcp(address: ListenAddress, which: string): void {
    const { tls, insecure } = this.#options;
    if (address.type !== 'tcp' || tls !== null || insecure) return;
    throw new InvalidInputError(
      `${showListenAddress(address)}${which} needs tls (ca, cert and key), or insecure: true to let everybody in who reaches it`,
    );
  }
}

/**
 * What node does when a server begins to listen: from then on slow requests are timed out. And a
 * caller that closes its side after its request, as `nc -N` and `fd-forward` with a file for its
 * input do, still gets its answer; that option is not in node's documentation.
 */
function begin<T extends HttpServer | HttpsServer>(server: T, handle: RequestListener): T {
  server.emit('listening');
  answerOddRequests(server, handle);
  return Object.assign(server, { httpAllowHalfOpen: true });
}

/** Another request on this connection would find nobody. */
function endConnectionAfter(res: ServerResponse): void {
  const { socket } = res;
  if (res.headersSent) res.once('finish', () => socket?.destroySoon());
  else res.setHeader('Connection', 'close');
}

function shown(door: Door): string {
  return door.address === null ? 'unix:?' : showListenAddress(door.address);
}
