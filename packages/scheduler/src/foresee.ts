import type { ClusterSnapshot, PlacementChange } from '@muster/core';
import { forgottenMachines } from './brake.ts';
import type { Unplaced } from './draft.ts';
import { buildModel } from './model-keeper.ts';
import type { CandidateCache, Model } from './model.ts';
import { planPlacements } from './plan.ts';
import type { Plan } from './plan.ts';

/**
 * What the leader would decide of a snapshot once it is certain of all that it has to wait for:
 * absences count as long enough, but for those that the brake's record holds back.
 */
export interface Foresight {
  /** As the plan leaves it. */
  readonly model: Model;
  readonly plan: Plan;
  /** Absent machines whose units the brake holds back. */
  readonly held: ReadonlySet<string>;
  /** By unit. */
  readonly unplaced: ReadonlyMap<string, Unplaced>;
  /** By unit. */
  readonly changes: ReadonlyMap<string, PlacementChange>;
}

/** Of each unit without a place so many machines are asked why they do not take it. */
export const mostForeseenReasons = 32;

/**
 * Pure.
 * @param cache - as buildModel has it
 * @param underway - of the plan before, if there was one
 * @param askAll - units of which all machines are asked why they do not take them
 */
export function foresee(
  snapshot: ClusterSnapshot,
  cache: CandidateCache,
  {
    underway = new Map(),
    askAll = new Set(),
  }: { readonly underway?: Plan['underway']; readonly askAll?: ReadonlySet<string> } = {},
): Foresight {
  const model = buildModel(snapshot, cache);
  const held = heldBack(snapshot, model.absent);
  const gone = [...model.absent].filter((machine) => !held.has(machine));
  const plan = planPlacements(model, {
    now: 0,
    absentSince: new Map(gone.map((machine) => [machine, 0])),
    certainAfterMs: 0,
    forgotten: forgottenMachines(model),
    underway,
    mostReasons: mostForeseenReasons,
    askAll,
  });
  return {
    model,
    plan,
    held,
    unplaced: new Map(plan.unplaced.map((entry) => [entry.unit, entry])),
    changes: new Map(plan.changes.map((change) => [change.unit, change])),
  };
}

function heldBack(
  { brake, losses }: ClusterSnapshot,
  absent: ReadonlySet<string>,
): ReadonlySet<string> {
  if (brake?.isOn !== true) return new Set();
  return new Set([...absent].filter((id) => brake.machines.includes(id) && !losses.has(id)));
}
