import { StoreUnavailableError } from '@muster/core';
import type { VirtualClock } from '@muster/core/testing';
import type { Store, Txn, TxnResult, Watch, WatchListener, WatchRange } from '@muster/registry';
import type { Network } from './network.ts';
import type { SimProcess } from './process.ts';

/** As `registry`'s client has them. */
const callDeadlineMs = 2_000;

export interface LinkOptions {
  readonly machine: string;
  readonly process: SimProcess;
  /** The store as this process is connected to it. */
  readonly store: Store;
  readonly clock: VirtualClock;
  readonly network: Network;
  /** Told of each write that the store refused, whoever is told of it. */
  readonly refused: (keys: readonly string[]) => void;
}

/** A call on its way. */
interface Call<T> {
  readonly act: () => Promise<T>;
  /** Keys that it writes. */
  readonly writes: readonly string[];
}

const lost = Symbol('lost');

/** How one process reaches the store: every call and every event travels, and may get lost. */
export function linkTo(options: LinkOptions): Store {
  const { process, store } = options;
  const call = <T>(deadlineMs: number, act: () => Promise<T>): Promise<T> =>
    process.call(() => attempt(options, deadlineMs, { act, writes: [] }));
  return {
    txn: (txn) => process.call(() => attempt(options, callDeadlineMs, write(options, txn))),
    grantLease: (ttlSeconds) => call(callDeadlineMs, () => store.grantLease(ttlSeconds)),
    renewLease: (lease, ms) => call(ms, () => store.renewLease(lease, ms)),
    leaseLeft: (lease) => call(callDeadlineMs, () => store.leaseLeft(lease)),
    revokeLease: (lease) => call(callDeadlineMs, () => store.revokeLease(lease)),
    compact: (revision) => call(callDeadlineMs, () => store.compact(revision)),
    watch: (ranges, listener) => new LinkedWatch(options, ranges, listener).open(),
    close: () => Promise.resolve(),
  };
}

function write({ store, refused }: LinkOptions, txn: Txn): Call<TxnResult> {
  const writes = txn.success.flatMap((op) => (op.type === 'get' ? [] : [op.key]));
  const act = async (): Promise<TxnResult> => {
    const result = await store.txn(txn);
    if (!result.succeeded) refused(writes);
    return result;
  };
  return { act, writes };
}

/** One call of the client: what has no answer by its deadline may have been applied all the same. */
async function attempt<T>(options: LinkOptions, deadlineMs: number, call: Call<T>): Promise<T> {
  const { clock, network, machine } = options;
  const until = clock.monotonic() + deadlineMs;
  const way = network.wayOf(machine);
  if (network.refuses) {
    await pause(clock, Math.min(way.requestMs, deadlineMs));
    throw unavailable('it refuses connections');
  }
  const answer = carry(options, way, call);
  // It arrives, or not, after nobody waits for it any more.
  answer.catch(() => undefined);
  if (way.requestMs + way.answerMs < deadlineMs) {
    const value = await answer;
    if (value !== lost) return value;
  }
  await pause(clock, until - clock.monotonic());
  throw unavailable(`no answer within ${deadlineMs} ms`);
}

async function carry<T>(
  { clock, network, machine }: LinkOptions,
  way: ReturnType<Network['wayOf']>,
  { act, writes }: Call<T>,
): Promise<T | typeof lost> {
  const arriveLater = (): void => void act().catch(() => undefined);
  await pause(clock, way.requestMs);
  if (way.isRequestLost) return lost;
  if (!network.carries(machine, 'to-store')) {
    // It is sent again by the kernel, for whom nobody waits any more.
    network.hold(machine, arriveLater);
    return lost;
  }
  if (writes.length > 0 && network.catch(machine, writes, arriveLater) === 'held') return lost;
  // The client sends a call again when its connection breaks, not knowing what became of it.
  if (way.isSentTwice) await act().catch(() => undefined);
  const result = await act().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  await pause(clock, way.answerMs);
  if (way.isAnswerLost || !network.carries(machine, 'from-store')) return lost;
  if ('error' in result) throw result.error;
  return result.value;
}

/** What a watch tells; `lose`: an event that is never told, as etcd has been seen to do. */
class LinkedWatch implements Watch {
  readonly #options: LinkOptions;
  readonly #ranges: readonly WatchRange[];
  readonly #listener: WatchListener;
  readonly #queue: (() => void)[] = [];
  #inner: Watch | null = null;
  #isOver = false;
  #isPaused = false;
  /** Virtual ms before which nothing more arrives: what is told stays in order. */
  #busyUntil = 0;
  #forget: () => void = () => undefined;

  constructor(options: LinkOptions, ranges: readonly WatchRange[], listener: WatchListener) {
    this.#options = options;
    this.#ranges = ranges;
    this.#listener = listener;
  }

  open(): Watch {
    const { clock, network, machine, store, process } = this.#options;
    this.#forget = network.addWatch(machine, {
      fail: (reason) => this.#fail(unavailable(reason)),
      flush: () => this.#flush(),
    });
    const way = network.wayOf(machine);
    clock.after(way.requestMs, () => {
      if (this.#isOver || process.isDead) return;
      if (way.isRequestLost || !network.carries(machine, 'to-store')) return this.#failIn(5_000);
      this.#inner = store.watch(this.#ranges, {
        opened: (revision) => this.#arrive(() => this.#listener.opened(revision)),
        events: (range, events, revision) => {
          if (network.breaksNow(machine)) return this.#fail(unavailable('the connection broke'));
          const times = network.timesTold(machine);
          for (let time = 0; time < times; time += 1) {
            this.#arrive(() => this.#listener.events(range, events, revision));
          }
        },
        failed: (error) => this.#arrive(() => this.#fail(error)),
      });
    });
    return this;
  }

  close(): void {
    this.#isOver = true;
    this.#queue.length = 0;
    this.#forget();
    this.#inner?.close();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#flush();
  }

  #arrive(tell: () => void): void {
    const { clock, network, machine } = this.#options;
    const at = clock.monotonic() + network.wayOf(machine).answerMs;
    this.#busyUntil = Math.max(at, this.#busyUntil);
    clock.after(this.#busyUntil - clock.monotonic(), () => {
      this.#queue.push(tell);
      this.#flush();
    });
  }

  /** Tells what has arrived, unless the connection is cut or the watch hangs. */
  #flush(): void {
    const { network, machine, process } = this.#options;
    while (!this.#isOver && !this.#isPaused && network.tells(machine)) {
      const tell = this.#queue.shift();
      if (tell === undefined) return;
      process.tell(() => {
        if (!this.#isOver) tell();
      });
    }
  }

  #failIn(ms: number): void {
    this.#options.clock.after(ms, () => this.#fail(unavailable('a watch was not opened in time')));
  }

  #fail(error: Error): void {
    if (this.#isOver) return;
    this.close();
    this.#options.process.tell(() => this.#listener.failed(error));
  }
}

function pause(clock: VirtualClock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}

function unavailable(why: string): StoreUnavailableError {
  return new StoreUnavailableError(`the simulated etcd does not answer: ${why}`);
}
