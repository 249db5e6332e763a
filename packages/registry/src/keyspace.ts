import { backoffMs, StoreUnavailableError, StoreUntrustedError } from '@muster/core';
import type { Clock, Log, Revision } from '@muster/core';
import type { Contact } from './contact.ts';
import { changesIn, difference } from './difference.ts';
import type { Change, Revisions } from './difference.ts';
import type { StoreGuard } from './guard.ts';
import { Listeners } from './listeners.ts';
import { sleepUnless } from './sleep.ts';
import { AnswerTooLargeError, CompactedError, get, revisionAt } from './store.ts';
import type { KeyEvent, KeyRange, Page, Store, StoredKey } from './store.ts';
import { digestOf, digestOfPage, isSameDigest, isSilent, noteLag } from './watch-lag.ts';
import type { Lag } from './watch-lag.ts';

export interface KeyspaceOptions {
  readonly store: Store;
  readonly guard: StoreGuard;
  /** Disjoint; one of them holds the `cluster` key. */
  readonly ranges: readonly KeyRange[];
  readonly clusterKey: string;
  /** Tells how far the store is, whatever it is asked. */
  readonly contact: Pick<Contact, 'onRevision'>;
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

const resyncMs = 5 * 60_000;
const maxRetryMs = 2000;
/** A stream that lived shorter than this has achieved nothing. */
const shortLivedMs = 1000;
/** After so many failed attempts to go on from where it was, everything is read again. */
const maxResumes = 3;
const pageSize = 1000;
const untrustedRetryMs = 5000;
/** An event that the store has may be so long on its way. */
const onItsWayMs = 1000;

/**
 * Some ranges of keys, read at one revision and kept current by a watch from the next one. After
 * an error it goes on from the last event it has got; after a compaction, or when that fails, and
 * every 5 minutes in any case (servers have lost watch events), it reads again and compares. When
 * the store has moved on and the watch is silent, it asks for what has to be newest in its ranges,
 * and reads again if that differs. What it handed to `apply` stands while the store is away.
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
  /** How many reads of everything were begun; the number of the last one that was completed. */
  #readsBegun = 0;
  #lastRead = 0;
  #lag: Lag | null = null;
  #isLooking = false;
  #syncedSince: number | null = null;
  #endStream: (() => void) | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(options: KeyspaceOptions) {
    this.#options = options;
  }

  start(): void {
    const unsubscribe = this.#options.contact.onRevision((revision) => this.#hear(revision));
    this.#running = this.#run(this.#over.signal).finally(unsubscribe);
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

  /** Reads everything again soon. @returns the number of that reading, for `hasRead` */
  resync(): number {
    this.#mustRead = true;
    this.#endStream?.();
    return this.#readsBegun + 1;
  }

  /** Whether that reading is done, or a later one. */
  hasRead(reading: number): boolean {
    return this.#lastRead >= reading;
  }

  /** @throws {StoreUnavailableError} after `timeoutMs` or when closed meanwhile */
  async atLeast(revision: Revision, timeoutMs: number): Promise<void> {
    const isThere = (): boolean => this.#isAt(revision);
    if (await this.#comesTrue(isThere, timeoutMs / 2)) return;
    // A revision that touched none of these ranges is never delivered: a read tells.
    if (this.#syncedSince !== null) this.resync();
    if (await this.#comesTrue(isThere, timeoutMs / 2)) return;
    throw new StoreUnavailableError(
      `etcd: revision ${revision} was not seen within ${timeoutMs} ms (now at ${this.#revision})`,
    );
  }

  /** Reads everything again. @throws as `atLeast` */
  async refresh(timeoutMs: number): Promise<void> {
    const reading = this.resync();
    if (await this.#comesTrue(() => this.hasRead(reading), timeoutMs)) return;
    throw new StoreUnavailableError(`etcd: it could not be read anew within ${timeoutMs} ms`);
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.#running;
  }

  /** @returns false: not in time, or closed meanwhile */
  async #comesTrue(isTrue: () => boolean, timeoutMs: number): Promise<boolean> {
    if (isTrue()) return true;
    const done = new AbortController();
    const unsubscribe = this.onChange(() => {
      if (isTrue()) done.abort();
    });
    await sleepUnless(this.#options.clock, timeoutMs, [done.signal, this.#over.signal]);
    unsubscribe();
    return isTrue();
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
    this.#readsBegun += 1;
    const reading = this.#readsBegun;
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
    this.#lastRead = reading;
    this.#take(changes, first.revision);
    this.#changed.call();
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
      const next = this.#next[batch.range] ?? 0;
      this.#next[batch.range] = Math.max(next, batch.revision + 1);
      guard.seen(batch.revision);
      const fresh = batch.events.filter((event) => revisionAt(event) >= next);
      this.#take(changesIn(fresh, this.#entries), batch.revision);
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

  /** The store says how far it is. */
  #hear(revision: Revision): void {
    const now = this.#options.clock.monotonic();
    if (this.#next.length === 0 || this.#isLooking) return;
    this.#lag = noteLag(this.#lag, { revision, completeTo: this.completeTo, now });
    if (!isSilent(this.#lag, now)) return;
    this.#lag = null;
    this.#isLooking = true;
    void this.#look().finally(() => {
      this.#isLooking = false;
    });
  }

  /** Asks whether there is something that the watch should have told, and reads again if so. */
  async #look(): Promise<void> {
    const { store, ranges, clock, log } = this.#options;
    try {
      const newest = ranges.map((range) => get(range, { limit: 1, newestFirst: true }));
      const { gets, revision } = await store.txn({ success: newest });
      const late = ranges.flatMap((_, i) => (this.#agrees(i, gets[i], revision) ? [] : [i]));
      if (late.length === 0) return;
      const before = [...this.#next];
      await clock.sleep(onItsWayMs, this.#over.signal);
      const isSilent = late.some((i) => this.#next[i] === before[i]);
      if (this.#over.signal.aborted || !isSilent) return;
      log.warn({ revision }, 'a watch of etcd has told nothing of what is stored: it is read anew');
      this.resync();
    } catch (error) {
      log.debug({ err: error }, 'could not look whether the watch of etcd is silent');
    }
  }

  /** Whether nothing is missing in a range. It is complete up to `revision` then. */
  #agrees(index: number, page: Page | undefined, revision: Revision): boolean {
    const range = this.#options.ranges[index];
    const next = this.#next[index] ?? 0;
    if (range === undefined || page === undefined || next > revision) return true;
    if (!isSameDigest(digestOf(range, this.#entries), digestOfPage(page))) return false;
    this.#next[index] = revision + 1;
    return true;
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
