import { DuplicateMachineError } from '@muster/core';
import type { Clock, Log, Machine } from '@muster/core';
import type { PresenceRecord } from './codec.ts';
import type { Store, StoredKey } from './store.ts';

/** The presence record that is stored under our machine-id. */
export interface Present {
  readonly stored: StoredKey;
  /** null: it does not parse. */
  readonly record: PresenceRecord | null;
}

export interface AssertAloneOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** null: there is none. */
  readonly present: Present | null;
  /** Ours. */
  readonly bootId: string;
  readonly ttlSeconds: number;
  readonly over: AbortSignal;
}

const pollMs = 200;

/**
 * Watches, for half the time to live, whether somebody keeps a record of another boot alive. A
 * cloned disk copies every token: only time tells a clone from a reboot.
 * @throws {DuplicateMachineError}
 */
export async function assertAlone(options: AssertAloneOptions): Promise<void> {
  const { store, clock, log, present, bootId, ttlSeconds, over } = options;
  const other = present?.record?.machine ?? null;
  if (present === null || other?.bootId === bootId) return;
  const { lease, key } = present.stored;
  // Nobody renews the record of a machine that was stopped in order.
  if (lease === null || (other !== null && other.awaySince !== null)) return;
  const first = await store.leaseLeft(lease);
  if (first === null) return;
  const waitMs = (Math.max(first.grantedSeconds, ttlSeconds) * 1000) / 2;
  log.info({ key, waitMs }, 'another boot is registered: watching whether it is alive');
  const until = clock.monotonic() + waitMs;
  for (let before = first; clock.monotonic() < until && !over.aborted;) {
    await clock.sleep(pollMs, over);
    const left = await store.leaseLeft(lease);
    if (left === null) return;
    if (left.leftSeconds > before.leftSeconds) throw duplicate(key, other);
    before = left;
  }
}

function duplicate(key: string, other: Machine | null): DuplicateMachineError {
  const who = other === null ? 'somebody' : `${other.hostname} (${other.address ?? 'no address'})`;
  return new DuplicateMachineError(
    `${key} is in use by ${who}, which is alive: give this machine a machine-id of its own`,
  );
}
