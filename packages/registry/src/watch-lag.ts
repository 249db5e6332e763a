import type { Revision } from '@muster/core';
import { isInRange } from './store.ts';
import type { KeyRange, Page, StoredKey } from './store.ts';

/** The store was said to be at a revision that a watch had not reached. */
export interface Lag {
  readonly revision: Revision;
  /** Boot-clock ms since when. */
  readonly since: number;
}

export interface Heard {
  /** What an answer of the store said. */
  readonly revision: Revision;
  /** Everything up to here is known. */
  readonly completeTo: Revision;
  /** Boot-clock ms. */
  readonly now: number;
}

/** A watch that tells nothing for so long may have died; or nothing of interest has happened. */
const silentMs = 5_000;

/** How far a watch lags behind, after one more answer of the store; null: it does not. */
export function noteLag(before: Lag | null, { revision, completeTo, now }: Heard): Lag | null {
  if (before !== null && completeTo < before.revision) return before;
  return revision > completeTo ? { revision, since: now } : null;
}

/** Whether it is time to ask the store if there is something that the watch should have told. */
export function isSilent(lag: Lag | null, now: number): boolean {
  return lag !== null && now - lag.since >= silentMs;
}

/** Tells the content of a range from any later one: whatever is written there changes one of the two. */
export interface Digest {
  readonly count: number;
  /** The greatest mod revision. */
  readonly newest: Revision;
}

export function digestOf(
  range: KeyRange,
  entries: ReadonlyMap<string, Pick<StoredKey, 'modRevision'>>,
): Digest {
  let count = 0;
  let newest = 0;
  for (const [key, { modRevision }] of entries) {
    if (!isInRange(range, key)) continue;
    count += 1;
    newest = Math.max(newest, modRevision);
  }
  return { count, newest };
}

/** @param page - the newest key of the range */
export function digestOfPage({ count, keys: [newest] }: Page): Digest {
  return { count, newest: newest?.modRevision ?? 0 };
}

export function isSameDigest(a: Digest, b: Digest): boolean {
  return a.count === b.count && a.newest === b.newest;
}
