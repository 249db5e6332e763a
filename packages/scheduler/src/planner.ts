import type { ClusterView } from '@muster/core';
import type { CandidateCache } from './candidates.ts';
import { everythingIn } from './changed-records.ts';
import { difference, planOfAll } from './check-plan.ts';
import type { Difference } from './check-plan.ts';
import type { PlanOptions } from './draft.ts';
import type { Model } from './model.ts';
import { ModelKeeper } from './model-keeper.ts';
import { planPlacements } from './plan.ts';
import type { Plan } from './plan.ts';

/** To think about so many units takes well under a second. */
const mostAtOnce = 20_000;
/** Of more than that so many are taken at a time. */
const fewAtOnce = 5_000;

/** Plans again and again from one view of the cluster: each time costs what has changed since. */
export class Planner {
  readonly #view: Pick<ClusterView, 'snapshot' | 'changed'>;
  readonly #cache: CandidateCache;
  /** How many units, of very many, have been thought about anew. */
  #checkedTo = 0;
  /** null: nothing was read yet, or not to its end. */
  #keeper: ModelKeeper | null = null;

  /** @param cache - outlives the view */
  constructor(view: Pick<ClusterView, 'snapshot' | 'changed'>, cache: CandidateCache) {
    this.#view = view;
    this.#cache = cache;
  }

  /** The cluster as it is now. Good until it is read again. @throws as ClusterView.snapshot */
  read(): Model {
    const snapshot = this.#view.snapshot();
    const changed = this.#view.changed();
    const known = changed.isAll ? null : this.#keeper;
    this.#keeper = null;
    const keeper = known ?? this.#begin(snapshot);
    const model = keeper.update(snapshot, known === null ? everythingIn(snapshot) : changed);
    this.#keeper = keeper;
    return model;
  }

  /** @param model - as it was read last; it is not changed */
  plan(model: Model, options: PlanOptions): Plan {
    model.index.remember();
    try {
      return planPlacements(model, options);
    } finally {
      model.index.takeBack();
    }
  }

  /**
   * Decides everything anew, as one who knows nothing of earlier plans, and says what came out
   * differently; null: nothing. What was known is forgotten then. Of very many units only some are
   * thought about anew, others the next time: all at once would take too long. The model is the one that
   * is kept then: what is wrong in it, but for who is at rest, is not found.
   */
  check(model: Model, options: PlanOptions, plan: Plan): Difference | null {
    const found = difference(plan, this.#planAnew(model, options));
    if (found !== null) this.#keeper = null;
    return found;
  }

  #planAnew(model: Model, options: PlanOptions): Plan {
    const { units } = model.snapshot;
    if (units.size <= mostAtOnce) return planOfAll(model.snapshot, options, this.#cache);
    const names = [...units.keys()];
    const some = names.slice(this.#checkedTo, this.#checkedTo + fewAtOnce);
    this.#checkedTo = some.length < fewAtOnce ? 0 : this.#checkedTo + fewAtOnce;
    return this.plan({ ...model, restless: new Set([...model.restless, ...some]) }, options);
  }

  #begin({ units }: Model['snapshot']): ModelKeeper {
    for (const name of this.#cache.keys()) if (!units.has(name)) this.#cache.delete(name);
    return new ModelKeeper(this.#cache);
  }
}
