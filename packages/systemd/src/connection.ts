import { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import { inspect } from 'node:util';
import { isNativeError } from 'node:util/types';
import { SystemdUnavailableError } from '@muster/core';
import { DBusError, Message, MessageFlag, MessageType, Variant, sessionBus } from 'dbus-next';
import type { MessageBus } from 'dbus-next';
import { busError } from './bus-errors.ts';

/** One method call. */
export interface BusCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  /** D-Bus signature of `body`; absent: no arguments. */
  readonly signature?: string;
  readonly body?: readonly unknown[];
  /** Blocks its receiver (daemon-reload): 30 s for it, and patience with the calls behind it. */
  readonly isSlow?: boolean;
}

export interface BusSignal {
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly body: readonly unknown[];
}

export interface ConnectionOptions {
  /** As DBUS_SESSION_BUS_ADDRESS has it, e.g. `unix:path=/run/dbus/system_bus_socket`. */
  readonly address: string;
  /** Called while a batch of messages is taken apart: it must not throw. */
  readonly onSignal: (signal: BusSignal) => void;
}

const callLimitMs = 5_000;
const slowLimitMs = 30_000;
const helloSerial = 1;

/**
 * A body as plain data: no Variant, no BigInt. 64-bit numbers become numbers (exact below 2^53);
 * the largest unsigned one, which systemd uses for "not set", becomes null. `ay` stays a Buffer.
 */
