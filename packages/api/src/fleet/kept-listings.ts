import { randomBytes } from 'node:crypto';
import type { Clock, Revision } from '@muster/core';
import { listingIdBytes } from './page-token.ts';
import type { Row } from './rows.ts';

export interface KeptListingsOptions {
  readonly clock: Clock;
  /** Ends the watch over their age. */
  readonly signal: AbortSignal;
}

export interface Listing {
  /** What was listed: a token of one listing is no token of another. */
  readonly what: string;
  /** Of the store. */
  readonly revision: Revision;
  /** Sorted by key. */
  readonly rows: readonly Row[];
}

interface Kept {
  readonly listing: Listing;
  lastUse: number;
}

const maxListings = 16;
const maxIdleMs = 60_000;

/**
 * Listings of which somebody has had the first page and may come for the next. At most 16, each for
 * at most two minutes after its last use; the one used longest ago goes first.
 */
export class KeptListings {
  readonly #options: KeptListingsOptions;
  /** In order of use, the latest last. */
  readonly #kept = new Map<string, Kept>();
  #isWatched = false;

  constructor(options: KeptListingsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** @returns an id that nobody can guess, in hex */
  keep(listing: Listing): string {
    const id = randomBytes(listingIdBytes).toString('hex');
    this.#kept.set(id, { listing, lastUse: this.#options.clock.monotonic() });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > maxListings && oldest !== undefined) this.#kept.delete(oldest);
    if (!this.#isWatched) void this.#watchAge();
    return id;
  }

  /** null: there is none of this id and kind (any more). */
  find(id: string, what: string): Listing | null {
    const kept = this.#kept.get(id);
    if (kept === undefined || kept.listing.what !== what || this.#isTooOld(kept)) return null;
    kept.lastUse = this.#options.clock.monotonic();
    this.#kept.delete(id);
    this.#kept.set(id, kept);
    return kept.listing;
  }

  /** The same listing of the same moment, made for somebody else; null: there is none. */
  made(what: string, revision: Revision): Listing | null {
    const found = [...this.#kept.values()].find(
      ({ listing }) => listing.what === what && listing.revision === revision,
    );
    return found?.listing ?? null;
  }

  drop(id: string): void {
    this.#kept.delete(id);
  }

  #isTooOld({ lastUse }: Kept): boolean {
    return this.#options.clock.monotonic() - lastUse >= maxIdleMs;
  }

  /** Frees what nobody comes back for. */
  async #watchAge(): Promise<void> {
    const { clock, signal } = this.#options;
    this.#isWatched = true;
    while (this.#kept.size > 0 && !signal.aborted) {
      await clock.sleep(maxIdleMs, signal);
      for (const [id, kept] of this.#kept) if (this.#isTooOld(kept)) this.#kept.delete(id);
    }
    this.#isWatched = false;
  }
}
