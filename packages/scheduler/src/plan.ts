import { countsOn, hasCountsOf, parseUnitName } from '@muster/core';
import type { Assignment, PlacementChange, Unit } from '@muster/core';
import { conflictOn, isOlder, mismatch, settle, vacate } from './eligibility.ts';
import type { Candidate, Host } from './eligibility.ts';
import type { Model } from './model.ts';
import { peersFirst } from './peers-first.ts';

/** Why a unit is not (or not rightly) placed: one phrase, and what each machine says. */
export interface Unplaced {
  readonly unit: string;
  readonly reason: string;
  readonly machines: readonly { readonly machine: string; readonly reason: string }[];
}

/** What is to be written. Changes are in the order in which they are to be committed. */
export interface Plan {
  readonly changes: readonly PlacementChange[];
  /** Sorted by unit. A result, not an error: it is shown, and looked at again with the next change. */
  readonly unplaced: readonly Unplaced[];
}

export interface PlanOptions {
  /**
   * False while this daemon's own contact with the store is too young to tell a machine that is
   * gone from one that could not renew its lease either: units of absent machines stay then.
   */
  readonly mayDeclareAbsent: boolean;
}

/** Where a unit is to be, one entry for each machine. */
type Wanted = Map<string, Pick<Assignment, 'machine' | 'role' | 'reason'>>;

/** A plan in the making. */
interface Draft {
  readonly model: Model;
  readonly options: PlanOptions;
  readonly changes: PlacementChange[];
  readonly unplaced: Unplaced[];
}

/**
 * Decides where every unit of the cluster belongs. Pure: the same model gives the same plan. The
 * model's hosts are used as scratch space and are spent afterwards.
 *
 * A unit that has a place keeps it unless a reason that can be named says otherwise. It never
 * touches what it cannot read.
 */
export function planPlacements(model: Model, options: PlanOptions): Plan {
  const draft: Draft = { model, options, changes: [], unplaced: [] };
  withdrawDestroyed(draft);
  const units = peersFirst(model);
  const restless = units.filter((unit) => !isSettled(draft, unit));
  for (const unit of restless) evictIfUnfit(draft, unit);
  for (const unit of restless) decideUnit(draft, unit);
  draft.unplaced.sort((a, b) => (a.unit < b.unit ? -1 : 1));
  return { changes: draft.changes, unplaced: draft.unplaced };
}

/**
 * Whether a unit is plainly where it should be: placed on one machine that is there, as its record
 * says, asking nothing of the machine, and nobody there minds its neighbours. Most units are, and
 * need no second thought.
 */