function plain(value: unknown): unknown {
  if (value instanceof Variant) return plain(value.value);
  if (typeof value === 'bigint') return value === 0xffff_ffff_ffff_ffffn ? null : Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

/** The body of a message; the walk is spared where the signature says that it is plain already. */
function plainBody(message: Message): readonly unknown[] {
  const body: readonly unknown[] = message.body;
  return /[vxt]/.test(message.signature) ? body.map(plain) : body;
}

/**
 * One connection to a message bus. It is used until it fails for the first time, and then it is
 * dead for good: all that was pending is rejected. Every call has a time limit, and a call that
 * exceeds it kills the connection.
 */
export class BusConnection {
  readonly #bus: MessageBus;
  readonly #inner: EventEmitter;
  readonly #stream: Socket;
  readonly #pending = new Set<(error: SystemdUnavailableError) => void>();
  readonly #down: Promise<SystemdUnavailableError>;
  #announceDown: (error: SystemdUnavailableError) => void = () => undefined;
  #failure: SystemdUnavailableError | null = null;
  #slowCalls = 0;

  /** Starts to connect. @throws when the address cannot be understood */
  constructor(options: ConnectionOptions) {
    this.#down = new Promise((resolve) => {
      this.#announceDown = resolve;
    });
    this.#bus = sessionBus({ busAddress: options.address });
    this.#bus.on('error', (error: unknown) => this.#fail(`its connection failed: ${text(error)}`));
    this.#bus.on('message', (message) => {
      if (message.type === MessageType.SIGNAL) options.onSignal(toSignal(message));
    });
    // dbus-next tells nobody when the other side closes the connection in order.
    this.#inner = requireInstance(Reflect.get(this.#bus, '_connection'), EventEmitter);
    this.#stream = requireInstance(Reflect.get(this.#inner, 'stream'), Socket);
    this.#inner.on('end', () => this.#fail('it closed the connection'));
    this.#stream.on('close', () => this.#fail('the connection was closed'));
    this.#guardHello();
  }

  /** Resolves with the reason once the connection is dead. Never rejects. */
  get down(): Promise<SystemdUnavailableError> {
    return this.#down;
  }

  /** Resolves when calls can be made. @throws {SystemdUnavailableError} */
  ready(): Promise<void> {
    return this.#limited('Hello', callLimitMs, (resolve) => {
      this.#bus.on('connect', resolve);
    });
  }

  /**
   * @returns the body of the answer, as plain data
   * @throws {SystemdUnavailableError} when there was no answer (the connection is then dead)
   * @throws {SystemdRefusedError} when the answer is an error
   */
  call(call: BusCall): Promise<readonly unknown[]> {
    const what = [call.member, ...(call.body ?? []).filter((item) => typeof item === 'string')];
    const described = what.join(' ');
    const isSlow = call.isSlow === true;
    if (isSlow) this.#slowCalls += 1;
    this.#batchWrites();
    const answer = this.#limited<readonly unknown[]>(
      described,
      isSlow ? slowLimitMs : callLimitMs,
      (resolve, reject) => {
        this.#bus.call(toMessage(call)).then(
          (reply) => resolve(reply === null ? [] : plainBody(reply)),
          (error: unknown) => reject(this.#translate(described, error)),
        );
      },
    );
    if (!isSlow) return answer;
    return answer.finally(() => {
      this.#slowCalls -= 1;
    });
  }

  /** Calls made in one turn of the event loop go out in one write, not in one each. */
  #batchWrites(): void {
    if (this.#stream.writableCorked > 0) return;
    this.#stream.cork();
    setImmediate(() => this.#stream.uncork());
  }

  close(): void {
    this.#fail('it was closed here');
  }

  /** What `begin` starts must settle within the limit, or the connection counts as dead. */
  #limited<T>(
    what: string,
    limitMs: number,
    begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => void,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#failure !== null) {
        reject(this.#failure);
        return;
      }
      const onTime = (): void => {
        // After a stall of this process the answer may have come: let it be read first.
        setImmediate(() => {
          if (!this.#pending.has(onDown)) return;
          if (this.#slowCalls > 0 && limitMs < slowLimitMs) timer = setTimeout(onTime, limitMs);
          else this.#fail(`${what} got no answer within ${limitMs / 1000} s`);
        });
      };
      let timer = setTimeout(onTime, limitMs);
      const settle = (): void => {
        clearTimeout(timer);
        this.#pending.delete(onDown);
      };
      const onDown = (error: SystemdUnavailableError): void => {
        settle();
        reject(error);
      };
      this.#pending.add(onDown);
      begin(
        (value) => {
          settle();
          resolve(value);
        },
        (error) => {
          settle();
          reject(error);
        },
      );
    });
  }

  #translate(what: string, error: unknown): unknown {
    if (error instanceof DBusError) return busError(what, { name: error.type, text: error.text });
    if (this.#stream.writable) return error;
    this.#fail(`the connection is closed: ${text(error)}`);
    return this.#failure;
  }

  /**
   * dbus-next answers a refused Hello (a bus at its limit of connections) with an unhandled
   * rejection, which ends the process: take that answer before it does.
   */
  #guardHello(): void {
    const handlers: unknown = Reflect.get(this.#bus, '_methodReturnHandlers');
    if (typeof handlers !== 'object' || handlers === null) return;
    const original: unknown = Reflect.get(handlers, helloSerial);
    if (typeof original !== 'function') return;
    Reflect.set(handlers, helloSerial, (reply: Message) => {
      if (reply.type === MessageType.ERROR) this.#fail(`it refused us: ${reply.errorName}`);
      else Reflect.apply(original, undefined, [reply]);
    });
  }

  #fail(reason: string): void {
    if (this.#failure !== null) return;
    const failure = new SystemdUnavailableError(`the message bus is not available: ${reason}`);
    this.#failure = failure;
    this.#stream.destroy();
    for (const reject of Array.from(this.#pending)) reject(failure);
    this.#announceDown(failure);
  }
}

function toMessage(call: BusCall): Message {
  return new Message({
    destination: call.destination,
    path: call.path,
    interface: call.interface,
    member: call.member,
    signature: call.signature ?? '',
    body: [...(call.body ?? [])],
    flags: MessageFlag.NO_AUTO_START,
  });
}

function toSignal(message: Message): BusSignal {
  return {
    path: message.path,
    interface: message.interface,
    member: message.member,
    body: plainBody(message),
  };
}

function text(error: unknown): string {
  return isNativeError(error) ? error.message : inspect(error);
}

function requireInstance<T>(value: unknown, type: abstract new (...args: never[]) => T): T {
  if (value instanceof type) return value;
  throw new Error(`dbus-next is not the version this was written for: no ${type.name} inside`);
}
