import type { Clock } from '@muster/core';
import { timesSent } from './renewal-times.ts';
import { sleepUnless } from './sleep.ts';
import type { Renewal, Store } from './store.ts';

/**
 * The same store; a renewal that is not answered is sent again, by way of another member where there
 * is one, without giving up those before it. The first answer counts: a request, an answer or a
 * member that is lost costs a fifth of the deadline, not all of it.
 * @param over - from then on nothing is sent again
 */
export function renewing(clock: Clock, store: Store, over: AbortSignal): Store {
  const renewLease = async (lease: string, deadlineMs: number): Promise<Renewal> => {
    const beganAt = clock.monotonic();
    const sent: Promise<Renewal>[] = [];
    const send = async (attempt: number): Promise<Renewal> => {
      const sentAfterMs = clock.monotonic() - beganAt;
      const renewal = await store.renewLease(lease, deadlineMs - sentAfterMs, attempt);
      return { ...renewal, sentAfterMs };
    };
    while (sent.length < timesSent && clock.monotonic() - beganAt < deadlineMs) {
      sent.push(send(sent.length));
      const answer = await firstWithin(clock, deadlineMs / timesSent, sent, over);
      if (answer !== null) return answer;
      if (over.aborted) break;
    }
    return Promise.any(sent).catch(({ errors }: AggregateError) => Promise.reject(errors[0]));
  };
  return {
    renewLease,
    txn: (txn) => store.txn(txn),
    grantLease: (ttlSeconds) => store.grantLease(ttlSeconds),
    leaseLeft: (lease) => store.leaseLeft(lease),
    revokeLease: (lease) => store.revokeLease(lease),
    compact: (revision) => store.compact(revision),
    watch: (ranges, listener) => store.watch(ranges, listener),
    close: () => store.close(),
  };
}

/** The first answer. null: none has come for so long, also when all have failed before; or over. */
async function firstWithin<T>(
  clock: Clock,
  patienceMs: number,
  sent: readonly Promise<T>[],
  over: AbortSignal,
): Promise<T | null> {
  const done = new AbortController();
  const pause = sleepUnless(clock, patienceMs, [done.signal, over]).then(() => null);
  try {
    return await Promise.race([Promise.any(sent).catch(() => pause), pause]);
  } finally {
    done.abort();
  }
}
