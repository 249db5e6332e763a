/** How often a renewal is sent until its deadline, at equal distances, when nothing is heard. */
export const timesSent = 5;

const maxEveryMs = 2000;
const minDeadlineMs = 500;
const maxDeadlineMs = 2000;

/** How long after the sending of the renewal that was answered last the next one is due. */
export function renewEveryMs(ttlMs: number): number {
  return Math.min(ttlMs / 3, maxEveryMs);
}

/** For how long an answer to a renewal is waited for, however often that is sent meanwhile. */
export function renewalDeadlineMs(ttlMs: number): number {
  return Math.max(minDeadlineMs, Math.min(ttlMs / 4, maxDeadlineMs));
}
