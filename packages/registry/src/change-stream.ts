import { backoffMs, StoreUnavailableError } from '@muster/core';
import type { ChangeBatch, Clock, Log, Revision } from '@muster/core';
import { decodeTransaction, splitTransactions } from './decode-changes.ts';
import type { StoreGuard } from './guard.ts';
import type { HistoryEnd } from './history-end.ts';
import type { Keys } from './keys.ts';
import { CompactedError, keyOf, revisionAt } from './store.ts';
import type { KeyEvent, Store } from './store.ts';
import { WatchReader } from './watch-reader.ts';

export interface ChangeStreamOptions {
  readonly store: Store;
  readonly guard: StoreGuard;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Log;
}

const maxRetryMs = 2000;
/** After so many keys, whatever else this process has to do gets its turn. */
const keysAtOnce = 100;

/**
 * One reading of all changes from a revision on. After an interruption it makes sure that the
 * store is still the same and goes on with the transaction after the last one it has handed out.
 */
export class ChangeStream {
  readonly #options: ChangeStreamOptions;
  readonly #end: HistoryEnd | null;
  /** The first revision that was not handed out. */
  #next: Revision;
  /** Interruptions in a row. */
  #failures = 0;
  #keysInTurn = 0;

  /** @param end - null: it never ends */
  constructor(options: ChangeStreamOptions, from: Revision, end: HistoryEnd | null) {
    this.#options = options;
    this.#next = from;
    this.#end = end;
  }

  /**
   * Ends when the signal aborts.
   * @throws {CompactedError} what comes next is no longer kept
   * @throws {StoreUntrustedError}
   */
  async *read(signal: AbortSignal): AsyncGenerator<ChangeBatch> {
    const { guard, clock, log } = this.#options;
    while (!signal.aborted && this.#end?.isReached() !== true) {
      try {
        if (this.#failures > 0) await guard.verify();
        yield* this.#watch(signal);
      } catch (error) {
        if (signal.aborted) return;
        const isOutage = error instanceof StoreUnavailableError;
        if (!isOutage || error instanceof CompactedError) throw error;
        this.#failures += 1;
        log.debug({ err: error, failures: this.#failures }, 'reading history was interrupted');
        await clock.sleep(backoffMs(this.#failures, 50, maxRetryMs), signal);
      }
    }
  }

  async *#watch(signal: AbortSignal): AsyncGenerator<ChangeBatch> {
    const { store, guard, keys, clock } = this.#options;
    const range = { range: keys.all, from: this.#next, withBefore: true };
    const opened = (revision: Revision): void => {
      // A member that lags behind, or a store that went back: a look at the newest tells.
      if (revision < this.#next - 1) guard.verify().catch((error) => reader.fail(error));
    };
    const reader = new WatchReader({ store, range, clock, opened });
    const unsubscribe = guard.onChange(() => this.#endWhenDistrusted(reader));
    const close = (): void => reader.close();
    signal.addEventListener('abort', close);
    if (signal.aborted) close();
    try {
      for (let read = await reader.next(); read !== null; read = await reader.next()) {
        this.#failures = 0;
        for (const transaction of splitTransactions(read.events)) {
          const batch = await this.#take(transaction);
          if (batch === null) return;
          yield batch;
          await this.#takeTurns(transaction.length);
          if (this.#end?.isReached() === true) return;
        }
        if (read.events.length === 0) yield this.#progress(read.revision);
      }
    } finally {
      reader.close();
      unsubscribe();
      signal.removeEventListener('abort', close);
    }
  }

  #endWhenDistrusted(reader: WatchReader): void {
    try {
      this.#options.guard.assertTrusted();
    } catch (error) {
      reader.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** null: it is past the end. */
  async #take(events: readonly KeyEvent[]): Promise<ChangeBatch | null> {
    const { guard, keys } = this.#options;
    const [first] = events;
    const revision = first === undefined ? this.#next : revisionAt(first);
    // Who wipes the store removes the cluster record as well. In history it may have been accepted.
    const isOfCluster = events.some((event) => keyOf(event) === keys.cluster);
    if (isOfCluster) await guard.verify();
    const batch = decodeTransaction(keys, revision, events);
    if (this.#end?.take(revision, events) === false) return null;
    this.#next = revision + 1;
    guard.seen(revision);
    return batch;
  }

  /** What has arrived is handed out without waiting for anything, and that can be much. */
  async #takeTurns(keys: number): Promise<void> {
    this.#keysInTurn += keys;
    if (this.#keysInTurn < keysAtOnce) return;
    this.#keysInTurn = 0;
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  #progress(revision: Revision): ChangeBatch {
    this.#next = Math.max(this.#next, revision + 1);
    return { revision: this.#next - 1, changes: [] };
  }
}
