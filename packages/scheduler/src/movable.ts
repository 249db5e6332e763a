import { parseUnitName } from '@muster/core';
import type { MoveOrder } from '@muster/core';
import type { Candidate, Host } from './eligibility.ts';
import { holdsPlace } from './model.ts';
import type { Model } from './model.ts';
import { answer } from './readiness.ts';

/** Units that are on one machine together and can only go together: one at least. Sorted by name. */
export type Party = readonly [Candidate, ...Candidate[]];

/**
 * A unit with all that it follows and that follow it, directly or through others, on the machine
 * that holds it; null: one of them has to stay as it is.
 */
export function partyOf(model: Model, unit: Candidate, host: Host): Party | null {
  const names = new Set([unit.name]);
  // A set that grows while it is walked is walked to its end.
  for (const name of names) {
    if (!mayBeMoved(model, name)) return null;
    for (const other of [...model.peers.of(name), ...(model.peers.followers.get(name) ?? [])]) {
      if (host.residents.has(other)) names.add(other);
    }
  }
  const units = [...names].sort().flatMap((name) => host.residents.get(name) ?? []);
  const [first, ...others] = units;
  return first === undefined ? null : [first, ...others];
}

/**
 * Whether a unit is well where it is and loses nothing that cannot be had again when it goes. What has
 * run to its end would run once more; what is on its way to somewhere is left to get there.
 */
function mayBeMoved(model: Model, name: string): boolean {
  const { candidates, restless, failing, snapshot } = model;
  const unit = candidates.get(name);
  if (unit === undefined || restless.has(name) || failing.has(name)) return false;
  const { isGlobal, machineId } = unit.requirements;
  if (isGlobal || machineId !== null) return false;
  const machine = holderOf(model, name);
  const reporting = [...(snapshot.states.get(name)?.keys() ?? [])];
  if (machine === null || reporting.some((each) => each !== machine)) return false;
  const state = answer(model, name, machine);
  if (state === null || state.problem !== null || state.flapping !== undefined) return false;
  if (snapshot.units.get(name)?.desiredState !== 'launched')
    return state.activeState === 'inactive';
  return state.activeState === 'active' && state.subState !== 'exited';
}

/** The machine that holds a unit as it is stored; null: none does. */
function holderOf({ snapshot }: Model, name: string): string | null {
  const assignments = [...(snapshot.assignments.get(name)?.values() ?? [])];
  return assignments.find(holdsPlace)?.machine ?? null;
}

/** How they have to go. A service may be up twice for a moment, unless its file says otherwise. */
export function orderFor(party: Party): MoveOrder {
  const mayOverlap = party.every(({ name, requirements }) => {
    return parseUnitName(name).type === 'service' && requirements.onPartition === 'keep';
  });
  return mayOverlap ? 'successor-first' : 'stop-first';
}
