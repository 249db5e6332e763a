import type { Clock, Revision } from '@muster/core';
import type { KeyEvent, Store, Watch, WatchRange } from './store.ts';

export interface WatchedEvents {
  readonly events: readonly KeyEvent[];
  /** Complete up to here. */
  readonly revision: Revision;
}

export interface WatchReaderOptions {
  readonly store: Store;
  readonly range: WatchRange;
  readonly clock: Clock;
  /** Called with the store's revision when the range is being watched. */
  readonly opened: (revision: Revision) => void;
}

/** So many events may wait to be read before the store is asked to hold back. */
const maxWaiting = 2000;
/** Who does not read for so long does not make the store hold back, and hold on to it, any more. */
const patienceMs = 10_000;

/**
 * A watch of one range that is read at the reader's pace instead of the store's. When nothing is
 * read for long, the watch is let go: what has arrived can still be read, and then it is over.
 */
export class WatchReader {
  readonly #watch: Watch;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  readonly #waiting: WatchedEvents[] = [];
  #size = 0;
  /** Aborts when it is read on; null: it is not paused. */
  #pause: AbortController | null = null;
  #isLetGo = false;
  #failure: Error | null = null;
  #wake: () => void = () => undefined;

  constructor({ store, range, clock, opened }: WatchReaderOptions) {
    this.#clock = clock;
    this.#watch = store.watch([range], {
      opened,
      events: (_, events, revision) => this.#take({ events, revision }),
      failed: (error) => this.fail(error),
    });
  }

  /** Whatever has arrived is read first, then this error is thrown. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  close(): void {
    this.#over.abort();
    this.#pause?.abort();
    this.#watch.close();
    this.#wake();
  }

  /** @returns null when it was closed or let go @throws what the watch failed with */
  async next(): Promise<WatchedEvents | null> {
    for (;;) {
      if (this.#over.signal.aborted) return null;
      const first = this.#waiting.shift();
      if (first !== undefined) return this.#hand(first);
      if (this.#isLetGo) return null;
      if (this.#failure !== null) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #hand(first: WatchedEvents): WatchedEvents {
    this.#size -= first.events.length;
    if (this.#pause !== null && this.#waiting.length === 0) {
      this.#pause.abort();
      this.#pause = null;
      if (!this.#isLetGo) this.#watch.resume();
    }
    return first;
  }

  #take(batch: WatchedEvents): void {
    this.#waiting.push(batch);
    this.#size += batch.events.length;
    if (this.#pause === null && this.#size >= maxWaiting) {
      this.#pause = new AbortController();
      this.#watch.pause();
      void this.#letGoUnlessRead(this.#pause.signal);
    }
    this.#wake();
  }

  async #letGoUnlessRead(isRead: AbortSignal): Promise<void> {
    await this.#clock.sleep(patienceMs, isRead);
    if (isRead.aborted) return;
    this.#isLetGo = true;
    this.#watch.close();
  }
}
