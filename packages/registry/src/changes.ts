import { InvalidInputError, StoreUnavailableError } from '@muster/core';
import type { AuditEntry, Revision } from '@muster/core';
import { encodeAudit } from './codec.ts';
import { get, oneKey } from './store.ts';
import type { Compare, Delete, Put, Store, StoredKey } from './store.ts';

/** What is written together, if nothing it was decided from has changed. */
export interface Change {
  /** key → the mod revision that it must still have; 0: it must not exist. */
  readonly expect: ReadonlyMap<string, Revision>;
  /** No key twice. */
  readonly ops: readonly (Put | Delete)[];
  /**
   * A random text in the value of a put to an expected key. It tells a write of ours whose answer
   * was lost, or that was sent twice, from somebody else's. null: nothing of the kind is put.
   */
  readonly nonce: string | null;
  /** What the audit record of the transaction that carries this change is to say of it. */
  readonly audit?: readonly AuditEntry[];
}

/** `fenced`: the fence did not hold, nothing was written. */
export type Outcome =
  | { readonly type: 'written'; readonly revision: Revision }
  | { readonly type: 'conflict' }
  | { readonly type: 'fenced' };

/** etcd's defaults are 128 and 1.5 MiB. */
export interface Limits {
  readonly maxOps: number;
  readonly maxBytes: number;
}

export const etcdLimits: Limits = { maxOps: 128, maxBytes: 1_400_000 };

/**
 * Groups changes, in order, into batches that each fit into one transaction together with a
 * fence. Changes about the same key are never in one batch; a put that is in the batch already,
 * letter for letter, is shared. The changes of a batch share one audit record.
 */
