import type { CallObserver, Clock, Log } from '@muster/core';
import { SystemdRefusedError, SystemdUnavailableError, backoffMs } from '@muster/core';
import { BusConnection } from './connection.ts';
import type { BusCall, BusSignal } from './connection.ts';

export interface BusOptions {
  readonly address: string;
  /** Match rules, added again on every new connection. */
  readonly matches: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** Must not throw. */
  readonly onSignal: (signal: BusSignal) => void;
  /** A connection is new: what was known before may be out of date. */
  readonly onConnected: () => void;
  readonly onLost: () => void;
  readonly observer?: BusObserver | undefined;
}

/** Told what goes on between this process and the message bus, for counting. Must not throw. */
export interface BusObserver {
  /** By the member that is called: `ListUnits`, `StartUnit`, `Get`, … */
  readonly call: CallObserver;
  readonly connected: () => void;
  readonly lost: () => void;
}

const busName = 'org.freedesktop.DBus';
const firstPauseMs = 100;
const longestPauseMs = 5_000;

/**
 * A message bus that is connected anew whenever the connection is lost, with growing pauses. A
 * call is never repeated: when its connection dies it fails, whether it was carried out or not.
 */
export class MessageBusLink {
  readonly #options: BusOptions;
  readonly #closing = new AbortController();
  #connection: Promise<BusConnection>;
  #current: BusConnection | null = null;
  readonly #done: Promise<void>;

  constructor(options: BusOptions) {
    this.#options = options;
    this.#connection = this.#connect();
    this.#done = this.#keepConnected();
  }

  /**
   * During the first attempt, and a new one that is under way, it waits for that; between two
   * attempts it fails at once.
   * @throws {SystemdUnavailableError}
   * @throws {SystemdRefusedError}
   */
  async call(call: BusCall): Promise<readonly unknown[]> {
    const ended = this.#options.observer?.call(call.member);
    try {
      const connection = this.#current ?? (await this.#connection);
      const answer = await connection.call(call);
      ended?.('ok');
      return answer;
    } catch (error) {
      ended?.(error instanceof SystemdRefusedError ? 'refused' : 'unanswered');
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#current?.close();
    await this.#done;
  }

  async #connect(): Promise<BusConnection> {
    const { address, matches, onSignal } = this.#options;
    const connection = openConnection(address, onSignal);
    const giveUp = (): void => connection.close();
    this.#closing.signal.addEventListener('abort', giveUp);
    try {
      await connection.ready();
      await Promise.all(matches.map((rule) => connection.call(addMatch(rule))));
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    } finally {
      this.#closing.signal.removeEventListener('abort', giveUp);
    }
  }

  async #keepConnected(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#closing;
    let failures = 0;
    while (!signal.aborted) {
      try {
        const connection = await this.#connection;
        failures = 0;
        await this.#use(connection);
      } catch (error) {
        if (signal.aborted) return;
        if (failures === 0) log.warn({ err: error }, 'the message bus cannot be reached');
      }
      failures += 1;
      await clock.sleep(backoffMs(failures, firstPauseMs, longestPauseMs), signal);
      if (!signal.aborted) this.#connection = this.#connect();
    }
  }

  /** Resolves when the connection is dead. */
  async #use(connection: BusConnection): Promise<void> {
    const { log, onConnected, onLost, observer } = this.#options;
    this.#current = connection;
    observer?.connected();
    if (this.#closing.signal.aborted) connection.close();
    else onConnected();
    const reason = await connection.down;
    this.#current = null;
    observer?.lost();
    if (this.#closing.signal.aborted) return;
    // Until the next attempt begins, callers get this reason.
    this.#connection = Promise.reject(reason);
    this.#connection.catch(() => undefined);
    log.warn({ err: reason }, 'the connection to the message bus was lost');
    onLost();
  }
}

function openConnection(address: string, onSignal: BusOptions['onSignal']): BusConnection {
  try {
    return new BusConnection({ address, onSignal });
  } catch (cause) {
    throw new SystemdUnavailableError(`the message bus address ${address} cannot be used`, {
      cause,
    });
  }
}

function addMatch(rule: string): BusCall {
  return {
    destination: busName,
    path: '/org/freedesktop/DBus',
    interface: busName,
    member: 'AddMatch',
    signature: 's',
    body: [rule],
  };
}
