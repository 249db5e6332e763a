import type { Clock, DesiredState, Revision } from '@muster/core';
import { showLowering } from './show-lowering.ts';
import type { Found, Lowering } from './show-lowering.ts';

interface Kept {
  readonly lowering: Lowering;
  /** Of the PUT or the last GET. */
  readonly lastUse: number;
}

const maxUnits = 1000;
const maxIdleMs = 60_000;

/**
 * Units that were made `loaded` through this server and whose clients may be about to make them
 * `launched` again. At most 1,000: the one asked for longest ago goes first. After a minute in which
 * nobody has asked for it, a unit is shown as it is.
 */
export class LoweredUnits {
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** In order of use, the latest last. */
  readonly #kept = new Map<string, Kept>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** @param revision - of the write that lowered it */
  note(name: string, revision: Revision): void {
    this.#use(name, { revision, doneSince: null });
    for (const [each, kept] of this.#kept) {
      if (this.#kept.size <= maxUnits && !this.#isTooOld(kept)) break;
      this.#kept.delete(each);
    }
  }

  /** What a GET says as the unit's current state; null: nothing. */
  show(name: string, found: Omit<Found, 'now'>): DesiredState | null {
    const kept = this.#kept.get(name);
    if (kept === undefined) return found.currentState;
    this.#kept.delete(name);
    if (this.#isTooOld(kept)) return found.currentState;
    const shown = showLowering(kept.lowering, { ...found, now: this.#clock.monotonic() });
    if (shown.lowering !== null) this.#use(name, shown.lowering);
    return shown.currentState;
  }

  #use(name: string, lowering: Lowering): void {
    this.#kept.delete(name);
    this.#kept.set(name, { lowering, lastUse: this.#clock.monotonic() });
  }

  #isTooOld({ lastUse }: Kept): boolean {
    return this.#clock.monotonic() - lastUse >= maxIdleMs;
  }
}
