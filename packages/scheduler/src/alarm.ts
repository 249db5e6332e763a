import type { Clock } from '@muster/core';

/** Calls back when a time has come that nothing else would tell of. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  readonly #over: AbortSignal;
  #at: number | null = null;
  #cancel = new AbortController();

  /** @param over - nothing is called after it aborted */
  constructor(clock: Clock, ring: () => void, over: AbortSignal) {
    this.#clock = clock;
    this.#ring = ring;
    this.#over = over;
    over.addEventListener('abort', () => this.#cancel.abort(), { once: true });
  }

  /** @param at - boot-clock ms, in place of what was set before; null: never */
  set(at: number | null): void {
    if (at === this.#at) return;
    this.#cancel.abort();
    this.#at = at;
    if (at !== null && !this.#over.aborted) void this.#ringAt(at);
  }

  async #ringAt(at: number): Promise<void> {
    this.#cancel = new AbortController();
    const { signal } = this.#cancel;
    // A sleep may be shorter than asked for.
    for (let left = at - this.#clock.monotonic(); left > 0 && !signal.aborted;) {
      await this.#clock.sleep(left, signal);
      left = at - this.#clock.monotonic();
    }
    if (signal.aborted) return;
    this.#at = null;
    this.#ring();
  }
}
