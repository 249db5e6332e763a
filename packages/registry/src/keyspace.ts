import { backoffMs, StoreUnavailableError, StoreUntrustedError } from '@muster/core';
import type { Clock, Log, Revision } from '@muster/core';
import type { StoreGuard } from './guard.ts';
import { Listeners } from './listeners.ts';
import { sleepUnless } from './sleep.ts';
import { AnswerTooLargeError, CompactedError, get } from './store.ts';
import type { KeyEvent, KeyRange, Page, Store, StoredKey } from './store.ts';

/** `stored: null`: the key is gone. */
export interface Change {
  readonly key: string;
  readonly stored: StoredKey | null;
}

export interface KeyspaceOptions {
  readonly store: Store;
  readonly guard: StoreGuard;
  /** Disjoint; one of them holds the `cluster` key. */
  readonly ranges: readonly KeyRange[];
  readonly clusterKey: string;
  readonly clock: Clock;
  readonly log: Log;
  /**
   * Takes over changes, all those of a transaction at once and before anybody is told. It must
   * not throw.
   */
  readonly apply: (changes: readonly Change[]) => void;
  /** All ranges were read anew. */
  readonly onRead?: () => void;
}

interface Batch {
  readonly range: number;
  readonly events: readonly KeyEvent[];
  readonly revision: Revision;
}

type Revisions = Pick<StoredKey, 'createRevision' | 'modRevision'>;

const resyncMs = 5 * 60_000;
const maxRetryMs = 2000;
/** A stream that lived shorter than this has achieved nothing. */
const shortLivedMs = 1000;
/** After so many failed attempts to go on from where it was, everything is read again. */
const maxResumes = 3;
const pageSize = 1000;
const untrustedRetryMs = 5000;

/**
 * Some ranges of keys, read at one revision and kept current by a watch from the next one. After
 * an error it goes on from the last event it has got; after a compaction, or when that fails, and
 * every 5 minutes in any case (servers have lost watch events), it reads again and compares. What
 * it handed to `apply` stands while the store is away.
 */
