import { Agent } from 'node:http';
import type { ClientRequest } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Endpoint } from './endpoint.ts';

/** What node:http calls on a connection, be it a socket or not. */
interface Connection extends Duplex {
  /** `timeout` is emitted after silence of this length; 0: never. */
  readonly setTimeout: (ms: number) => unknown;
  /** It is used again after it was idle. */
  readonly ref: () => unknown;
}

/** Another way to where an API is served than a socket of this system. */
export interface Dialer {
  /** For messages, e.g. `through admin@bastion`. */
  readonly via: string;
  /**
   * A stream to the endpoint's socket, or to its host and port. It carries bytes only, TLS is done
   * on it. It is returned before it is connected; why it could not be is the error it ends with.
   */
  readonly dial: (endpoint: Endpoint) => Connection;
}

/** The server closes a connection that has been idle for 5 s. */
const idleMs = 3000;

/**
 * Connections that are dear to make: each is kept for the next request, and requests that end soon
 * take turns. So a command has one connection, and one more for each stream it follows meanwhile.
 */
export class StreamAgent extends Agent {
  readonly #dial: () => Connection;
  readonly #secure: (stream: Connection) => Connection;
  readonly #idle = new Map<Duplex, NodeJS.Timeout>();
  #failure: Error | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param secure - puts TLS on a stream, or nothing */
  constructor(dial: () => Connection, secure: (stream: Connection) => Connection) {
    super({ keepAlive: true });
    this.#dial = dial;
    this.#secure = secure;
  }

  /** Why the newest connection broke; null: it has not. http says of it only that it did. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** Runs a request, from its sending to the end of its answer, when those before it are through. */
  inTurn<T>(run: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(run);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  override createConnection(): Duplex {
    const bytes = this.#dial();
    this.#failure = null;
    bytes.on('error', (error) => (this.#failure = error));
    const stream = this.#secure(bytes);
    stream.once('close', () => this.#endIdle(stream));
    return stream;
  }

  // The base class wants a net.Socket in this one.
  override keepSocketAlive(stream: Duplex): boolean {
    this.#idle.set(stream, setTimeout(() => stream.destroy(), idleMs).unref());
    return true;
  }

  /** The base class takes off what it watched the idle connection with; else that ends it (Node ≥ 22). */
  override reuseSocket(stream: Duplex, request: ClientRequest): void {
    this.#endIdle(stream);
    super.reuseSocket(stream, request);
  }

  #endIdle(stream: Duplex): void {
    clearTimeout(this.#idle.get(stream));
    this.#idle.delete(stream);
  }
}
