import { parseUnitName } from '@muster/core';
import type { Assignment, Placement, Unit } from '@muster/core';
import { assignmentFor, isPlacement, sameAssignment } from './change.ts';
import { mismatch } from './eligibility.ts';
import type { Candidate } from './eligibility.ts';
import { unfitReason } from './evict.ts';
import { holdsPlace } from './model.ts';
import type { Model } from './model.ts';
import { failuresOf } from './reschedule.ts';

/**
 * Whether nothing is to be decided of a unit, whatever becomes of others in the same plan: but for
 * one that it follows. Most units are at rest, and cost a plan nothing. `false` is never wrong.
 *
 * It depends on the unit's own records, on what the machines hold that hold it, on where the units
 * are that it follows, for a global unit on all machines, and on which units have Replaces=.
 */
export function isAtRest(model: Model, unit: Unit): boolean {
  const { candidates, untouchable, snapshot } = model;
  const { name } = unit;
  const candidate = candidates.get(name);
  if (candidate === undefined || untouchable.has(name) || isEntangled(model, candidate)) {
    return false;
  }
  const stored = [...(snapshot.assignments.get(name)?.values() ?? [])];
  const machines = stored.map(({ machine, role }) => ({ machine, role })).sort(byMachine);
  const failures = failuresOf(model, name);
  if (!isPlacement(snapshot.placements.get(name), { machines, failures })) return false;
  if (unit.desiredState === 'inactive' || parseUnitName(name).isTemplate)
    return machines.length === 0;
  const isEnough = candidate.requirements.isGlobal
    ? machines.length > 0 && !isWantedElsewhere(model, candidate)
    : machines.length === 1;
  return isEnough && stored.every((assignment) => mayStay(model, { unit, candidate, assignment }));
}

/** Replaces= makes units move that are well themselves. */
function isEntangled({ replacements }: Model, { name, replaces }: Candidate): boolean {
  return replaces.length > 0 || replacements.replacersOf(name).length > 0;
}

function isWantedElsewhere({ open, snapshot }: Model, unit: Candidate): boolean {
  const byMachine = snapshot.assignments.get(unit.name);
  return open.some((host) => byMachine?.has(host.id) !== true && mismatch(unit, host) === null);
}

/** Whether that is as it should be, and on a machine that is there. */
function mayStay(
  model: Model,
  { unit, candidate, assignment }: { unit: Unit; candidate: Candidate; assignment: Assignment },
): boolean {
  const host = model.hosts.get(assignment.machine);
  return (
    host !== undefined &&
    assignment.role === 'holder' &&
    holdsPlace(assignment) &&
    sameAssignment(
      assignment,
      assignmentFor(model, unit, { place: assignment, stored: assignment }),
    ) &&
    unfitReason(model, candidate, host) === null
  );
}

type Place = Placement['machines'][number];

function byMachine(a: Place, b: Place): number {
  return a.machine < b.machine ? -1 : 1;
}
