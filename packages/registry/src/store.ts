import { StoreUnavailableError } from '@muster/core';
import type { Revision } from '@muster/core';

/**
 * The store as the rest of this package sees it: etcd's model in our words. Two things implement
 * it, the adapter on etcd3 and the one in memory, so that everything above runs on both.
 */
export interface Store {
  /**
   * Reads and writes in one transaction, linearizable.
   * @throws {StoreUnavailableError} no answer: whether it was applied is not known
   * @throws {LeaseGoneError} a put names a lease that does not exist; nothing was applied
   * @throws {CompactedError} a get names a revision that is no longer kept
   * @throws {InvalidInputError} beyond etcd's limits; nothing was applied
   */
  txn(txn: Txn): Promise<TxnResult>;
  /** @param ttlSeconds — etcd may grant more (it has a minimum of about 2) */
  grantLease(ttlSeconds: number): Promise<{ readonly lease: string; readonly ttlSeconds: number }>;
  /**
   * One keepalive. @param attempt — how many before it have no answer yet (default 0): it goes by
   * way of another member than these, if there is one
   */
  renewLease(lease: string, deadlineMs: number, attempt?: number): Promise<Renewal>;
  /** Seconds a lease has left and was granted for; null: there is no such lease. */
  leaseLeft(
    lease: string,
  ): Promise<{ readonly leftSeconds: number; readonly grantedSeconds: number } | null>;
  /** Ends a lease and removes its keys. No error when there is none. */
  revokeLease(lease: string): Promise<void>;
  /** Forgets revisions before this one. No error when that has been done already. */
  compact(revision: Revision): Promise<void>;
  /** Opens a stream of changes. It lives until it fails once or is closed; it never resumes. */
  watch(ranges: readonly WatchRange[], listener: WatchListener): Watch;
  close(): Promise<void>;
}

export interface Renewal {
  /** The new time to live; 0: there is no such lease. */
  readonly ttlSeconds: number;
  /** Of the member that answered, which may lag behind. */
  readonly revision: Revision;
  /** What was answered was sent so long after it was asked for: from then on the lease is proven. */
  readonly sentAfterMs: number;
}

/** `end: null`: this key alone; else all keys in [key, end). */
export interface KeyRange {
  readonly key: string;
  readonly end: string | null;
}

export interface StoredKey {
  readonly key: string;
  readonly value: string;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly lease: string | null;
}

/** A key that does not exist has revisions of 0 and the lease null. */
export type Compare =
  | { readonly target: 'create' | 'mod'; readonly key: string; readonly equals: Revision }
  | { readonly target: 'lease'; readonly key: string; readonly equals: string | null };

export interface Put {
  readonly type: 'put';
  readonly key: string;
  readonly value: string;
  readonly lease: string | null;
}

export interface Delete {
  readonly type: 'delete';
  readonly key: string;
}

export interface Get {
  readonly type: 'get';
  readonly range: KeyRange;
  /** At most so many keys, in their order; 0: all. */
  readonly limit?: number;
  /** Ordered by when they were written, the last one first, instead of by key. */
  readonly newestFirst?: boolean;
  /** Absent: the newest. */
  readonly revision?: Revision;
}

/** At most 128 compares, and 128 operations in each branch; no key is written twice. */
export interface Txn {
  readonly compare?: readonly Compare[];
  /** Done when every compare holds. */
  readonly success: readonly (Put | Delete | Get)[];
  /** Done when one does not. */
  readonly failure?: readonly Get[];
}

export interface TxnResult {
  readonly succeeded: boolean;
  /** Of the store when this was applied; the mod revision of what it wrote. */
  readonly revision: Revision;
  /** One page for each get of the branch that was taken, in order. */
  readonly gets: readonly Page[];
}

export interface Page {
  readonly keys: readonly StoredKey[];
  readonly more: boolean;
  /** How many keys the range has, whatever the limit. */
  readonly count: number;
}

/**
 * `before`: the key as it was until then; null: it did not exist. Absent when it was not asked for
 * (see WatchRange), or when that revision is no longer kept.
 */
export type KeyEvent =
  | { readonly type: 'put'; readonly stored: StoredKey; readonly before?: StoredKey | null }
  | {
      readonly type: 'delete';
      readonly key: string;
      readonly modRevision: Revision;
      readonly before?: StoredKey | null;
    };

export interface WatchRange {
  readonly range: KeyRange;
  /** The first revision of interest. */
  readonly from: Revision;
  /** Events carry what the key was before. */
  readonly withBefore?: boolean;
}

export interface WatchListener {
  /** Every range is being watched. `revision` is the store's at that time. */
  opened(revision: Revision): void;
  /**
   * Changes of one range, complete up to `revision`, in order; those of one transaction are never
   * split. Empty: nothing happened in that range up to `revision`.
   */
  events(range: number, events: readonly KeyEvent[], revision: Revision): void;
  /** The stream is dead; nothing follows. A {CompactedError} means that `from` is no longer kept. */
  failed(error: Error): void;
}

export interface Watch {
  /** Nothing is called after this. */
  close(): void;
  /** After `opened`: no events come until `resume`; the store keeps them. It may fail meanwhile. */
  pause(): void;
  resume(): void;
}

/** The lease of a put does not exist (any more). */
export class LeaseGoneError extends StoreUnavailableError {}

/** A revision that was asked for is no longer kept. */
export class CompactedError extends StoreUnavailableError {
  /** The oldest revision that is kept, as far as the store said it. */
  readonly oldest: Revision | null;

  constructor(message: string, options: { cause?: unknown; oldest?: Revision } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.oldest = options.oldest ?? null;
  }
}

/** An answer was larger than this client takes; ask for less at once. */
export class AnswerTooLargeError extends StoreUnavailableError {}

export function oneKey(key: string): KeyRange {
  return { key, end: null };
}

/** All keys that begin with `prefix`, whose last character must not be U+FFFF. */
export function keysUnder(prefix: string): KeyRange {
  const last = prefix.length - 1;
  return {
    key: prefix,
    end: prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1),
  };
}

export function get(range: KeyRange, more: Omit<Get, 'type' | 'range'> = {}): Get {
  return { type: 'get', range, ...more };
}

export function isInRange(range: KeyRange, key: string): boolean {
  return range.end === null ? key === range.key : key >= range.key && key < range.end;
}

export function keyOf(event: KeyEvent): string {
  return event.type === 'put' ? event.stored.key : event.key;
}

/** The revision of the transaction that an event is of. */
export function revisionAt(event: KeyEvent): Revision {
  return event.type === 'put' ? event.stored.modRevision : event.modRevision;
}
