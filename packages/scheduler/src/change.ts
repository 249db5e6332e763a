import { countsOn } from '@muster/core';
import type { Assignment, Placement, PlacementChange, PlacementFailures, Unit } from '@muster/core';
import { assignmentsOf, failuresToStore } from './draft.ts';
import type { Draft, Wanted } from './draft.ts';
import { hasToEndFirst, leavingAssignment } from './leaving.ts';
import type { Model } from './model.ts';

/** Records what has to be written to get from what is stored to what is wanted, if anything. */
export function pushChange(draft: Draft, name: string, wanted: Wanted): void {
  const { snapshot } = draft.model;
  const unit = snapshot.units.get(name);
  const current = snapshot.assignments.get(name);
  const placement = snapshot.placements.get(name);
  const assign: PlacementChange['assign'][number][] = [];
  for (const place of wanted.values()) {
    const stored = current?.get(place.machine);
    const next = unit === undefined ? stored : assignmentFor(draft.model, unit, { place, stored });
    if (next !== undefined && !sameAssignment(stored, next)) assign.push(next);
  }
  const unwanted = assignmentsOf(draft, name).filter(({ machine }) => !wanted.has(machine));
  const leaving = unwanted.filter((stored) => hasToEndFirst(draft, stored));
  for (const stored of leaving) {
    const next = leavingAssignment(stored, whyWithdrawn(draft, stored, wanted));
    if (!sameAssignment(stored, next)) assign.push(next);
  }
  const gone = unwanted.filter((stored) => !leaving.includes(stored));
  const withdraw = gone.map((stored) => {
    return { machine: stored.machine, reason: whyWithdrawn(draft, stored, wanted) };
  });
  const whileAbsent = absentOf(draft, name, { assign, gone });
  const machines = [...wanted.values(), ...leaving]
    .map(({ machine, role }) => ({ machine, role }))
    .sort((a, b) => (a.machine < b.machine ? -1 : 1));
  const failures = failuresToStore(draft, name);
  const isSame = isPlacement(placement, { machines, failures });
  if (assign.length === 0 && withdraw.length === 0 && isSame) return;
  draft.changes.push({
    unit: name,
    unitRevision: unit?.modRevision ?? 0,
    placementRevision: placement?.modRevision ?? 0,
    assign,
    withdraw,
    ...(whileAbsent.length === 0 ? {} : { whileAbsent }),
    placement: placementOf(name, machines, failures),
  });
}

/**
 * Absent machines that this would not have been decided of if they were there: etcd refuses it then,
 * for what this leader sees may be old. What nobody wants goes from them in any case, unless it must
 * not run twice.
 */
function absentOf(
  { model, causes }: Draft,
  name: string,
  { assign, gone }: { assign: PlacementChange['assign']; gone: readonly Assignment[] },
): string[] {
  const unit = model.snapshot.units.get(name);
  const isWanted = unit !== undefined && unit.desiredState !== 'inactive';
  const released = assign.filter(({ role }) => role === 'released');
  const left = gone.filter(({ onPartition }) => isWanted || onPartition === 'stop');
  const cause = causes.get(name);
  const machines = [...released, ...left].map(({ machine }) => machine);
  const concerned = new Set(cause === undefined ? machines : [...machines, cause]);
  return [...concerned].filter((machine) => model.absent.has(machine));
}

function placementOf(
  unit: string,
  machines: Placement['machines'],
  failures: PlacementFailures | null,
): PlacementChange['placement'] {
  if (failures !== null) return { unit, machines, failures };
  return machines.length === 0 ? null : { unit, machines };
}

function whyWithdrawn({ model, left }: Draft, stored: Assignment, wanted: Wanted): string {
  const unit = model.snapshot.units.get(stored.unit);
  if (unit === undefined) return 'the unit was destroyed';
  if (unit.desiredState === 'inactive') return 'the unit is to be inactive';
  const why = left.get(`${stored.unit} on ${stored.machine}`);
  if (why !== undefined) return why;
  if (stored.isLeaving === true) return stored.reason;
  const holder = [...wanted.values()].find(({ role }) => role === 'holder');
  if (holder === undefined) return 'a template does not run';
  const where = `on ${holder.machine}`;
  return stored.role === 'released' ? `it is up ${where}` : `it belongs ${where}`;
}

/** A released copy keeps what it runs with; everything else follows the unit. */
export function assignmentFor(
  { candidates }: Pick<Model, 'candidates'>,
  unit: Unit,
  {
    place,
    stored,
  }: {
    place: Pick<Assignment, 'machine' | 'role' | 'reason'>;
    stored: Assignment | undefined;
  },
): Omit<Assignment, 'modRevision'> {
  const isKept = place.role === 'released' && stored !== undefined;
  const content = isKept ? stored : unit;
  const isBound = isKept
    ? stored.onPartition === 'stop'
    : candidates.get(unit.name)?.requirements.onPartition === 'stop';
  const { restarts, starts } = isKept
    ? { restarts: stored.restarts, starts: stored.starts ?? 0 }
    : countsOn(unit, place.machine);
  return {
    unit: unit.name,
    machine: place.machine,
    hash: content.hash,
    desiredState: content.desiredState === 'launched' ? 'launched' : 'loaded',
    restarts,
    ...(starts === 0 ? {} : { starts }),
    incarnation: isKept ? stored.incarnation : unit.createRevision,
    role: place.role,
    ...(isBound ? { onPartition: 'stop' } : {}),
    reason: place.reason,
  };
}

export function sameAssignment(
  a: Assignment | undefined,
  b: Omit<Assignment, 'modRevision'>,
): boolean {
  return (
    a !== undefined &&
    a.hash === b.hash &&
    a.desiredState === b.desiredState &&
    a.restarts === b.restarts &&
    (a.starts ?? 0) === (b.starts ?? 0) &&
    a.incarnation === b.incarnation &&
    a.role === b.role &&
    a.onPartition === b.onPartition &&
    a.isLeaving === b.isLeaving
  );
}

/** Whether that is what is stored. */
export function isPlacement(
  stored: Placement | undefined,
  {
    machines,
    failures,
  }: { readonly machines: Placement['machines']; readonly failures: PlacementFailures | null },
): boolean {
  const known = stored?.machines ?? [];
  return (
    known.length === machines.length &&
    machines.every(
      ({ machine, role }, i) => known[i]?.machine === machine && known[i].role === role,
    ) &&
    JSON.stringify(stored?.failures ?? null) === JSON.stringify(failures)
  );
}
