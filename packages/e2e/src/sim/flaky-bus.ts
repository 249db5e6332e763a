import { SystemdUnavailableError } from '@muster/core';
import type { VirtualClock } from '@muster/core/testing';
import type { Around } from './process.ts';
import type { Random } from './random.ts';

/** What is wrong with a machine's D-Bus; probabilities, each for one call. */
export interface BusTrouble {
  readonly refuse: number;
  /** The call is made and its answer lost. */
  readonly loseAnswer: number;
  /** Up to so many milliseconds until the answer. */
  readonly delayMs: number;
}

const jobs: ReadonlySet<string> = new Set(['start', 'stop', 'restart']);

/** How a process reaches its machine's systemd. */
export class FlakyBus {
  readonly #clock: VirtualClock;
  readonly #random: Random;
  #trouble: BusTrouble | null = null;
  /** Jobs that were accepted without the caller being told so. */
  lostAnswers = 0;

  constructor(clock: VirtualClock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  disturb(trouble: BusTrouble | null): void {
    this.#trouble = trouble;
  }

  readonly around: Around = async (method, act) => {
    const trouble = this.#trouble;
    if (trouble === null) return act();
    const random = this.#random;
    if (random.chance(trouble.refuse)) throw gone(method);
    const value = await act();
    const ms = random.next() ** 3 * trouble.delayMs;
    await new Promise<void>((resolve) => this.#clock.after(ms, resolve));
    if (random.chance(trouble.loseAnswer)) {
      if (jobs.has(method)) this.lostAnswers += 1;
      throw gone(method);
    }
    return value;
  };
}

function gone(method: string): SystemdUnavailableError {
  return new SystemdUnavailableError(`the simulated systemd did not answer ${method}`);
}