export class Keyspace {
  readonly #options: KeyspaceOptions;
  readonly #entries = new Map<string, Revisions>();
  readonly #changed = new Listeners();
  readonly #over = new AbortController();
  /** For each range, the first revision that has not been delivered; empty before the first read. */
  #next: Revision[] = [];
  #revision: Revision = 0;
  #mustRead = true;
  #wasUntrusted = false;
  /** Streams in a row that opened and broke at once. */
  #shortLived = 0;
  #pageSize = pageSize;
  #syncedSince: number | null = null;
  #endStream: (() => void) | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(options: KeyspaceOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run(this.#over.signal);
  }

  /** Everything up to this revision has been applied; 0: nothing was read yet. */
  get revision(): Revision {
    return this.#revision;
  }

  /** Everything up to this revision has been applied in every range; 0: nothing was read yet. */
  get completeTo(): Revision {
    return this.#next.length === 0 ? 0 : Math.min(...this.#next) - 1;
  }

  /** Boot-clock ms since when the watch runs without interruption; null while it does not. */
  get syncedSince(): number | null {
    return this.#syncedSince;
  }

  /** After changes were applied, and when the watch begins or stops to run. */
  onChange(listener: () => void): () => void {
    return this.#changed.add(listener);
  }

  /** Reads everything again soon. */
  resync(): void {
    this.#mustRead = true;
    this.#endStream?.();
  }

  /** @throws {StoreUnavailableError} after `timeoutMs` or when closed meanwhile */
  async atLeast(revision: Revision, timeoutMs: number): Promise<void> {
    if (this.#isAt(revision)) return;
    const { clock } = this.#options;
    const done = new AbortController();
    const stop = [done.signal, this.#over.signal];
    const unsubscribe = this.onChange(() => {
      if (this.#isAt(revision)) done.abort();
    });
    await sleepUnless(clock, timeoutMs / 2, stop);
    // A revision that touched none of these ranges is never delivered: a read tells.
    if (!this.#isAt(revision) && this.#syncedSince !== null) this.resync();
    await sleepUnless(clock, timeoutMs / 2, stop);
    unsubscribe();
    if (this.#isAt(revision)) return;
    throw new StoreUnavailableError(
      `etcd: revision ${revision} was not seen within ${timeoutMs} ms (now at ${this.#revision})`,
    );
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.#running;
  }

  #isAt(revision: Revision): boolean {
    return this.#revision > 0 && this.#revision >= revision;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, log, guard } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      try {
        if (this.#mustRead) await this.#readOrAgain();
        else await guard.verify();
        await this.#follow(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        const began = this.#syncedSince;
        const hasLived = began !== null && clock.monotonic() - began > shortLivedMs;
        this.#setSynced(false);
        failures = hasLived ? 1 : failures + 1;
        if (hasLived) this.#shortLived = 0;
        else if (began !== null) this.#shortLived += 1;
        this.#learnFrom(error);
        if (failures === 1) log.warn({ err: error }, 'watching etcd was interrupted');
        else log.debug({ err: error, failures }, 'watching etcd failed again');
        const isUntrusted = error instanceof StoreUntrustedError;
        const pause = isUntrusted ? untrustedRetryMs : backoffMs(failures, 50, maxRetryMs);
        await clock.sleep(pause, signal);
      }
    }
  }

  #learnFrom(error: unknown): void {
    if (error instanceof AnswerTooLargeError) this.#pageSize = Math.max(10, this.#pageSize >> 1);
    if (error instanceof StoreUntrustedError) this.#wasUntrusted = true;
    const isLost = error instanceof CompactedError || error instanceof AnswerTooLargeError;
    if (isLost || this.#wasUntrusted || this.#shortLived > maxResumes) this.#mustRead = true;
  }

  async #readOrAgain(): Promise<void> {
    try {
      await this.#read();
    } catch (error) {
      this.#mustRead = true;
      throw error;
    }
  }

  /** Reads all ranges at one revision and applies what differs. */
  async #read(): Promise<void> {
    const { store, guard, ranges, clusterKey } = this.#options;
    this.#mustRead = false;
    const look = await guard.begin();
    const first = await store.txn({
      success: [look.get, ...ranges.map((range) => get(range, { limit: this.#pageSize }))],
    });
    await look.end(first.gets[0], first.revision);
    const fresh = new Map<string, StoredKey>();
    for (const [i, range] of ranges.entries()) {
      let page = first.gets[i + 1];
      while (page !== undefined) {
        for (const stored of page.keys) fresh.set(stored.key, stored);
        page = await this.#nextPage(page, range, first.revision);
      }
    }
    // The cluster key was made by this very look.
    if (!fresh.has(clusterKey)) return this.#read();
    // After a swap of stores equal revisions do not mean equal records.
    const trusted = this.#wasUntrusted ? new Map<string, Revisions>() : this.#entries;
    const changes = difference(trusted, this.#entries, fresh);
    this.#wasUntrusted = false;
    this.#shortLived = 0;
    this.#next = ranges.map(() => first.revision + 1);
    this.#options.onRead?.();
    this.#take(changes, first.revision);
  }

  async #nextPage(page: Page, range: KeyRange, revision: Revision): Promise<Page | undefined> {
    const last = page.keys.at(-1);
    if (!page.more || last === undefined) return undefined;
    const rest = { key: `${last.key}\0`, end: range.end };
    const { gets } = await this.#options.store.txn({
      success: [get(rest, { limit: this.#pageSize, revision })],
    });
    return gets[0];
  }

  /** Applies events until the stream ends; resolves when everything is to be read again. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const end = new AbortController();
    const stop = (): void => end.abort();
    this.#endStream = stop;
    signal.addEventListener('abort', stop);
    if (this.#mustRead || signal.aborted) stop();
    try {
      await Promise.race([this.#stream(end.signal), clock.sleep(resyncMs, end.signal)]);
    } finally {
      stop();
      signal.removeEventListener('abort', stop);
      this.#endStream = null;
    }
    this.#mustRead = true;
  }

  /** Resolves when `end` aborts; rejects when the stream fails. */
  #stream(end: AbortSignal): Promise<void> {
    const { store, ranges } = this.#options;
    return new Promise((resolve, reject) => {
      if (end.aborted) return resolve();
      const deliver = this.#deliverer(end, reject);
      const watch = store.watch(
        ranges.map((range, i) => ({ range, from: this.#next[i] ?? 0 })),
        {
          opened: (revision) => {
            if (revision >= Math.max(...this.#next) - 1) return this.#setSynced(true);
            this.#mustRead = true;
            reject(new StoreUnavailableError('etcd: its revision went back'));
          },
          events: (range, events, revision) => deliver({ range, events, revision }),
          failed: reject,
        },
      );
      end.addEventListener('abort', () => {
        watch.close();
        resolve();
      });
    });
  }

  /** Applies batches in order; one that removes keys only after another look at the store. */
  #deliverer(end: AbortSignal, fail: (error: unknown) => void): (batch: Batch) => void {
    const { guard, ranges } = this.#options;
    const backlog: Batch[] = [];
    let isBusy = false;
    const deliver = async (batch: Batch): Promise<void> => {
      // Whoever wipes the store removes the cluster key and these keys at once, but watches of
      // several ranges tell it one after the other.
      const isRemoving = batch.events.some((event) => event.type === 'delete');
      if (ranges.length > 1 && isRemoving) await guard.verify();
      if (end.aborted) return;
      this.#next[batch.range] = batch.revision + 1;
      guard.seen(batch.revision);
      this.#take(this.#relevant(batch.events), batch.revision);
    };
    const drain = async (): Promise<void> => {
      if (isBusy) return;
      isBusy = true;
      for (let batch = backlog.shift(); batch !== undefined; batch = backlog.shift()) {
        await deliver(batch);
      }
      isBusy = false;
    };
    return (batch) => {
      backlog.push(batch);
      drain().catch(fail);
    };
  }

  /** Leaves out what a read has already shown. */
  #relevant(events: readonly KeyEvent[]): Change[] {
    return events.flatMap((event): Change[] => {
      if (event.type === 'delete') {
        return this.#entries.has(event.key) ? [{ key: event.key, stored: null }] : [];
      }
      const { key, modRevision } = event.stored;
      const known = this.#entries.get(key)?.modRevision ?? 0;
      return modRevision > known ? [{ key, stored: event.stored }] : [];
    });
  }

  #take(changes: readonly Change[], revision: Revision): void {
    const { apply, guard, clusterKey } = this.#options;
    for (const { key, stored } of changes) {
      if (stored === null) this.#entries.delete(key);
      else {
        const { createRevision, modRevision } = stored;
        this.#entries.set(key, { createRevision, modRevision });
      }
    }
    const isProgress = revision > this.#revision;
    this.#revision = Math.max(this.#revision, revision);
    const cluster = changes.findLast((change) => change.key === clusterKey);
    if (cluster !== undefined) guard.observe(cluster.stored);
    if (changes.length > 0) apply(changes);
    if (changes.length > 0 || isProgress) this.#changed.call();
  }

  #setSynced(isSynced: boolean): void {
    if (isSynced === (this.#syncedSince !== null)) return;
    this.#syncedSince = isSynced ? this.#options.clock.monotonic() : null;
    this.#changed.call();
  }
}

/** What turns `before` into `after`; a key of `trusted` with the same revisions is left out. */
function difference(
  trusted: ReadonlyMap<string, Revisions>,
  before: ReadonlyMap<string, Revisions>,
  after: ReadonlyMap<string, StoredKey>,
): Change[] {
  const changes: Change[] = [];
  for (const key of before.keys()) if (!after.has(key)) changes.push({ key, stored: null });
  for (const [key, stored] of after) {
    const known = trusted.get(key);
    if (known?.modRevision !== stored.modRevision) changes.push({ key, stored });
    else if (known.createRevision !== stored.createRevision) changes.push({ key, stored });
  }
  return changes;
}