export function packChanges<T extends Change>(changes: readonly T[], limits: Limits): T[][] {
  const batches: T[][] = [];
  let batch: T[] = [];
  let load = new Load();
  for (const change of changes) {
    if (!load.takes(change, limits)) {
      batches.push(batch);
      batch = [];
      load = new Load();
    }
    load.add(change);
    batch.push(change);
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

/** What one transaction carries so far. */
class Load {
  /** key → the value that is put; null: it is removed, or only compared. */
  readonly #written = new Map<string, string | null>();
  readonly #expected = new Set<string>();
  #bytes = 0;
  #hasAudit = false;

  takes(change: Change, { maxOps, maxBytes }: Limits): boolean {
    if (this.#expected.size === 0) return true;
    if ([...change.expect.keys()].some((key) => this.#written.has(key))) return false;
    const fresh = change.ops.filter((op) => !this.#shares(op));
    if (fresh.some((op) => this.#written.has(op.key))) return false;
    const asked = [...change.expect.keys()].filter((key) => !this.#expected.has(key));
    // One compare is the fence.
    if (1 + this.#expected.size + asked.length > maxOps) return false;
    const audits = this.#hasAudit || change.audit !== undefined ? 1 : 0;
    if (this.#written.size + fresh.length + audits > maxOps) return false;
    return this.#bytes + sizeOf(fresh) + auditSize(change) <= maxBytes;
  }

  add(change: Change): void {
    this.#bytes += sizeOf(change.ops.filter((op) => !this.#shares(op))) + auditSize(change);
    if (change.audit !== undefined) this.#hasAudit = true;
    for (const op of change.ops) this.#written.set(op.key, op.type === 'put' ? op.value : null);
    for (const key of change.expect.keys()) this.#expected.add(key);
  }

  #shares(op: Put | Delete): boolean {
    return op.type === 'put' && this.#written.get(op.key) === op.value;
  }
}

function sizeOf(ops: readonly (Put | Delete)[]): number {
  // A character is at most three bytes in UTF-8; Buffer.byteLength is exact and cheap.
  return ops.reduce(
    (sum, op) => sum + 100 + op.key.length + (op.type === 'put' ? Buffer.byteLength(op.value) : 0),
    0,
  );
}

function auditSize({ audit }: Change): number {
  return audit === undefined ? 0 : Buffer.byteLength(encodeAudit(audit));
}

export interface WriteOptions {
  readonly store: Store;
  /** Where the audit record is. */
  readonly auditKey: string;
  /** Must hold for every transaction. */
  readonly fence: Compare;
  readonly changes: readonly Change[];
}

/**
 * Writes changes in as few transactions as etcd's limits allow, in order. When one fails, the
 * changes at fault are found by reading what they expected, and the others are written without
 * them.
 * @returns one outcome for each change
 * @throws {StoreUnavailableError} what was written is then not known
 * @throws {InvalidInputError} a single change is beyond etcd's limits; those before it were written
 */
export async function writeChanges(options: WriteOptions): Promise<readonly Outcome[]> {
  const numbered = options.changes.map((change, index) => ({ ...change, index }));
  const outcomes: Outcome[] = numbered.map(() => ({ type: 'fenced' }));
  for (const packed of packChanges(numbered, etcdLimits)) {
    let batch = packed;
    while (batch.length > 0) {
      const attempt = await writeBatch(options, batch);
      if (attempt.type === 'fenced') return outcomes;
      if (attempt.type === 'written') {
        for (const { index } of batch) {
          outcomes[index] = { type: 'written', revision: attempt.revision };
        }
        break;
      }
      const faulty = new Set(attempt.faulty);
      for (const change of faulty) {
        const { index } = change;
        outcomes[index] = isDone(change, attempt.now)
          ? { type: 'written', revision: attempt.revision }
          : { type: 'conflict' };
      }
      batch = batch.filter((change) => !faulty.has(change));
    }
  }
  return outcomes;
}

type Now = ReadonlyMap<string, StoredKey>;

type Attempt<T> =
  | { readonly type: 'written'; readonly revision: Revision }
  | { readonly type: 'fenced' }
  | {
      readonly type: 'refused';
      readonly faulty: readonly T[];
      readonly now: Now;
      readonly revision: Revision;
    };

async function writeBatch<T extends Change>(
  { store, fence, auditKey }: WriteOptions,
  batch: readonly T[],
): Promise<Attempt<T>> {
  const expected = new Map(batch.flatMap((change) => [...change.expect]));
  const ops = new Map(batch.flatMap((change) => change.ops.map((op) => [op.key, op] as const)));
  const audit = batch.flatMap((change) => change.audit ?? []);
  if (audit.length > 0) {
    ops.set(auditKey, { type: 'put', key: auditKey, value: encodeAudit(audit), lease: null });
  }
  if (ops.size > etcdLimits.maxOps || expected.size >= etcdLimits.maxOps) {
    throw new InvalidInputError(`one change of ${ops.size} keys is more than etcd writes at once`);
  }
  const look = [fence.key, ...expected.keys()].map((key) => get(oneKey(key)));
  const compare: Compare[] = [...expected].map(([key, equals]) => ({
    target: 'mod',
    key,
    equals,
  }));
  const attempt = await store
    .txn({ compare: [fence, ...compare], success: [...ops.values()], failure: look })
    .catch(async (error: unknown) => {
      if (!(error instanceof StoreUnavailableError)) throw error;
      const seen = await store.txn({ success: look });
      if (ownRevision(batch, nowOf(seen.gets)) === null) throw error;
      return { ...seen, succeeded: false };
    });
  if (attempt.succeeded) return { type: 'written', revision: attempt.revision };
  const now = nowOf(attempt.gets);
  const own = ownRevision(batch, now);
  if (own !== null) return { type: 'written', revision: own };
  if (!holds(fence, now.get(fence.key))) return { type: 'fenced' };
  const faulty = batch.filter((change) =>
    [...change.expect].some(([key, revision]) => (now.get(key)?.modRevision ?? 0) !== revision),
  );
  // Everything is as expected again: changed and changed back between compare and read is not
  // possible in one transaction, so the store contradicts itself.
  if (faulty.length === 0) throw new StoreUnavailableError('etcd refused a write without a reason');
  return { type: 'refused', faulty, now, revision: attempt.revision };
}

function nowOf(gets: readonly { readonly keys: readonly StoredKey[] }[]): Now {
  return new Map(gets.flatMap((page) => page.keys.map((stored) => [stored.key, stored] as const)));
}

/** A batch is all or nothing: one write of ours that is found speaks for all. */
function ownRevision(batch: readonly Change[], now: Now): Revision | null {
  for (const { expect, nonce } of batch) {
    for (const key of nonce === null ? [] : expect.keys()) {
      const stored = now.get(key);
      if (nonce !== null && stored?.value.includes(nonce) === true) return stored.modRevision;
    }
  }
  return null;
}

function holds(fence: Compare, stored: StoredKey | undefined): boolean {
  switch (fence.target) {
    case 'create':
      return (stored?.createRevision ?? 0) === fence.equals;
    case 'mod':
      return (stored?.modRevision ?? 0) === fence.equals;
    case 'lease':
      return (stored?.lease ?? null) === fence.equals;
  }
}

/** All that a change removes is gone and it puts nothing: that somebody was faster is no conflict. */
function isDone({ ops, expect }: Change, now: Now): boolean {
  return ops.every((op) => op.type === 'delete' && expect.has(op.key) && !now.has(op.key));
}
