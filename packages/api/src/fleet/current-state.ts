import type { DesiredState } from '@muster/core';
import { doesAnswer, holders } from '../current-state.ts';
import type { UnitRecords } from '../current-state.ts';

/**
 * How far a unit has come in fleet's words: `inactive` while no machine has answered for it. While
 * what was asked last is being carried out it is still what it was: clients take `inactive` for a
 * unit that nobody has, and refuse to stop it.
 */
export function fleetCurrentState(records: UnitRecords): DesiredState {
  for (const assignment of holders(records)) {
    const state = records.states.get(assignment.machine);
    if (state === undefined || state.answers < records.unit.createRevision) continue;
    const isDown = downStates.has(state.activeState);
    if (doesAnswer(state, assignment)) return assignment.desiredState;
    return isDown ? 'loaded' : 'launched';
  }
  return 'inactive';
}

/** As org.freedesktop.systemd1(5) spells them; every other one has processes, or may have. */
const downStates: ReadonlySet<string> = new Set(['inactive', 'failed']);
