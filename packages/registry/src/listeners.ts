import type { Unsubscribe } from '@muster/core';

/** Callbacks without payload: they only say "look again". */
export class Listeners {
  readonly #listeners = new Set<() => void>();

  add(listener: () => void): Unsubscribe {
    // Wrapped, so that adding one function twice and taking it back once leaves one.
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  get size(): number {
    return this.#listeners.size;
  }

  call(): void {
    // A copy: one that is added by a listener is for the next time.
    const listeners = Array.from(this.#listeners);
    for (const listener of listeners) listener();
  }
}
