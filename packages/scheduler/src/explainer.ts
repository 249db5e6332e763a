import type { ClusterSnapshot, Explainer, PendingUnit } from '@muster/core';
import { explainUnit } from './explain.ts';
import { foresee, mostForeseenReasons } from './foresee.ts';
import type { Foresight } from './foresee.ts';
import { buildModel } from './model-keeper.ts';
import type { CandidateCache } from './model.ts';
import { pendingUnits, unitsWithoutPlace } from './pending.ts';
import { previewUnits } from './preview.ts';
import { planRebalance } from './rebalance.ts';

/** What was made of one picture of the cluster; gone when the picture is. */
interface Made {
  readonly candidates: CandidateCache;
  /** As long as the memory is not needed; null: nobody has asked for it yet. */
  foresight: WeakRef<Foresight> | null;
  pending: readonly PendingUnit[] | null;
}

/** Plans once for each picture that somebody asks about. */
export function createExplainer(): Explainer {
  // The maps of pictures are the same ones as long as they are kept up to date.
  const candidates = new WeakMap<ClusterSnapshot['units'], CandidateCache>();
  const made = new WeakMap<ClusterSnapshot, Made>();
  const of = (snapshot: ClusterSnapshot): Made => {
    const known = made.get(snapshot);
    if (known !== undefined) return known;
    const cache: CandidateCache = candidates.get(snapshot.units) ?? new Map();
    candidates.set(snapshot.units, cache);
    const fresh = { candidates: cache, foresight: null, pending: null };
    made.set(snapshot, fresh);
    return fresh;
  };
  const foresightOf = (snapshot: ClusterSnapshot): Foresight => {
    const it = of(snapshot);
    const known = it.foresight?.deref();
    if (known !== undefined) return known;
    const fresh = foresee(snapshot, it.candidates);
    it.foresight = new WeakRef(fresh);
    return fresh;
  };
  return {
    explain: (snapshot, unit) => {
      const known = foresightOf(snapshot);
      const asked = known.unplaced.get(unit)?.machines.length ?? 0;
      if (asked < mostForeseenReasons || asked === known.model.open.length)
        return explainUnit(known, snapshot, unit);
      const { candidates } = of(snapshot);
      return explainUnit(
        foresee(snapshot, candidates, { askAll: new Set([unit]) }),
        snapshot,
        unit,
      );
    },
    pending: (snapshot) => {
      const find = (): PendingUnit[] => {
        const units = unitsWithoutPlace(snapshot);
        return units.length === 0 ? [] : pendingUnits(foresightOf(snapshot), snapshot, units);
      };
      return (of(snapshot).pending ??= find());
    },
    rebalance: (snapshot) => planRebalance(buildModel(snapshot, of(snapshot).candidates)),
    preview: (snapshot, asked) => previewUnits(snapshot, asked, new Map(of(snapshot).candidates)),
  };
}
