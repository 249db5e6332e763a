import { leaseDeadlines } from '@muster/core';

/** How often a renewal is sent until its deadline, at equal distances, when nothing is heard. */
export const timesSent = 5;

const maxEveryMs = 2000;

/** For how long an answer to a renewal is waited for, however often that is sent meanwhile. */
export function renewalDeadlineMs(ttlMs: number): number {
  return Math.max(500, Math.min(ttlMs / 4, 2000));
}

/**
 * How long after the sending of the renewal that was answered last the next one is due: early enough
 * for two that are lost and one that takes as long as the last, before the lease counts as lost here.
 */
export function renewEveryMs(ttlMs: number, tookMs: number): number {
  const { stopAt } = leaseDeadlines({ sentAt: 0, ttlMs });
  const twoLostMs = (2 * renewalDeadlineMs(ttlMs)) / timesSent;
  return Math.max(0, Math.min(ttlMs / 3, maxEveryMs, stopAt - twoLostMs - tookMs));
}
