import type { StoreChange } from './evidence.ts';
import { replay } from './replay.ts';
import type { StoreMoment } from './replay.ts';

/** A key that was written because somebody had asked for that. */
export interface RequestedWrite {
  readonly key: string;
  /** Of the request. */
  readonly id: string;
  readonly revision: number;
  /** When this run was told of it. */
  readonly seenAt: number;
}

/** Writes of units and metadata, oldest first. */
export function requestedWrites(changes: readonly StoreChange[]): RequestedWrite[] {
  return [...replay(changes)].flatMap(writesIn);
}

function writesIn({ changed }: StoreMoment): RequestedWrite[] {
  return changed.flatMap((change) => {
    const { key, record, revision, seenAt } = change;
    const isUnit = key.startsWith('unit/');
    if (!isUnit && !key.startsWith('machine-settings/')) return [];
    const origin =
      record === null ? destroyerOf(changed, key.slice('unit/'.length)) : record['origin'];
    return [{ key, id: askerIn(origin), revision, seenAt }];
  });
}

/** Who destroyed a unit is in the audit record of the same transaction. */
function destroyerOf(changed: readonly StoreChange[], unit: string): unknown {
  const destroyed = changed.find(({ key }) => key === 'audit')?.record?.['destroyed'];
  const entries: readonly unknown[] = Array.isArray(destroyed) ? destroyed : [];
  return entries.find((entry) => fieldOf(entry, 'unit') === unit);
}

function askerIn(origin: unknown): string {
  const by = fieldOf(origin, 'by');
  return typeof by === 'string' ? (by.split('@')[0] ?? by) : 'nobody knows';
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
