import { DuplicateMachineError } from '@muster/core';
import type { Clock, Log, Machine } from '@muster/core';
import type { PresenceRecord } from './codec.ts';
import { renewalDeadlineMs } from './renewal-times.ts';
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
 * Watches whether somebody keeps a record of another boot alive: until its lease was not renewed for
 * half the time to live. A cloned disk copies every token: only time tells a clone from a reboot.
 *
 * Once proves nothing: the last renewal of a boot that is over may be on its way for long, in several
 * copies, and each new leader of etcd begins every lease anew. Whoever is alive renews it again.
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
  const ttlMs = Math.max(first.grantedSeconds, ttlSeconds) * 1000;
  const waitMs = ttlMs / 2;
  log.info({ key, waitMs }, 'another boot is registered: watching whether it is alive');
  let before = { leftSeconds: first.leftSeconds, at: clock.monotonic() };
  let renewedAt: number | null = null;
  while (clock.monotonic() < before.at + waitMs && !over.aborted) {
    await clock.sleep(pollMs, over);
    const passedMs = clock.monotonic() - before.at;
    const left = await store.leaseLeft(lease);
    if (left === null) return;
    if (!wasRenewed(before, left, passedMs)) continue;
    before = { leftSeconds: left.leftSeconds, at: clock.monotonic() };
    renewedAt ??= before.at;
    if (before.at - renewedAt > renewalDeadlineMs(ttlMs)) throw duplicate(key, other);
  }
}

/**
 * Whether a lease has more time left than it can have without a renewal in between. Both are whole
 * seconds, rounded down, so one that is renewed within a second need not show a larger number.
 * @param passedMs - between the answer that told `before` and the question that told `left`
 */
export function wasRenewed(
  before: { readonly leftSeconds: number },
  left: { readonly leftSeconds: number },
  passedMs: number,
): boolean {
  return left.leftSeconds * 1000 >= (before.leftSeconds + 1) * 1000 - passedMs;
}

function duplicate(key: string, other: Machine | null): DuplicateMachineError {
  const who = other === null ? 'somebody' : `${other.hostname} (${other.address ?? 'no address'})`;
  return new DuplicateMachineError(
    `${key} is in use by ${who}, which is alive: give this machine a machine-id of its own`,
  );
}
