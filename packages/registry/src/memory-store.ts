import { InvalidInputError, StoreUnavailableError } from '@muster/core';
import type { Clock, Revision } from '@muster/core';
import { MemoryLeases } from './memory-leases.ts';
import { CompactedError, isInRange, keyOf, LeaseGoneError } from './store.ts';
import type {
  Compare,
  Get,
  KeyEvent,
  Page,
  Store,
  StoredKey,
  Txn,
  TxnResult,
  Watch,
  WatchListener,
  WatchRange,
} from './store.ts';

interface OpenWatch {
  readonly owner: string;
  readonly ranges: readonly WatchRange[];
  readonly listener: WatchListener;
  /** Index in the history of what is delivered next. */
  position: number;
  isPaused: boolean;
}

interface Commit {
  readonly revision: Revision;
  readonly events: readonly KeyEvent[];
}

export interface MemoryStoreOptions {
  /** Leases end by it. Absent: they last until they are told to expire. */
  readonly clock?: Pick<Clock, 'monotonic'>;
  /**
   * Told of each change as it is made, before anybody is answered.
   * `by`: who asked for it, as it was connected; null: nobody (a lease ended, a test wrote).
   */
  readonly onCommit?: (events: readonly KeyEvent[], revision: Revision, by: string | null) => void;
}

interface StoreBackup {
  readonly keys: readonly StoredKey[];
  readonly history: readonly Commit[];
  readonly revision: Revision;
}

const maxOps = 128;
/** That many revisions etcd tells in one answer. */
const mostCommitsAtOnce = 1000;

/**
 * An etcd in memory, shared by several machines. Everything is answered and delivered in later
 * microtasks, in order.
 */
export class MemoryStore {
  readonly #options: MemoryStoreOptions;
  #revision: Revision = 1;
  #compacted: Revision = 0;
  readonly #keys = new Map<string, StoredKey>();
  readonly #leases: MemoryLeases;
  readonly #watches = new Set<OpenWatch>();
  readonly #outages = new Set<string>();
  #isDown = false;
  /** Everything that ever happened; what was compacted is only not given out any more. */
  #history: Commit[] = [];
  /** Who asked for what is being done. */
  #by: string | null = null;

  constructor(options: MemoryStoreOptions = {}) {
    this.#options = options;
    this.#leases = new MemoryLeases(options.clock ?? null);
  }

