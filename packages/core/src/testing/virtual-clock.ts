import type { Clock } from '../ports.ts';

interface Sleeper {
  readonly at: number;
  /** Of two that end at the same time the one that began first is woken first. */
  readonly order: number;
  /** null: it was woken early. */
  wake: (() => void) | null;
}

export interface VirtualClockOptions {
  /** Milliseconds since the epoch at which it begins. */
  readonly epoch?: number;
  /** How many turns of the event loop those who were woken get; one is enough for promises alone. */
  readonly turns?: number;
}

/** A clock that only moves when told to: loops run through hours without waiting. */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  #epoch: number;
  readonly #turns: number;
  /** A binary heap: no sleeper ends before its parent, at half its index. */
  readonly #sleepers: Sleeper[] = [];

  constructor({ epoch = Date.UTC(2030, 0, 1), turns = 5 }: VirtualClockOptions = {}) {
    this.#epoch = epoch;
    this.#turns = turns;
  }

  now(): number {
    return this.#epoch + Math.floor(this.#now);
  }

  /** Somebody sets the wall clock on by `ms`, or back. */
  setWallClock(ms: number): void {
    this.#epoch += ms;
  }

  monotonic(): number {
    return this.#now;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        sleeper.wake = null;
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const sleeper = this.#push(ms, wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  /** Calls back after `ms`. */
  after(ms: number, act: () => void): void {
    this.#push(ms, act);
  }

  /**
   * Moves on by `ms` at once, as when the machine was suspended or the process stopped: who slept
   * until then wakes late, and all together.
   */
  async jump(ms: number): Promise<void> {
    this.#now += ms;
    for (let next = this.#sleepers[0]; next !== undefined && next.at <= this.#now;) {
      this.#pop();
      next.wake?.();
      next = this.#sleepers[0];
    }
    await this.#settle();
  }

  /** Moves on by `ms`, waking sleepers in order and letting what they started run in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.#settle();
    for (;;) {
      const next = this.#sleepers[0];
      if (next === undefined || next.at > end) break;
      this.#pop();
      if (next.wake === null) continue;
      this.#now = Math.max(this.#now, next.at);
      next.wake();
      await this.#settle();
    }
    this.#now = end;
    await this.#settle();
  }

  /** Lets promises that are already resolvable run; immediates too, which fakes may use. */
  async #settle(): Promise<void> {
    for (let turn = 0; turn < this.#turns; turn += 1) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
  }

  #push(ms: number, wake: () => void): Sleeper {
    const sleeper: Sleeper = { at: this.#now + Math.max(0, ms), order: this.#order++, wake };
    const heap = this.#sleepers;
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(sleeper, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = sleeper;
    return sleeper;
  }

  /** Takes the first one out. */
  #pop(): void {
    const heap = this.#sleepers;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      const isRight = right !== undefined && left !== undefined && isBefore(right, left);
      const first = isRight ? right : left;
      if (first === undefined || !isBefore(first, last)) break;
      heap[index] = first;
      index = 2 * index + (isRight ? 2 : 1);
    }
    heap[index] = last;
  }
}

function isBefore(a: Sleeper, b: Sleeper): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at;
}
