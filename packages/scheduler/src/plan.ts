import { countsOn, hasCountsOf, parseUnitName } from '@muster/core';
import type { Assignment, Placement, PlacementChange, PlacementFailures, Unit } from '@muster/core';
import { assignmentsOf, failuresToStore, isForgotten } from './draft.ts';
import type { Draft, PlanOptions, Underway, Unplaced, Wanted } from './draft.ts';
import { depart, mismatch, settle } from './eligibility.ts';
import type { Candidate } from './eligibility.ts';
import { evictUnfit, makeRoomWhereItIs, takeOffFailed } from './evict.ts';
import { hasToEndFirst, leavingAssignment } from './leaving.ts';
import { holdsPlace } from './model.ts';
import type { Model } from './model.ts';
import { placeAnew } from './place.ts';
import { placementOrder } from './placement-order.ts';
import { isReady } from './readiness.ts';
import { contention } from './refusal.ts';
import { keepReleased, settleReleased } from './released.ts';
import { planReschedules } from './reschedule.ts';
import type { ReschedulePlan, Sightings } from './reschedule.ts';

/** What is to be written. Changes are in the order in which they are to be committed. */
export interface Plan {
  readonly changes: readonly PlacementChange[];
  /** Sorted by unit. A result, not an error: it is shown, and looked at again with the next change. */
  readonly unplaced: readonly Unplaced[];
  /** Units that have lost their place, or wait for others to leave theirs: for the next plan. */
  readonly underway: ReadonlyMap<string, Underway>;
  /** Units among which Replaces= has no effect because they replace each other; sorted. */
  readonly circles: readonly (readonly string[])[];
  /** Boot-clock ms at which to plan again, even if nothing changes until then; null: no need. */
  readonly lookAgainAt: number | null;
  /** Of units that failed or came up, for the next plan. */
  readonly sightings: Sightings;
  /** Units with Reschedule=on-failure that have failed as often as they may; sorted. */
  readonly givenUp: ReschedulePlan['givenUp'];
}

/**
 * Decides where every unit of the cluster belongs. Pure: the same model gives the same plan. The
 * model's hosts are used as scratch space and are spent afterwards.
 *
 * A unit that has a place keeps it unless a reason that can be named says otherwise. It never
 * touches what it cannot read.
 */
export function planPlacements(model: Model, options: PlanOptions): Plan {
  const underway = stillUnderway(model, options.underway ?? new Map());
  const { now, sightings } = options;
  const failing = planReschedules(model, { now, before: sightings ?? new Map() });
  const draft: Draft = {
    model,
    options,
    changes: [],
    unplaced: [],
    underway,
    left: new Map(),
    causes: new Map(),
    promises: new Map(),
    decided: new Set(),
    failing,
    deadlines: [...failing.deadlines],
  };
  withdrawDestroyed(draft);
  const unsettled = [...model.snapshot.units.values()].filter((unit) => !isSettled(draft, unit));
  const restless = placementOrder(model, unsettled, (unit) => isMoving(model, unit));
  evictUnfit(draft, restless);
  takeOffFailed(draft, restless);
  for (const unit of restless) makeRoomWhereItIs(draft, unit);
  for (const unit of restless) decideUnit(draft, unit);
  // One that made room for them may have been plainly settled before.
  for (const name of [...underway.keys()].sort()) {
    const unit = model.snapshot.units.get(name);
    if (unit !== undefined && !draft.decided.has(name)) decideUnit(draft, unit);
  }
  draft.unplaced.sort((a, b) => (a.unit < b.unit ? -1 : 1));
  const { changes, unplaced, deadlines } = draft;
  const lookAgainAt = deadlines.length === 0 ? null : deadlines.reduce((a, b) => Math.min(a, b));
  const { circles } = model.replacements;
  return {
    changes,
    unplaced,
    underway,
    circles,
    lookAgainAt,
    sightings: failing.sightings,
    givenUp: failing.givenUp,
  };
}

