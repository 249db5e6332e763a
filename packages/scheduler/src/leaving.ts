import type { Assignment } from '@muster/core';
import { assignmentsOf } from './draft.ts';
import type { Draft } from './draft.ts';
import { answer } from './readiness.ts';

/**
 * Whether a place that is not wanted any more has to be kept, as one that the unit is leaving: its
 * machine has not said yet that the unit has ended, and nothing else would tell. A unit with
 * `OnPartition=stop` always leaves like that; any other, also a destroyed one, only when its machine
 * has not answered its assignment, so that no state of it will be seen to go. docs/failure.md
 */
export function hasToEndFirst(draft: Draft, stored: Assignment): boolean {
  const { model } = draft;
  const { unit, machine, role, isLeaving } = stored;
  if (role === 'released' || model.candidates.get(unit)?.requirements.isGlobal === true) {
    return false;
  }
  const isBound = stored.onPartition === 'stop';
  const present = model.snapshot.machines.get(machine);
  if (present === undefined) return isBound && !isCertainlyGone(draft, machine);
  const said = answer(model, unit, machine);
  if (isLeaving === true) {
    // With a problem it will not end by being asked like this: it is taken away the plain way.
    const isDown = said !== null && ['inactive', 'failed'].includes(said.activeState);
    return !isDown && said?.problem == null;
  }
  if (isBound) return true;
  return said === null && present.awaySince === null;
}

/**
 * Whether an absent machine has been gone for so long that nothing with `OnPartition=stop` runs on
 * it any more. If not, the plan is to be made again when it is.
 */
export function isCertainlyGone({ options, deadlines }: Draft, machine: string): boolean {
  const since = options.absentSince.get(machine);
  if (since === undefined) return false;
  const certainAt = since + options.certainAfterMs;
  if (options.now >= certainAt) return true;
  deadlines.push(certainAt);
  return false;
}

/** A place that the unit is leaving, as it is stored until it has ended there. */
export function leavingAssignment(
  stored: Assignment,
  reason: string,
): Omit<Assignment, 'modRevision'> {
  const { modRevision: _, at: __, ...rest } = stored;
  return { ...rest, desiredState: 'loaded', role: 'holder', isLeaving: true, reason };
}

/** Machines on which a unit may still run though it is not to be there any more; sorted. */
export function stillEndingOn(
  draft: Draft,
  name: string,
  isWanted: (machine: string) => boolean,
): string[] {
  const { snapshot } = draft.model;
  const reporting = [...(snapshot.states.get(name)?.keys() ?? [])].filter((machine) => {
    const isLeft = snapshot.assignments.get(name)?.get(machine)?.isLeaving === true;
    return snapshot.machines.has(machine) && !isLeft;
  });
  const leaving = assignmentsOf(draft, name)
    .filter((stored) => hasToEndFirst(draft, stored))
    .map(({ machine }) => machine);
  return [...new Set([...reporting, ...leaving])].filter((machine) => !isWanted(machine)).sort();
}
