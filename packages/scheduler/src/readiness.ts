import type { UnitState } from '@muster/core';
import type { Model } from './model.ts';

/**
 * What a machine says of a unit in its present boot, whichever assignment that answers; null:
 * nothing. A state from before a reboot says nothing.
 */
export function presentState({ snapshot }: Model, name: string, machine: string): UnitState | null {
  const state = snapshot.states.get(name)?.get(machine);
  return state?.bootId === snapshot.machines.get(machine)?.bootId ? (state ?? null) : null;
}

/** What a machine says of a unit in answer to its assignment there; null: nothing yet. */
export function answer(model: Model, name: string, machine: string): UnitState | null {
  const assignment = model.snapshot.assignments.get(name)?.get(machine);
  const state = presentState(model, name, machine);
  if (assignment === undefined || state === null) return null;
  return state.answers < assignment.modRevision ? null : state;
}

/** Whether an assignment has been carried out and the unit is up, or has run to its end. */
export function isReady(model: Model, name: string, machine: string): boolean {
  const state = answer(model, name, machine);
  if (state === null || state.problem !== null) return false;
  const wish = model.snapshot.assignments.get(name)?.get(machine)?.desiredState;
  if (wish === 'loaded' || state.activeState === 'active') return true;
  return state.activeState === 'inactive' && state.result === 'success';
}

/** Whether an assignment could not be carried out, or the unit was started and is down for good. */
export function hasFailed(model: Model, name: string, machine: string): boolean {
  const state = answer(model, name, machine);
  if (state === null) return false;
  if (state.problem !== null || state.activeState === 'failed') return true;
  const isEnded = state.activeState === 'inactive' && state.result !== null;
  return isEnded && !isReady(model, name, machine);
}