/** Whether a unit that is wanted is on no machine, and still has to end on one. */
function isMoving(model: Model, { name, desiredState }: Unit): boolean {
  return desiredState !== 'inactive' && model.snapshot.states.has(name) && !hasHolder(model, name);
}

function hasHolder({ snapshot }: Model, name: string): boolean {
  const byMachine = snapshot.assignments.get(name);
  return byMachine !== undefined && [...byMachine.values()].some(holdsPlace);
}

/** Whether a machine that is there has it. */
function isHeld({ snapshot, hosts }: Model, name: string): boolean {
  const assignments = [...(snapshot.assignments.get(name)?.values() ?? [])];
  return assignments.some((a) => a.role !== 'released' && hosts.has(a.machine));
}

/** What the plan before said of units that no machine that is there has even now. */
function stillUnderway(model: Model, before: ReadonlyMap<string, Underway>): Map<string, Underway> {
  return new Map(
    [...before].filter(([name]) => {
      const unit = model.snapshot.units.get(name);
      return unit !== undefined && unit.desiredState !== 'inactive' && !isHeld(model, name);
    }),
  );
}

/**
 * Whether a unit is plainly where it should be: placed on one machine that is there, as its record
 * says, asking nothing of the machine, and nobody there minds its neighbours. Most units are, and
 * need no second thought.
 */
function isSettled({ model, failing }: Draft, unit: Unit): boolean {
  if (failing.moves.has(unit.name) || failing.forgiven.has(unit.name)) return false;
  const { snapshot, hosts, candidates, untouchable } = model;
  const byMachine = snapshot.assignments.get(unit.name);
  const placement = snapshot.placements.get(unit.name);
  if (byMachine?.size !== 1 || placement?.machines.length !== 1) return false;
  const [place] = placement.machines;
  const stored = place === undefined ? undefined : byMachine.get(place.machine);
  const host = place === undefined ? undefined : hosts.get(place.machine);
  if (stored === undefined || host === undefined || host.picky.size > 0) return false;
  const candidate = candidates.get(unit.name);
  return (
    stored.role === 'holder' &&
    stored.isLeaving !== true &&
    place?.role === 'holder' &&
    stored.hash === unit.hash &&
    stored.desiredState === unit.desiredState &&
    hasCountsOf(unit, stored) &&
    stored.incarnation === unit.createRevision &&
    candidate?.isUndemanding === true &&
    (stored.onPartition ?? 'keep') === candidate.requirements.onPartition &&
    !untouchable.has(unit.name)
  );
}

function withdrawDestroyed(draft: Draft): void {
  const { snapshot, untouchable } = draft.model;
  const names = new Set<string>();
  for (const name of snapshot.assignments.keys()) if (!snapshot.units.has(name)) names.add(name);
  for (const name of snapshot.placements.keys()) if (!snapshot.units.has(name)) names.add(name);
  for (const name of [...names].sort()) {
    if (!untouchable.has(name)) pushChange(draft, name, new Map());
  }
}

function decideUnit(draft: Draft, unit: Unit): void {
  draft.decided.add(unit.name);
  const candidate = draft.model.candidates.get(unit.name);
  if (candidate === undefined || draft.model.untouchable.has(unit.name)) {
    const reason = draft.model.untouchable.get(unit.name) ?? 'its record does not parse';
    draft.unplaced.push({ unit: unit.name, reason, machines: [] });
    return;
  }
  if (unit.desiredState === 'inactive' || parseUnitName(unit.name).isTemplate) {
    pushChange(draft, unit.name, new Map());
  } else if (candidate.requirements.isGlobal) {
    decideGlobal(draft, candidate);
  } else {
    decideSingle(draft, candidate);
  }
}

