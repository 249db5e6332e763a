import { HistoryCompactedError, InvalidInputError, StoreUnavailableError } from '@muster/core';
import type { ChangeBatch, History, HistoryQuery, HistoryReader, Revision } from '@muster/core';
import { ChangeStream } from './change-stream.ts';
import type { ChangeStreamOptions } from './change-stream.ts';
import { findHistoryEnd } from './history-end.ts';
import { CompactedError, get, oneKey } from './store.ts';

export interface StoreHistoryOptions extends ChangeStreamOptions {
  /** Aborts when the registry is closed. */
  readonly over: AbortSignal;
}

const oldestMs = 5000;

/**
 * The history that etcd keeps: a watch that begins in the past, with a stream of its own for each
 * reader. All keys are one range, because only then are the changes of a transaction together.
 */
export class StoreHistory implements History {
  readonly #options: StoreHistoryOptions;

  constructor(options: StoreHistoryOptions) {
    this.#options = options;
  }

  async open({ after: asked, follow, signal }: HistoryQuery): Promise<HistoryReader> {
    const until = await this.#newest();
    const after = asked === 'oldest' ? await this.#oldest() : asked === 'now' ? until : asked;
    if (after > until) {
      throw new InvalidInputError(`there is no revision ${after}, the newest is ${until}`);
    }
    const { store, keys } = this.#options;
    try {
      // A watch would say only later that it is no longer kept.
      const revision = Math.max(1, after);
      await store.txn({ success: [get(oneKey(keys.cluster), { revision })] });
      const end = follow ? null : await findHistoryEnd(store, keys.all, { after, until });
      const stream = new ChangeStream(this.#options, after + 1, end);
      return { after, batches: this.#read(stream, signal) };
    } catch (error) {
      throw await this.#explained(error);
    }
  }

  async *#read(stream: ChangeStream, asked: AbortSignal): AsyncGenerator<ChangeBatch> {
    const stop = new AbortController();
    const onAbort = (): void => stop.abort();
    const signals = [asked, this.#options.over];
    for (const signal of signals) signal.addEventListener('abort', onAbort);
    if (signals.some((signal) => signal.aborted)) onAbort();
    try {
      yield* stream.read(stop.signal);
    } catch (error) {
      throw await this.#explained(error);
    } finally {
      for (const signal of signals) signal.removeEventListener('abort', onAbort);
    }
  }

  async #explained(error: unknown): Promise<unknown> {
    if (!(error instanceof CompactedError)) return error;
    return new HistoryCompactedError(error.oldest ?? (await this.#oldest()), { cause: error });
  }

  /** The newest revision of a store that is trusted. */
  async #newest(): Promise<Revision> {
    const { store, guard } = this.#options;
    const look = await guard.begin();
    const { gets, revision } = await store.txn({ success: [look.get] });
    await look.end(gets[0], revision);
    return revision;
  }

  /**
   * The oldest revision that is kept. Only a watch that begins too early is told: here one of a
   * key that is there, so that either the refusal comes or, if nothing was ever forgotten, that
   * key's first event.
   */
  #oldest(): Promise<Revision> {
    const { store, keys, clock } = this.#options;
    const answered = new AbortController();
    return new Promise((resolve, reject) => {
      const watch = store.watch([{ range: oneKey(keys.cluster), from: 1 }], {
        opened: () => undefined,
        events: () => settle(() => resolve(1)),
        failed: (error) =>
          settle(() => {
            if (error instanceof CompactedError && error.oldest !== null) resolve(error.oldest);
            else reject(error);
          }),
      });
      const settle = (how: () => void): void => {
        how();
        answered.abort();
        watch.close();
      };
      void clock.sleep(oldestMs, answered.signal).then(() => {
        settle(() =>
          reject(new StoreUnavailableError('etcd: it does not say what it still keeps')),
        );
      });
    });
  }
}
