import type { Assignment, DesiredState, Unit, UnitState } from '@muster/core';

/** A unit with what is stored about it at one revision. */
export interface UnitRecords {
  readonly unit: Unit;
  readonly assignments: ReadonlyMap<string, Assignment>;
  readonly states: ReadonlyMap<string, UnitState>;
}

/** Whether a state answers this assignment; one from before it says nothing about it. */
export function doesAnswer(
  state: UnitState | undefined,
  assignment: Assignment,
): state is UnitState {
  return state !== undefined && state.answers >= assignment.modRevision;
}

/** Assignments of this incarnation whose machine is to run the unit. */
export function holders({ unit, assignments }: UnitRecords): Assignment[] {
  const found: Assignment[] = [];
  for (const assignment of assignments.values()) {
    const { role, isLeaving, incarnation } = assignment;
    const isHeld = role === 'holder' && isLeaving !== true;
    if (isHeld && incarnation === unit.createRevision) {
      found.push(assignment);
    }
  }
  return found;
}

/**
 * `inactive`: no machine has it, or none has answered yet. Of several machines that have answered
 * (a global unit) the least advanced counts.
 */
export function deriveCurrentState(records: UnitRecords): DesiredState {
  let current: DesiredState = 'inactive';
  for (const assignment of holders(records)) {
    if (!doesAnswer(records.states.get(assignment.machine), assignment)) continue;
    if (assignment.desiredState === 'loaded') return 'loaded';
    current = 'launched';
  }
  return current;
}
