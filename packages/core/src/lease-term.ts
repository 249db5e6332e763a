/**
 * For how long the store counts this machine as present. The store counts from when it took the
 * renewal, which is later than when it was sent: by this machine's count the term ends first.
 */
export interface LeaseTerm {
  /** Boot-clock ms at which the renewal was sent that was answered last. */
  readonly sentAt: number;
  readonly ttlMs: number;
}

/**
 * When units with `OnPartition=stop` have to end if nothing is heard of the lease any more;
 * boot-clock ms. The formula: leaseDeadlines.
 */
export interface LeaseDeadlines {
  readonly stopAt: number;
  readonly killAt: number;
}

/**
 * When units with `OnPartition=stop` have to end on a machine that hears nothing of its lease any
 * more. Both are earlier than the store can count the machine as absent, `sentAt + ttlMs`, by this
 * machine's own count: docs/failure.md.
 */
export function leaseDeadlines({
  sentAt,
  ttlMs,
}: Pick<LeaseTerm, 'sentAt' | 'ttlMs'>): LeaseDeadlines {
  return { stopAt: sentAt + ttlMs / 2, killAt: sentAt + ttlMs * 0.8 };
}

/** Both as early as in one of the two. */
export function earlier(a: LeaseDeadlines, b: LeaseDeadlines): LeaseDeadlines {
  return { stopAt: Math.min(a.stopAt, b.stopAt), killAt: Math.min(a.killAt, b.killAt) };
}

/**
 * Whether the machine has its lease: what it is assigned may be carried out, and units with
 * `OnPartition=stop` may be up. @param now - boot-clock ms
 */
export function isHeld(term: LeaseTerm | null, now: number): boolean {
  return term !== null && now < leaseDeadlines(term).stopAt;
}