function decideGlobal(draft: Draft, unit: Candidate): void {
  const { model } = draft;
  const wanted: Wanted = new Map();
  for (const assignment of assignmentsOf(draft, unit.name)) {
    if (assignment.isLeaving === true) continue;
    const host = model.hosts.get(assignment.machine);
    if (host === undefined && isForgotten(draft, assignment.machine)) {
      draft.left.set(`${unit.name} on ${assignment.machine}`, 'its machine was forgotten');
      continue;
    }
    // A machine that is absent keeps its record: a blip must not touch a global unit.
    if (host === undefined || host.residents.has(unit.name)) {
      wanted.set(assignment.machine, { ...assignment, role: 'holder' });
    }
  }
  const refusals: Unplaced['machines'][number][] = [];
  for (const host of model.open) {
    if (wanted.has(host.id)) continue;
    const reason = mismatch(unit, host) ?? contention(draft, unit, host);
    if (reason !== null) {
      refusals.push({ machine: host.id, reason });
      continue;
    }
    settle(host, unit);
    wanted.set(host.id, { machine: host.id, role: 'holder', reason: 'global unit' });
  }
  if (wanted.size === 0) {
    draft.unplaced.push({ unit: unit.name, reason: 'no machine matches', machines: refusals });
  }
  pushChange(draft, unit.name, wanted);
}

function decideSingle(draft: Draft, unit: Candidate): void {
  const { model } = draft;
  const wanted: Wanted = new Map();
  const current = assignmentsOf(draft, unit.name);
  let absentHolder: Assignment | null = null;
  for (const assignment of current) {
    if (assignment.isLeaving === true) continue;
    const host = model.hosts.get(assignment.machine);
    if (assignment.role === 'released') keepReleased(draft, wanted, assignment);
    else if (host?.residents.has(unit.name) === true) wanted.set(assignment.machine, assignment);
    else if (host === undefined) {
      absentHolder = assignment;
      wanted.set(assignment.machine, assignment);
    }
  }
  const holder = keepOneHolder(draft, unit.name, wanted);
  if (holder === undefined || (absentHolder !== null && holder.machine === absentHolder.machine)) {
    placeAnew(draft, { unit, wanted, absentHolder });
  } else {
    settleReleased(draft, { unit, wanted, holder: holder.machine });
  }
  pushChange(draft, unit.name, wanted);
}

/**
 * The holder among the places. Of several, as a global unit that no longer is one has, one that is
 * up stays, else one whose machine is there, else the first.
 */
function keepOneHolder(
  draft: Draft,
  name: string,
  wanted: Wanted,
): { machine: string } | undefined {
  const holders = [...wanted.values()].filter((place) => place.role === 'holder');
  const { hosts, candidates } = draft.model;
  const kept =
    holders.find((place) => isReady(draft.model, name, place.machine)) ??
    holders.find((place) => hosts.has(place.machine)) ??
    holders[0];
  for (const other of holders) {
    if (other === kept) continue;
    wanted.delete(other.machine);
    const host = hosts.get(other.machine);
    if (host === undefined) continue;
    depart(host, name, candidates.get(name) ?? null);
  }
  return kept;
}

/** Records what has to be written to get from what is stored to what is wanted, if anything. */
function pushChange(draft: Draft, name: string, wanted: Wanted): void {
  const { snapshot } = draft.model;
  const unit = snapshot.units.get(name);
  const current = snapshot.assignments.get(name);
  const placement = snapshot.placements.get(name);
  const assign: PlacementChange['assign'][number][] = [];
  for (const place of wanted.values()) {
    const stored = current?.get(place.machine);
    const next = unit === undefined ? stored : assignmentFor(draft, unit, { place, stored });
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
  const samePlacement =
    JSON.stringify(placement?.machines ?? []) === JSON.stringify(machines) &&
    JSON.stringify(placement?.failures ?? null) === JSON.stringify(failures);
  if (assign.length === 0 && withdraw.length === 0 && samePlacement) return;
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
function assignmentFor(
  { model }: Draft,
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
    : model.candidates.get(unit.name)?.requirements.onPartition === 'stop';
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

function sameAssignment(a: Assignment | undefined, b: Omit<Assignment, 'modRevision'>): boolean {
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
