import { StoreUntrustedError } from '@muster/core';
import type { Clock, KnownStore, Log, Revision, Unsubscribe } from '@muster/core';
import { encodeCluster, parseCluster } from './codec.ts';
import type { Keys } from './keys.ts';
import { Listeners } from './listeners.ts';
import { get, oneKey } from './store.ts';
import type { Compare, Get, Page, Store, StoredKey } from './store.ts';

/** The layout of keys and records that this version reads and writes. */
const format = 1;
const saveEveryMs = 10_000;

export interface GuardOptions {
  readonly store: Store;
  readonly keys: Keys;
  readonly knownStore: KnownStore;
  readonly clock: Clock;
  readonly log: Log;
  /** A random id for the cluster, if this daemon is the one that makes it. */
  readonly newId: () => string;
}

interface Known {
  readonly clusterId: string;
  revision: Revision;
}

/**
 * Decides whether the store is the one this machine belongs to. An empty answer of a store that
 * was wiped, restored or swapped would otherwise read as "stop everything".
 */
export class StoreGuard {
  readonly #options: GuardOptions;
  readonly #listeners = new Listeners();
  #known: Known | null = null;
  #isLoaded = false;
  /** Create revision of the `cluster` key; null while it has not been seen in this process. */
  #fence: Revision | null = null;
  #distrust: StoreUntrustedError | null = null;
  #savedRevision: Revision = 0;
  #savedAt = Number.NEGATIVE_INFINITY;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** Called when trust was lost or came back. */
  onChange(listener: () => void): Unsubscribe {
    return this.#listeners.add(listener);
  }

  /** The highest revision that was seen; null: the store is not trusted, or was not seen yet. */
  revision(): Revision | null {
    return this.#distrust === null && this.#fence !== null ? (this.#known?.revision ?? null) : null;
  }

  /** false: nothing is touched. Before the first look it is true. */
  isTrusted(): boolean {
    return this.#distrust === null;
  }

  clusterId(): string | null {
    return this.#known?.clusterId ?? null;
  }

