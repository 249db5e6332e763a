import type { Revision } from '@muster/core';
import { get } from './store.ts';
import type { KeyEvent, KeyRange, Store } from './store.ts';

export interface HistoryEndFacts {
  /** What is read begins after this revision. */
  readonly after: Revision;
  /** The newest revision when the reading was opened. */
  readonly until: Revision;
  /** `after`, or the revision of the last write that can still be seen, if that is later. */
  readonly base: Revision;
  /** How many keys fewer there are at `until` than at `base`. */
  readonly gone: number;
}

/**
 * Knows when a reading that does not follow has got everything. A watch never says that nothing
 * more is coming, and the newest revision may belong to somebody else who uses the same store. But
 * a key that is there tells when it was written, and after the last of those writes keys can only
 * have gone: how many did is known by counting. What was both made and removed after that write is
 * not counted on and may be missed, so a reading has reached what it delivered, not `until`.
 */
export class HistoryEnd {
  readonly #facts: HistoryEndFacts;
  #delivered: Revision;
  #stillToGo: number;

  constructor(facts: HistoryEndFacts) {
    this.#facts = facts;
    this.#delivered = facts.after;
    this.#stillToGo = facts.gone;
  }

  isReached(): boolean {
    const { base, until } = this.#facts;
    return this.#delivered >= until || (this.#delivered >= base && this.#stillToGo === 0);
  }

  /** @returns false: this transaction came after the end */
  take(revision: Revision, events: readonly KeyEvent[]): boolean {
    const { base, until } = this.#facts;
    if (revision > until) return false;
    this.#delivered = revision;
    if (revision <= base) return true;
    for (const { type, before } of events) {
      if (type === 'delete') this.#stillToGo -= 1;
      else if (before === null) this.#stillToGo += 1;
    }
    return true;
  }
}

/** @throws {CompactedError} @throws {StoreUnavailableError} */
export async function findHistoryEnd(
  store: Store,
  range: KeyRange,
  { after, until }: { readonly after: Revision; readonly until: Revision },
): Promise<HistoryEnd> {
  const last = await store.txn({
    success: [get(range, { revision: until, limit: 1, newestFirst: true })],
  });
  const base = Math.max(after, last.gets[0]?.keys[0]?.modRevision ?? 0);
  const then = await store.txn({ success: [get(range, { revision: base, limit: 1 })] });
  const gone = (then.gets[0]?.count ?? 0) - (last.gets[0]?.count ?? 0);
  return new HistoryEnd({ after, until, base, gone });
}
