import type { Revision } from '@muster/core';
import type { KeyEvent, StoredKey } from './store.ts';

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

/** What events change in keys that are known: what a read has already shown is left out. */
export function changesIn(
  events: readonly KeyEvent[],
  entries: ReadonlyMap<string, Revisions>,
): Change[] {
  // Catching up, etcd tells at once of many revisions: a key may have come and gone.
  const seen = new Map<string, Revision>();
  const known = (key: string): Revision => seen.get(key) ?? entries.get(key)?.modRevision ?? 0;
  return events.flatMap((event): Change[] => {
    if (event.type === 'delete') {
      const { key } = event;
      const isThere = known(key) > 0;
      seen.set(key, 0);
      return isThere ? [{ key, stored: null }] : [];
    }
    const { key, modRevision } = event.stored;
    if (modRevision <= known(key)) return [];
    seen.set(key, modRevision);
    return [{ key, stored: event.stored }];
  });
}
