import type { Clock } from '@muster/core';

interface Lease {
  readonly owner: string;
  readonly ttlSeconds: number;
  /** Without a clock every look finds a second less, until it is renewed; never less than one. */
  leftSeconds: number;
  /** By the clock, if there is one. */
  endsAt: number;
}

/** The leases of a store in memory. With a clock they end by it, else when they are deleted. */
export class MemoryLeases {
  readonly #clock: Pick<Clock, 'monotonic'> | null;
  readonly #leases = new Map<string, Lease>();
  #next = 1;

  constructor(clock: Pick<Clock, 'monotonic'> | null) {
    this.#clock = clock;
  }

  grant(owner: string, ttlSeconds: number): { lease: string; ttlSeconds: number } {
    const lease = String(this.#next++);
    const endsAt = this.#now() + ttlSeconds * 1000;
    this.#leases.set(lease, { owner, ttlSeconds, leftSeconds: ttlSeconds, endsAt });
    return { lease, ttlSeconds };
  }

  /** @returns the new time to live in seconds; 0: there is no such lease */
  renew(id: string): number {
    const lease = this.#leases.get(id);
    // One that is over and not ended yet cannot be had back.
    if (lease === undefined || this.#isOverdue(lease)) return 0;
    this.#prolong(lease);
    return lease.ttlSeconds;
  }

  renewAll(): void {
    for (const lease of this.#leases.values()) this.#prolong(lease);
  }

  left(id: string): { leftSeconds: number; grantedSeconds: number } | null {
    const lease = this.#leases.get(id);
    if (lease === undefined || this.#isOverdue(lease)) return null;
    lease.leftSeconds = Math.max(1, lease.leftSeconds - 1);
    const leftSeconds =
      this.#clock === null ? lease.leftSeconds : Math.floor((lease.endsAt - this.#now()) / 1000);
    return { leftSeconds, grantedSeconds: lease.ttlSeconds };
  }

  /** Those of a machine have a second left, until they are renewed. */
  runOut(owner: string): void {
    for (const lease of this.#leases.values()) if (lease.owner === owner) lease.leftSeconds = 1;
  }

  /** Ids of leases that a machine was granted. */
  of(owner: string): string[] {
    return [...this.#leases].filter(([, lease]) => lease.owner === owner).map(([id]) => id);
  }

  overdue(): string[] {
    const now = this.#now();
    return [...this.#leases].filter(([, { endsAt }]) => endsAt <= now).map(([id]) => id);
  }

  has(id: string): boolean {
    return this.#leases.has(id);
  }

  delete(id: string): void {
    this.#leases.delete(id);
  }

  clear(): void {
    this.#leases.clear();
  }

  #prolong(lease: Lease): void {
    lease.leftSeconds = lease.ttlSeconds;
    lease.endsAt = this.#now() + lease.ttlSeconds * 1000;
  }

  #isOverdue({ endsAt }: Lease): boolean {
    return this.#clock !== null && endsAt <= this.#now();
  }

  #now(): number {
    return this.#clock?.monotonic() ?? 0;
  }
}
