import type { ICompare, IEvent, IKeyValue, IRangeRequest, IRequestOp } from 'etcd3';
import type { Compare, Delete, Get, KeyEvent, KeyRange, Put, StoredKey } from './store.ts';

/** The store's words ↔ etcd's messages. */

/** An int64 from the wire. @throws {RangeError} beyond 2^53, which etcd's revisions never reach */
export function revisionOf(int64: string | number): number {
  const value = Number(int64);
  if (!Number.isSafeInteger(value)) throw new RangeError(`etcd revision ${int64} is out of range`);
  return value;
}

export function toStoredKey(kv: IKeyValue): StoredKey {
  return {
    key: kv.key.toString(),
    value: kv.value.toString(),
    createRevision: revisionOf(kv.create_revision),
    modRevision: revisionOf(kv.mod_revision),
    lease: kv.lease === '0' ? null : kv.lease,
  };
}

/** @param withBefore - the event was asked for with what the key was before */
export function toKeyEvent({ type, kv, prev_kv: prev }: IEvent, withBefore: boolean): KeyEvent {
  const before = withBefore ? toBefore(kv, prev) : {};
  if (type === 'Put') return { type: 'put', stored: toStoredKey(kv), ...before };
  return {
    type: 'delete',
    key: kv.key.toString(),
    modRevision: revisionOf(kv.mod_revision),
    ...before,
  };
}

function toBefore(kv: IKeyValue, prev: IKeyValue | null): { before?: StoredKey | null } {
  if (prev !== null) return { before: toStoredKey(prev) };
  // etcd leaves away what has been compacted; only a key that was just made had nothing before.
  return kv.create_revision === kv.mod_revision ? { before: null } : {};
}

/** `key` and `range_end` of a range. */
export function bounds(range: KeyRange): { key: Buffer; range_end?: Buffer } {
  const key = Buffer.from(range.key);
  return range.end === null ? { key } : { key, range_end: Buffer.from(range.end) };
}

export function toCompare(compare: Compare): ICompare {
  const key = Buffer.from(compare.key);
  switch (compare.target) {
    case 'create':
      return { key, result: 'Equal', target: 'Create', create_revision: compare.equals };
    case 'mod':
      return { key, result: 'Equal', target: 'Mod', mod_revision: compare.equals };
    case 'lease':
      return { key, result: 'Equal', target: 'Lease', lease: compare.equals ?? '0' };
  }
}

export function toRequest(op: Put | Delete | Get): IRequestOp {
  switch (op.type) {
    case 'put':
      return {
        request_put: {
          key: Buffer.from(op.key),
          value: Buffer.from(op.value),
          ...(op.lease === null ? {} : { lease: op.lease }),
        },
      };
    case 'delete':
      return { request_delete_range: { key: Buffer.from(op.key) } };
    case 'get':
      return { request_range: toRangeRequest(op) };
  }
}

function toRangeRequest(op: Get): IRangeRequest {
  const { limit = 0, revision = 0, newestFirst = false } = op;
  const order = newestFirst ? ({ sort_order: 'Descend', sort_target: 'Mod' } as const) : {};
  return { ...bounds(op.range), limit, revision, ...order };
}
