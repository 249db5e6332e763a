import type { Revision } from '@muster/core';

/**
 * How far events were seen: everything of the revisions up to this one, or (with an index) only
 * the events of this one up to that index. Written `REVISION` or `REVISION.INDEX`.
 */
export interface Cursor {
  readonly revision: Revision;
  readonly index: number | null;
}

/** null: it is none. */
export function parseCursor(text: string): Cursor | null {
  const parts = /^(\d{1,15})(?:\.(\d{1,9}))?$/.exec(text);
  if (parts?.[1] === undefined) return null;
  const revision = Number(parts[1]);
  const index = parts[2] === undefined ? null : Number(parts[2]);
  return revision === 0 && index !== null ? null : { revision, index };
}

export function formatCursor({ revision, index }: Cursor): string {
  return index === null ? String(revision) : `${revision}.${index}`;
}