  /** @throws {StoreUntrustedError} */
  assertTrusted(): void {
    if (this.#distrust !== null) throw this.#distrust;
  }

  /** Makes sure that the store was looked at and is trusted. */
  async ensure(): Promise<void> {
    if (this.#fence === null || this.#distrust !== null) await this.verify();
  }

  /**
   * Looks at the store now; makes the `cluster` key when this machine never had a cluster.
   * @throws {StoreUntrustedError}
   * @throws {StoreUnavailableError}
   */
  async verify(): Promise<void> {
    const before = await this.begin();
    const { gets, revision } = await this.#options.store.txn({ success: [before.get] });
    await before.end(gets[0], revision);
  }

  /** In two halves, so that the look can be part of a larger read. */
  async begin(): Promise<{
    readonly get: Get;
    readonly end: (page: Page | undefined, revision: Revision) => Promise<void>;
  }> {
    await this.#load();
    // Taken before the read: an event that arrives during it may be newer than its answer.
    const floor = this.#known?.revision ?? 0;
    const { keys } = this.#options;
    return {
      get: get(oneKey(keys.cluster)),
      end: (page, revision) => this.#judge(page?.keys[0] ?? null, revision, floor),
    };
  }

  /** A compare for writes: fails when the store was swapped since it was looked at. */
  fence(): Compare {
    return { target: 'create', key: this.#options.keys.cluster, equals: this.#fence ?? 0 };
  }

  /** Takes note of a revision that the trusted store is known to have reached. */
  seen(revision: Revision): void {
    const known = this.#known;
    if (known === null || this.#distrust !== null || revision <= known.revision) return;
    known.revision = revision;
    const { clock } = this.#options;
    if (clock.monotonic() - this.#savedAt >= saveEveryMs) this.#saveSoon(known);
  }

  /** The `cluster` key changed while it was watched. */
  observe(stored: StoredKey | null): void {
    const isSettled = this.#known?.revision === Number.MAX_SAFE_INTEGER;
    const floor = isSettled ? Number.MAX_SAFE_INTEGER : 0;
    this.#settle(this.#problemWith(stored, Number.POSITIVE_INFINITY, floor));
    if (stored !== null && this.#distrust === null) this.#fence = stored.createRevision;
  }

  async close(): Promise<void> {
    if (this.#known !== null && this.#distrust === null) this.#saveSoon(this.#known);
    await this.#saving;
  }

  async #load(): Promise<void> {
    if (this.#isLoaded) return;
    const known = await this.#options.knownStore.load();
    // Another call may have been first, and may have learnt more meanwhile.
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    this.#known = known === null ? null : { ...known };
    this.#savedRevision = known?.revision ?? 0;
  }

  async #judge(stored: StoredKey | null, revision: Revision, floor: Revision): Promise<void> {
    if (stored === null && this.#known === null) {
      await this.#found();
      return;
    }
    if (stored !== null && revision < floor) this.#neverAgain();
    this.#settle(this.#problemWith(stored, revision, floor));
    this.assertTrusted();
    const record = stored === null ? null : parseCluster(stored);
    if (stored === null || record?.type !== 'parsed') return;
    this.#fence = stored.createRevision;
    if (this.#known === null) {
      this.#known = { clusterId: record.record.id, revision };
      this.#saveSoon(this.#known);
      await this.#saving;
    }
    this.seen(revision);
  }

  /**
   * A store whose revision went back stays distrusted, over restarts too, until an operator accepts
   * it: it will count past what was known, with other content.
   */
  #neverAgain(): void {
    if (this.#known === null || this.#known.revision === Number.MAX_SAFE_INTEGER) return;
    this.#known.revision = Number.MAX_SAFE_INTEGER;
    this.#saveSoon(this.#known);
  }

  /** Makes the `cluster` key, or adopts the one that somebody else made first. */
  async #found(): Promise<void> {
    const { store, keys, newId, log } = this.#options;
    const value = encodeCluster(newId(), format);
    const { succeeded } = await store.txn({
      compare: [{ target: 'create', key: keys.cluster, equals: 0 }],
      success: [{ type: 'put', key: keys.cluster, value, lease: null }],
    });
    if (succeeded) log.info({ key: keys.cluster }, 'made the cluster record of a new store');
    const { gets, revision } = await store.txn({ success: [get(oneKey(keys.cluster))] });
    const stored = gets[0]?.keys[0] ?? null;
    // Missing again: the store is being wiped under our hands; the next look decides.
    if (stored !== null) await this.#judge(stored, revision, 0);
    else throw new StoreUntrustedError(`etcd: ${keys.cluster} vanished right after it was made`);
  }

  #problemWith(stored: StoredKey | null, revision: Revision, floor: Revision): string | null {
    const { keys } = this.#options;
    if (stored === null) return `${keys.cluster} is missing: the store was wiped or is another one`;
    const parsed = parseCluster(stored);
    if (parsed.type === 'malformed') return `${keys.cluster} ${parsed.problem}`;
    const { id } = parsed.record;
    if (parsed.record.format > format) {
      return `the cluster's data has format ${parsed.record.format}, this version reads ${format}`;
    }
    if (this.#known !== null && id !== this.#known.clusterId) {
      return `it holds cluster ${id}, this machine belongs to ${this.#known.clusterId}`;
    }
    if (floor === Number.MAX_SAFE_INTEGER)
      return 'its revision went back some time ago: it was restored or is another one';
    if (revision < floor) {
      return `its revision went back from ${floor} to ${revision}: it was restored or is another one`;
    }
    return null;
  }

  #settle(problem: string | null): void {
    const before = this.#distrust;
    if (problem === null) this.#distrust = null;
    else if (before === null || !before.message.includes(problem)) {
      this.#distrust = new StoreUntrustedError(`the store is not trusted: ${problem}`);
      this.#options.log.error({ problem }, 'the store is not trusted; nothing is touched');
    }
    if ((before === null) !== (this.#distrust === null)) {
      if (problem === null) this.#options.log.info({}, 'the store is trusted again');
      this.#listeners.call();
    }
  }

  #saveSoon({ clusterId, revision }: Known): void {
    const { knownStore, clock, log } = this.#options;
    if (revision === this.#savedRevision) return;
    this.#savedAt = clock.monotonic();
    this.#savedRevision = revision;
    this.#saving = this.#saving
      .then(() => knownStore.save({ clusterId, revision }))
      .catch((err: unknown) => {
        this.#savedRevision = 0;
        log.error({ err }, 'could not note which store this machine belongs to');
      });
  }
}
