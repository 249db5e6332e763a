import type { AgentRegistry, LeaseTerm, Unsubscribe } from '@muster/core';

/** Who is told of this machine's lease. */
export class LeaseListeners implements Pick<AgentRegistry, 'onLease' | 'beforeLease'> {
  readonly #after = new Set<(term: LeaseTerm) => void>();
  readonly #before = new Set<(term: LeaseTerm) => Promise<void>>();

  onLease(listener: (term: LeaseTerm) => void): Unsubscribe {
    this.#after.add(listener);
    return () => this.#after.delete(listener);
  }

  beforeLease(listener: (term: LeaseTerm) => Promise<void>): Unsubscribe {
    this.#before.add(listener);
    return () => this.#before.delete(listener);
  }

  tell(term: LeaseTerm): void {
    for (const listener of this.#after) listener(term);
  }

  /** Rejects when one of them does. */
  async tellBefore(term: LeaseTerm): Promise<void> {
    await Promise.all([...this.#before].map((listener) => listener(term)));
  }
}
