import type { Clock, StoreContact } from '@muster/core';

/** Whoever was not asked for so long did not look meanwhile: it was stopped, or the machine slept. */
const longestGapMs = 10_000;

/**
 * For how long the store has not answered a process that kept asking. It has to be asked for at
 * least every few seconds; after a longer gap (a suspended machine, a stalled process) it counts
 * anew, because nobody knows what the store would have answered.
 */
export class Silence {
  readonly #contact: StoreContact;
  readonly #clock: Clock;
  #since: number;
  #lookedAt: number;

  /** Counts from now. */
  constructor(contact: StoreContact, clock: Clock) {
    this.#contact = contact;
    this.#clock = clock;
    this.#since = clock.monotonic();
    this.#lookedAt = this.#since;
  }

  /** Milliseconds of the boot clock. */
  ms(): number {
    const now = this.#clock.monotonic();
    if (now - this.#lookedAt > longestGapMs) this.#since = now;
    this.#lookedAt = now;
    return now - Math.max(this.#since, this.#contact.answeredAt() ?? this.#since);
  }
}
