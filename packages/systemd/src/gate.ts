import type { Clock } from '@muster/core';

/** What was let through; `free` gives its place to the next one and may be called repeatedly. */
export interface Pass {
  free(): void;
}

export interface GateOptions {
  /** So many may hold a pass at a time. */
  readonly places: number;
  /** A pass that is held for longer stops counting; absent: it never does. */
  readonly expiry?: { readonly ms: number; readonly clock: Clock };
}

/** Lets a limited number through at a time; the others wait in the order in which they came. */
export class Gate {
  readonly #options: GateOptions;
  /** In the order in which they were let through, with the boot-clock ms of that. */
  readonly #held = new Map<Pass, number>();
  readonly #waiting: ((pass: Pass) => void)[] = [];
  readonly #closing = new AbortController();
  #isTiming = false;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  async enter(): Promise<Pass> {
    if (this.#held.size < this.#options.places) return this.#admit();
    const passed = new Promise<Pass>((resolve) => this.#waiting.push(resolve));
    void this.#expire();
    return passed;
  }

  /** Nobody holds a place any more; who waits is let through as far as there is room. */
  freeAll(): void {
    for (const pass of Array.from(this.#held.keys())) pass.free();
  }

  /** Does something while holding a place. */
  async within<T>(act: () => Promise<T>): Promise<T> {
    const pass = await this.enter();
    try {
      return await act();
    } finally {
      pass.free();
    }
  }

  /** Stops the timer; passes can still be had and given back. */
  close(): void {
    this.#closing.abort();
  }

  #admit(): Pass {
    const pass: Pass = { free: () => this.#free(pass) };
    this.#held.set(pass, this.#options.expiry?.clock.monotonic() ?? 0);
    return pass;
  }

  #free(pass: Pass): void {
    if (!this.#held.delete(pass)) return;
    const next = this.#waiting.shift();
    if (next !== undefined) next(this.#admit());
  }

  /** Runs only while somebody waits: nothing to do costs nothing. */
  async #expire(): Promise<void> {
    const { expiry } = this.#options;
    if (expiry === undefined || this.#isTiming) return;
    this.#isTiming = true;
    while (this.#waiting.length > 0 && !this.#closing.signal.aborted) {
      const [oldest] = this.#held;
      if (oldest === undefined) break;
      const [pass, since] = oldest;
      const leftMs = since + expiry.ms - expiry.clock.monotonic();
      if (leftMs <= 0) pass.free();
      else await expiry.clock.sleep(leftMs, this.#closing.signal);
    }
    this.#isTiming = false;
  }
}
