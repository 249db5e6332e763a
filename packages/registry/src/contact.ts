import type { Clock, Revision, StoreContact, Unsubscribe } from '@muster/core';
import { StoreUnavailableError } from '@muster/core';
import { AnswerTooLargeError, CompactedError, LeaseGoneError } from './store.ts';
import type { Store, Watch, WatchListener, WatchRange } from './store.ts';

/**
 * Whoever registers or leads renews a lease every 2 s. When no answer came for longer, this process
 * stood still or the machine slept, and what happened meanwhile is not known.
 */
const longestGapMs = 5_000;

/** Keeps book of whether the store answers, and passes on how far it says it is. */
export class Contact implements StoreContact {
  readonly #clock: Clock;
  readonly #onChange: (isUnbroken: boolean) => void;
  #since: number | null = null;
  #answeredAt: number | null = null;
  /** What was told last; null: nothing is known yet. */
  #isUnbroken: boolean | null = null;
  readonly #onRevision = new Set<(revision: Revision) => void>();

  /** @param onChange - told when the store answers again, or no longer; also the first time */
  constructor(clock: Clock, onChange: (isUnbroken: boolean) => void = () => undefined) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  unbrokenSince(): number | null {
    return this.#since;
  }

  answeredAt(): number | null {
    return this.#answeredAt;
  }

  answered(): void {
    const now = this.#clock.monotonic();
    const gapMs = now - (this.#answeredAt ?? now);
    this.#answeredAt = now;
    if (this.#since === null || gapMs > longestGapMs) this.#since = now;
    this.#tell(true);
  }

  broke(): void {
    this.#since = null;
    this.#tell(false);
  }

  /** Called with the store's revision as each answer tells it, the same or a new one. */
  onRevision(listener: (revision: Revision) => void): Unsubscribe {
    this.#onRevision.add(listener);
    return () => this.#onRevision.delete(listener);
  }

  #tell(isUnbroken: boolean): void {
    if (this.#isUnbroken === isUnbroken) return;
    this.#isUnbroken = isUnbroken;
    this.#onChange(isUnbroken);
  }

  /** Takes note of how a call ended. */
  async note<T>(call: Promise<T>): Promise<T> {
    try {
      const value = await call;
      this.answered();
      return value;
    } catch (error) {
      if (isAnswer(error)) this.answered();
      else this.broke();
      throw error;
    }
  }

  /** The same, of a call whose answer tells the store's revision. */
  async noteRevision<T extends { readonly revision: Revision }>(call: Promise<T>): Promise<T> {
    const value = await this.note(call);
    for (const listener of this.#onRevision) listener(value.revision);
    return value;
  }
}

/** Whether an error was said by the store, rather than being its silence. */
export function isAnswer(error: unknown): boolean {
  if (error instanceof LeaseGoneError || error instanceof CompactedError) return true;
  return error instanceof AnswerTooLargeError || !(error instanceof StoreUnavailableError);
}

/** The same store; every answer and every failure of it is noted. */
export function noting(contact: Contact, store: Store): Store {
  return {
    txn: (txn) => contact.noteRevision(store.txn(txn)),
    grantLease: (ttlSeconds) => contact.note(store.grantLease(ttlSeconds)),
    renewLease: (lease, deadlineMs) => contact.noteRevision(store.renewLease(lease, deadlineMs)),
    leaseLeft: (lease) => contact.note(store.leaseLeft(lease)),
    revokeLease: (lease) => contact.note(store.revokeLease(lease)),
    compact: (revision) => contact.note(store.compact(revision)),
    watch: (ranges, listener) => notingWatch(contact, store, ranges, listener),
    close: () => store.close(),
  };
}

function notingWatch(
  contact: Contact,
  store: Store,
  ranges: readonly WatchRange[],
  listener: WatchListener,
): Watch {
  return store.watch(ranges, {
    opened: (revision) => {
      contact.answered();
      listener.opened(revision);
    },
    events: (range, events, revision) => listener.events(range, events, revision),
    failed: (error) => {
      if (!isAnswer(error)) contact.broke();
      listener.failed(error);
    },
  });
}
