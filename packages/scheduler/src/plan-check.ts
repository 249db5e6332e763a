import type { Clock, Log } from '@muster/core';
import type { PlanOptions } from './draft.ts';
import type { Model } from './model.ts';
import type { Plan } from './plan.ts';
import type { Planner } from './planner.ts';

export interface PlanCheckOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly checkMs?: number;
  readonly observer?: { readonly checked: (result: 'same' | 'different') => void };
}

const everyMs = 5 * 60_000;
/** The next check is so many times later as the last one took: it is to cost no more than that part. */
const leastPause = 500;

/**
 * Compares a plan now and then with one that thinks of every unit anew. They are always the same;
 * if not, the latter is right, it is said, and counted.
 */
export class PlanCheck {
  readonly #options: PlanCheckOptions;
  /** Boot-clock ms. */
  #next: number;

  constructor(options: PlanCheckOptions) {
    this.#options = options;
    this.#next = options.clock.monotonic() + (options.checkMs ?? everyMs);
  }

  /** The plan, which is checked if it is time for that. */
  checked(
    planner: Planner,
    { model, options }: { readonly model: Model; readonly options: PlanOptions },
  ): Plan {
    const { clock, log, observer, checkMs = everyMs } = this.#options;
    const plan = planner.plan(model, options);
    const began = clock.monotonic();
    if (began < this.#next) return plan;
    const found = planner.check(model, options, plan);
    const now = clock.monotonic();
    this.#next = now + Math.max(checkMs, leastPause * (now - began));
    observer?.checked(found === null ? 'same' : 'different');
    if (found === null) return plan;
    const { plan: right, ...difference } = found;
    log.error(difference, 'a plan of what has changed differs from one of everything');
    return right;
  }
}