  /** The store as one machine reaches it. */
  connect(owner: string): Store {
    return {
      txn: (txn) => this.#answer(owner, () => this.#txn(txn)),
      grantLease: (ttlSeconds) => this.#answer(owner, () => this.#leases.grant(owner, ttlSeconds)),
      renewLease: (lease) =>
        this.#answer(owner, () => ({
          ttlSeconds: this.#leases.renew(lease),
          revision: this.#revision,
          sentAfterMs: 0,
        })),
      leaseLeft: (lease) => this.#answer(owner, () => this.#leases.left(lease)),
      revokeLease: (lease) => this.#answer(owner, () => this.#endLeases([lease])),
      compact: (revision) => this.#answer(owner, () => this.compact(revision)),
      watch: (ranges, listener) =>
        this.#watch({ owner, ranges, listener, position: 0, isPaused: false }),
      close: () => Promise.resolve(),
    };
  }

  get revision(): Revision {
    return this.#revision;
  }

  /** Number of changes so far: for tests that nothing is written at rest. */
  get writes(): number {
    return this.#history.length;
  }

  /** Nobody, or (with a machine) only that one, gets answers; watches break. Until `false`. */
  outage(isOn: boolean, machine?: string): void {
    if (machine === undefined) this.#isDown = isOn;
    else if (isOn) this.#outages.add(machine);
    else this.#outages.delete(machine);
    for (const watch of this.#watches) {
      if (this.#isAway(watch.owner)) this.#break(watch, unavailable());
    }
  }

  /** Every lease that this machine was granted has a second left, until it is renewed. */
  letLeaseRunOut(machine: string): void {
    this.#leases.runOut(machine);
  }

  /** Ends every lease that this machine was granted, with their keys: presence and leadership. */
  expireLease(machine: string): void {
    this.#endLeases(this.#leases.of(machine));
  }

  /** Ends the leases whose time is over, with their keys: etcd looks every half second. */
  expireOverdue(): void {
    const ids = this.#leases.overdue();
    if (ids.length > 0) this.#endLeases(ids);
  }

  /** Every lease lasts its whole time from now on, as when an etcd member begins to lead. */
  renewAll(): void {
    this.#leases.renewAll();
  }

  /** Writes a key directly, past everything: for records that do not parse. */
  put(key: string, value: string): void {
    this.#txn({ success: [{ type: 'put', key, value, lease: null }] });
  }

  value(key: string): string | null {
    return this.#keys.get(key)?.value ?? null;
  }

  /** What a new, empty etcd in the place of this one looks like. */
  wipe(): void {
    this.#keys.clear();
    this.#leases.clear();
    this.#history = [];
    this.#revision = 1;
    this.#compacted = 0;
    for (const watch of this.#watches) this.#break(watch, unavailable());
  }

  /** Everything it holds now. */
  backup(): StoreBackup {
    return {
      keys: [...this.#keys.values()],
      history: [...this.#history],
      revision: this.#revision,
    };
  }

  /** What a new etcd looks like that was made from a backup of this one. Leases are not in it. */
  restore({ keys, history, revision }: StoreBackup): void {
    this.wipe();
    for (const stored of keys) this.#keys.set(stored.key, stored);
    this.#history = [...history];
    this.#revision = revision;
  }

  /** Forgets revisions before this one. */
  compact(revision: Revision): void {
    this.#compacted = Math.max(this.#compacted, revision);
  }

  /** Breaks all watches, as a lost connection does. */
  breakWatches(): void {
    for (const watch of this.#watches) this.#break(watch, unavailable());
  }

  #isAway(owner: string): boolean {
    return this.#isDown || this.#outages.has(owner);
  }

  async #answer<T>(owner: string, act: () => T): Promise<T> {
    await Promise.resolve();
    if (this.#isAway(owner)) throw unavailable();
    this.#by = owner;
    try {
      return act();
    } finally {
      this.#by = null;
    }
  }

  #txn({ compare = [], success, failure = [] }: Txn): TxnResult {
    if (compare.length > maxOps || success.length > maxOps || failure.length > maxOps) {
      throw new InvalidInputError('the store refused a write: too many operations');
    }
    const succeeded = compare.every((one) => this.#holds(one));
    const ops = succeeded ? success : failure;
    const written = new Set<string>();
    for (const op of ops) {
      if (op.type === 'get') continue;
      if (written.has(op.key))
        throw new InvalidInputError('the store refused a write: duplicate key');
      written.add(op.key);
      const lease = op.type === 'put' ? op.lease : null;
      if (lease !== null && !this.#leases.has(lease)) {
        throw new LeaseGoneError('the lease does not exist any more');
      }
    }
    const revision = this.#revision + 1;
    const gets: Page[] = [];
    const events: KeyEvent[] = [];
    for (const op of ops) {
      if (op.type === 'get') gets.push(this.#get(op));
      else if (op.type === 'delete') events.push(...this.#delete(op.key, revision));
      else {
        const before = this.#keys.get(op.key) ?? null;
        const createRevision = before?.createRevision ?? revision;
        const { key, value, lease } = op;
        const stored = { key, value, lease, createRevision, modRevision: revision };
        this.#keys.set(key, stored);
        events.push({ type: 'put', stored, before });
      }
    }
    this.#commit(events);
    return { succeeded, revision: this.#revision, gets };
  }

  #get({ range, limit = 0, revision, newestFirst = false }: Get): Page {
    if (revision !== undefined && revision < this.#compacted) {
      throw this.#tooOld();
    }
    const found = this.#at(revision ?? this.#revision)
      .filter(({ key }) => isInRange(range, key))
      .sort((a, b) => (newestFirst ? b.modRevision - a.modRevision : a.key < b.key ? -1 : 1));
    const keys = limit === 0 ? found : found.slice(0, limit);
    return { keys, more: keys.length < found.length, count: found.length };
  }

  #at(revision: Revision): StoredKey[] {
    if (revision === this.#revision) return [...this.#keys.values()];
    const keys = new Map<string, StoredKey>();
    for (const commit of this.#history.filter((one) => one.revision <= revision)) {
      for (const event of commit.events) {
        if (event.type === 'put') keys.set(event.stored.key, event.stored);
        else keys.delete(event.key);
      }
    }
    return [...keys.values()];
  }

  #holds(compare: Compare): boolean {
    const stored = this.#keys.get(compare.key);
    switch (compare.target) {
      case 'create':
        return (stored?.createRevision ?? 0) === compare.equals;
      case 'mod':
        return (stored?.modRevision ?? 0) === compare.equals;
      case 'lease':
        return (stored?.lease ?? null) === compare.equals;
    }
  }

  #delete(key: string, modRevision: Revision): KeyEvent[] {
    const before = this.#keys.get(key);
    if (before === undefined) return [];
    this.#keys.delete(key);
    return [{ type: 'delete', key, modRevision, before }];
  }

  #endLeases(ids: readonly string[]): void {
    for (const id of ids) this.#leases.delete(id);
    const revision = this.#revision + 1;
    const lost = [...this.#keys.values()].filter(
      ({ lease }) => lease !== null && ids.includes(lease),
    );
    this.#commit(lost.flatMap(({ key }) => this.#delete(key, revision)));
  }

  #commit(events: readonly KeyEvent[]): void {
    if (events.length === 0) return;
    this.#revision += 1;
    this.#history.push({ revision: this.#revision, events });
    this.#options.onCommit?.(events, this.#revision, this.#by);
    for (const watch of this.#watches) this.#deliver(watch);
  }

  #watch(watch: OpenWatch): Watch {
    let isClosed = false;
    queueMicrotask(() => {
      if (isClosed) return;
      if (this.#isAway(watch.owner)) return watch.listener.failed(unavailable());
      if (watch.ranges.some(({ from }) => from < this.#compacted)) {
        return watch.listener.failed(this.#tooOld());
      }
      this.#watches.add(watch);
      watch.listener.opened(this.#revision);
      this.#deliver(watch);
    });
    return {
      pause: () => {
        watch.isPaused = true;
      },
      resume: () => {
        watch.isPaused = false;
        this.#deliver(watch);
      },
      close: () => {
        isClosed = true;
        this.#watches.delete(watch);
      },
    };
  }

  /** What it has missed, as etcd does: much at once, range by range, with the newest revision. */
  #deliver(watch: OpenWatch): void {
    queueMicrotask(() => {
      while (this.#watches.has(watch) && !watch.isPaused) {
        const commits = this.#history.slice(watch.position, watch.position + mostCommitsAtOnce);
        if (commits.length === 0) return;
        watch.position += commits.length;
        for (const [i, range] of watch.ranges.entries()) {
          this.#tell(watch, i, concerning(range, commits));
        }
      }
    });
  }

  #tell(watch: OpenWatch, index: number, commits: readonly Commit[]): void {
    const newest = commits.at(-1);
    if (newest === undefined || !this.#watches.has(watch)) return;
    if (commits.some(({ revision }) => revision < this.#compacted)) {
      return this.#break(watch, this.#tooOld());
    }
    const withBefore = watch.ranges[index]?.withBefore === true;
    const told = commits.flatMap(({ revision, events }) => {
      const isKept = withBefore && revision > this.#compacted;
      return events.map((event) => (isKept ? event : withoutBefore(event, withBefore)));
    });
    watch.listener.events(index, told, newest.revision);
  }

  #tooOld(): CompactedError {
    const oldest = this.#compacted;
    return new CompactedError('the store no longer keeps that revision', { oldest });
  }

  #break(watch: OpenWatch, error: Error): void {
    if (!this.#watches.delete(watch)) return;
    queueMicrotask(() => watch.listener.failed(error));
  }
}

/** What is to be told of a range. */
function concerning({ range, from }: WatchRange, commits: readonly Commit[]): Commit[] {
  return commits
    .filter(({ revision }) => revision >= from)
    .map(({ revision, events }) => ({
      revision,
      events: events.filter((event) => isInRange(range, keyOf(event))),
    }))
    .filter(({ events }) => events.length > 0);
}

/** @param wasAsked - what was before is no longer kept; that a key was just made is known still */
function withoutBefore(event: KeyEvent, wasAsked: boolean): KeyEvent {
  const { before, ...rest } = event;
  return wasAsked && before === null ? event : rest;
}

function unavailable(): StoreUnavailableError {
  return new StoreUnavailableError('the store does not answer (an outage was asked for)');
}
