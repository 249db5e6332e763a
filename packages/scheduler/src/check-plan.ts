import type { ClusterSnapshot } from '@muster/core';
import type { CandidateCache } from './candidates.ts';
import type { PlanOptions } from './draft.ts';
import { buildModel } from './model-keeper.ts';
import { planPlacements } from './plan.ts';
import type { Plan } from './plan.ts';

/** A part of a plan that came out differently when everything was decided anew. */
export interface Difference {
  /** The right one. */
  readonly plan: Plan;
  readonly part: string;
  /** As JSON, from where they differ. */
  readonly had: string;
  readonly wanted: string;
}

/** The plan that thinks about every unit, whether it is at rest or not. */
export function planOfAll(
  snapshot: ClusterSnapshot,
  options: PlanOptions,
  cache: CandidateCache,
): Plan {
  const model = buildModel(snapshot, cache);
  const all = new Set(snapshot.units.keys());
  return planPlacements({ ...model, restless: all, failing: all }, options);
}

const mostShown = 300;

/** null: they decide the same. */
export function difference(plan: Plan, right: Plan): Difference | null {
  const before = partsOf(plan);
  for (const [part, wanted] of partsOf(right)) {
    const had = before.get(part) ?? '';
    if (had === wanted) continue;
    let from = 0;
    while (had[from] === wanted[from]) from += 1;
    const show = (text: string): string => text.slice(from, from + mostShown);
    return { plan: right, part, had: show(had), wanted: show(wanted) };
  }
  return null;
}

function partsOf(plan: Plan): Map<string, string> {
  const { changes, unplaced, underway, circles, lookAgainAt, sightings, givenUp, moves } = plan;
  const parts = { changes, unplaced, circles, lookAgainAt, givenUp, moves };
  const maps = {
    underway: sorted(underway),
    sightings: sorted(sightings),
    arrivals: sorted(plan.arrivals),
  };
  return new Map(
    Object.entries({ ...parts, ...maps }).map(([part, value]) => [part, JSON.stringify(value)]),
  );
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}
