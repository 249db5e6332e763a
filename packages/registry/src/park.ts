import { StoreUnavailableError } from '@muster/core';
import type { Keys } from './keys.ts';
import { get } from './store.ts';
import type { Store, StoredKey } from './store.ts';

export interface ParkOptions {
  readonly store: Store;
  readonly keys: Keys;
  readonly machine: string;
  /** The presence record to be written. */
  readonly value: string;
  readonly from: string;
  readonly to: string;
}

const statesPerTxn = 60;

/**
 * Moves a machine's presence and states from one lease to another.
 * @throws {StoreUnavailableError} also when the presence is on neither lease
 */
export async function parkRecords(options: ParkOptions): Promise<void> {
  const { store, keys, machine, value, from, to } = options;
  const key = keys.machine(machine);
  const moved = await store.txn({
    compare: [{ target: 'lease', key, equals: from }],
    success: [{ type: 'put', key, value, lease: to }, get(keys.statesOf(machine))],
    // On the new lease already when an answer was lost.
    failure: [get({ key, end: null }), get(keys.statesOf(machine))],
  });
  const isThere = moved.succeeded || moved.gets[0]?.keys[0]?.lease === to;
  if (!isThere) {
    throw new StoreUnavailableError(`the presence of ${machine} in etcd is no longer ours`);
  }
  const states = moved.gets.at(-1)?.keys.filter((stored) => stored.lease === from) ?? [];
  for (let i = 0; i < states.length; i += statesPerTxn) {
    await moveStates(options, states.slice(i, i + statesPerTxn));
  }
}

async function moveStates({ store, to }: ParkOptions, states: readonly StoredKey[]): Promise<void> {
  await store.txn({
    // What changed since it was read is somebody else's: left to its own lease.
    compare: states.map(({ key, modRevision }) => ({
      target: 'mod' as const,
      key,
      equals: modRevision,
    })),
    success: states.map(({ key, value }) => ({ type: 'put' as const, key, value, lease: to })),
  });
}