function isSettled({ model }: Draft, unit: Unit): boolean {
  const { snapshot, hosts, candidates, untouchable } = model;
  const byMachine = snapshot.assignments.get(unit.name);
  const placement = snapshot.placements.get(unit.name);
  if (byMachine?.size !== 1 || placement?.machines.length !== 1) return false;
  const [place] = placement.machines;
  const stored = place === undefined ? undefined : byMachine.get(place.machine);
  const host = place === undefined ? undefined : hosts.get(place.machine);
  if (stored === undefined || host === undefined || host.picky.size > 0) return false;
  return (
    stored.role === 'holder' &&
    place?.role === 'holder' &&
    stored.hash === unit.hash &&
    stored.desiredState === unit.desiredState &&
    hasCountsOf(unit, stored) &&
    stored.incarnation === unit.createRevision &&
    candidates.get(unit.name)?.isUndemanding === true &&
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

/** Takes a unit off a present machine that it may no longer be on, before anything is placed. */
function evictIfUnfit(draft: Draft, unit: Unit): void {
  const candidate = draft.model.candidates.get(unit.name);
  if (candidate === undefined || draft.model.untouchable.has(unit.name)) return;
  for (const assignment of assignmentsOf(draft, unit.name)) {
    const host = draft.model.hosts.get(assignment.machine);
    if (host === undefined || assignment.role === 'released') continue;
    const away = draft.model.snapshot.machines.get(host.id)?.awaySince !== null;
    if (
      unit.desiredState === 'inactive' ||
      (!away && unfitReason(draft, candidate, host) !== null)
    ) {
      vacate(host, unit.name);
    }
  }
}

/** Why a unit that is on a machine may not stay there; null: it stays. */
function unfitReason(draft: Draft, unit: Candidate, host: Host): string | null {
  const strayed = unit.requirements.machineOf.find((peer) => {
    const places = placesOf(draft, peer);
    return places.length > 0 && !places.includes(host.id);
  });
  if (strayed !== undefined) return `MachineOf=${strayed} is on another machine`;
  return mismatch(unit, host) ?? conflictOn(unit, host, (other) => isOlder(other, unit));
}

/** Machines that hold a unit in this draft. */
function placesOf(draft: Draft, name: string): string[] {
  const places: string[] = [];
  for (const assignment of assignmentsOf(draft, name)) {
    if (assignment.role === 'released') continue;
    const host = draft.model.hosts.get(assignment.machine);
    if (host === undefined || host.residents.has(name)) places.push(assignment.machine);
  }
  for (const host of draft.model.hosts.values()) {
    if (host.residents.has(name) && !places.includes(host.id)) places.push(host.id);
  }
  return places;
}

function decideUnit(draft: Draft, unit: Unit): void {
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
    const host = model.hosts.get(assignment.machine);
    // A machine that is absent keeps its record: a blip must not touch a global unit.
    if (host === undefined || host.residents.has(unit.name)) {
      wanted.set(assignment.machine, { ...assignment, role: 'holder' });
    }
  }
  const refusals: Unplaced['machines'][number][] = [];
  for (const host of model.open) {
    if (wanted.has(host.id)) continue;
    const reason = mismatch(unit, host) ?? conflictOn(unit, host);
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
    const host = model.hosts.get(assignment.machine);
    if (assignment.role === 'released') wanted.set(assignment.machine, assignment);
    else if (host?.residents.has(unit.name) === true) wanted.set(assignment.machine, assignment);
    else if (host === undefined) {
      absentHolder = assignment;
      wanted.set(assignment.machine, assignment);
    }
  }
  const holder = keepOneHolder(draft, unit.name, wanted);
  if (holder === undefined || (absentHolder !== null && holder.machine === absentHolder.machine)) {
    placeAnew(draft, { unit, wanted, absentHolder });
  } else if (isReady(draft, unit.name, holder.machine)) {
    for (const place of wanted.values())
      if (place.role === 'released') wanted.delete(place.machine);
  }
  pushChange(draft, unit.name, wanted);
}

/** The holder among the places; of several (there should be none) the one that is up, else the first, stays. */
function keepOneHolder(
  draft: Draft,
  name: string,
  wanted: Wanted,
): { machine: string } | undefined {
  const holders = [...wanted.values()].filter((place) => place.role === 'holder');
  const kept = holders.find((place) => isReady(draft, name, place.machine)) ?? holders[0];
  for (const other of holders) {
    if (other === kept) continue;
    wanted.delete(other.machine);
    const host = draft.model.hosts.get(other.machine);
    if (host !== undefined) vacate(host, name);
  }
  return kept;
}

/** Finds a place for a unit that has none, or whose machine is gone. */
function placeAnew(
  draft: Draft,
  {
    unit,
    wanted,
    absentHolder,
  }: { unit: Candidate; wanted: Wanted; absentHolder: Assignment | null },
): void {
  const { model } = draft;
  if (absentHolder !== null) {
    const { machine } = absentHolder;
    if (model.obscure.has(machine) || !draft.options.mayDeclareAbsent) return;
    if (unit.requirements.machineId !== null) {
      draft.unplaced.push({
        unit: unit.name,
        reason: `its machine ${machine} is absent and MachineID allows no other`,
        machines: [],
      });
      return;
    }
  }
  const { best, refusals } = choose(draft, unit, wanted);
  if (best === null) {
    draft.unplaced.push({
      unit: unit.name,
      reason: model.open.length === 0 ? 'there is no machine' : 'no machine can take it',
      machines: refusals,
    });
    return;
  }
  if (absentHolder !== null) {
    wanted.set(absentHolder.machine, {
      ...absentHolder,
      role: 'released',
      reason: 'machine is gone',
    });
  }
  settle(best, unit);
  wanted.set(best.id, {
    machine: best.id,
    role: 'holder',
    reason: absentHolder === null ? 'least loaded' : `machine ${absentHolder.machine} is gone`,
  });
}

/** The least loaded machine that may take the unit; one that still runs it comes first. */
function choose(
  draft: Draft,
  unit: Candidate,
  wanted: Wanted,
): { best: Host | null; refusals: Unplaced['machines'] } {
  const lingering = stillStoppingOn(draft, unit.name, wanted);
  const refusals: Unplaced['machines'][number][] = [];
  let best: Host | null = null;
  for (const host of draft.model.open) {
    const reason = refusal(unit, host, lingering);
    if (reason !== null) {
      refusals.push({ machine: host.id, reason });
      continue;
    }
    if (wanted.get(host.id)?.role === 'released') return { best: host, refusals };
    if (best === null || host.residents.size < best.residents.size) best = host;
  }
  return { best, refusals };
}

/** Why a machine cannot take the unit now; null: it can. */
function refusal(unit: Candidate, host: Host, lingering: readonly string[]): string | null {
  const elsewhere = lingering.find((machine) => machine !== host.id);
  if (elsewhere !== undefined) return `it is still being stopped on ${elsewhere}`;
  const missing = unit.requirements.machineOf.find((peer) => !host.residents.has(peer));
  if (missing !== undefined) return `MachineOf=${missing} is not on it`;
  return mismatch(unit, host) ?? conflictOn(unit, host);
}

/** Present machines that still report the unit though they are not to have it any more. */
function stillStoppingOn(draft: Draft, name: string, wanted: Wanted): string[] {
  const { snapshot } = draft.model;
  return [...(snapshot.states.get(name)?.keys() ?? [])].filter(
    (machine) => snapshot.machines.has(machine) && !wanted.has(machine),
  );
}

/** Whether a holder has carried its assignment out and the unit is up, or has run to its end. */
function isReady(draft: Draft, name: string, machine: string): boolean {
  const assignment = draft.model.snapshot.assignments.get(name)?.get(machine);
  const state = draft.model.snapshot.states.get(name)?.get(machine);
  if (assignment === undefined || state === undefined) return false;
  if (state.answers < assignment.modRevision || state.problem !== null) return false;
  if (assignment.desiredState === 'loaded' || state.activeState === 'active') return true;
  return state.activeState === 'inactive' && state.result === 'success';
}

function assignmentsOf(draft: Draft, name: string): Assignment[] {
  const byMachine = draft.model.snapshot.assignments.get(name);
  if (byMachine === undefined) return [];
  if (byMachine.size === 1) return [...byMachine.values()];
  return [...byMachine.values()].sort((a, b) => (a.machine < b.machine ? -1 : 1));
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
    const next = unit === undefined ? stored : assignmentFor(unit, place, stored);
    if (next !== undefined && !sameAssignment(stored, next)) assign.push(next);
  }
  const withdraw = [...(current?.keys() ?? [])].filter((machine) => !wanted.has(machine)).sort();
  const machines = [...wanted.values()]
    .map(({ machine, role }) => ({ machine, role }))
    .sort((a, b) => (a.machine < b.machine ? -1 : 1));
  const samePlacement = JSON.stringify(placement?.machines ?? []) === JSON.stringify(machines);
  if (assign.length === 0 && withdraw.length === 0 && samePlacement) return;
  draft.changes.push({
    unit: name,
    unitRevision: unit?.modRevision ?? 0,
    placementRevision: placement?.modRevision ?? 0,
    assign,
    withdraw,
    placement: machines.length === 0 ? null : { unit: name, machines },
  });
}

/** A released copy keeps what it runs with; everything else follows the unit. */
function assignmentFor(
  unit: Unit,
  place: Pick<Assignment, 'machine' | 'role' | 'reason'>,
  stored: Assignment | undefined,
): Omit<Assignment, 'modRevision'> {
  const isKept = place.role === 'released' && stored !== undefined;
  const content = isKept ? stored : unit;
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
    a.role === b.role
  );
}
