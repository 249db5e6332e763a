import type { StoredKey } from './store.ts';

/** `stored: null`: the key is gone. */
export interface Change {
  readonly key: string;
  readonly stored: StoredKey | null;
}

export type Revisions = Pick<StoredKey, 'createRevision' | 'modRevision'>;

/** What turns `before` into `after`; a key of `trusted` with the same revisions is left out. */
export function difference(
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
