import type { StoreChange } from './evidence.ts';

/** The store as one transaction left it. */
export interface StoreMoment {
  readonly revision: number;
  readonly changed: readonly StoreChange[];
  /** The leader's record before this transaction; null: nobody led. */
  readonly ledBy: StoreChange | null;
  /** By key, after it. Only valid until the next moment. */
  readonly records: ReadonlyMap<string, StoreChange>;
}

/** Goes through a history, one transaction after the other. */
export function* replay(changes: readonly StoreChange[]): Generator<StoreMoment> {
  const records = new Map<string, StoreChange>();
  let changed: StoreChange[] = [];
  for (const [i, change] of changes.entries()) {
    changed.push(change);
    if (changes[i + 1]?.revision === change.revision) continue;
    const ledBy = records.get('leader') ?? null;
    for (const each of changed) {
      if (each.record === null) records.delete(each.key);
      else records.set(each.key, each);
    }
    yield { revision: change.revision, changed, ledBy, records };
    changed = [];
  }
}
