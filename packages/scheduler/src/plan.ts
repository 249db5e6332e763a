import { parseUnitName } from '@muster/core';
import type { Assignment, PlacementChange, Unit } from '@muster/core';
import { pushChange } from './change.ts';
import { assignmentsOf, isForgotten } from './draft.ts';
import type { Draft, PlanOptions, Underway, Unplaced, Wanted } from './draft.ts';
import { depart, mismatch, settle } from './eligibility.ts';
import type { Candidate, Host } from './eligibility.ts';
import { evictUnfit, makeRoomWhereItIs, takeOffFailed } from './evict.ts';
import { holdsPlace } from './model.ts';
import type { Model } from './model.ts';
import { placeAnew, refusalsOf } from './place.ts';
import { placementOrder } from './placement-order.ts';
import { isReady } from './readiness.ts';
import { contention, isCrowded } from './refusal.ts';
import { keepReleased, settleReleased } from './released.ts';
import { planReschedules } from './reschedule.ts';
import type { ReschedulePlan, Sightings } from './reschedule.ts';
import { carryOnMoves } from './started-moves.ts';
import type { Arrivals, MoveState } from './started-moves.ts';

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
  /** Of a rebalance: the moves that are under way, as its record has them, and how far they are. */
  readonly moves: readonly MoveState[];
  /** For the next plan. */
  readonly arrivals: Arrivals;
}

/**
 * Decides where every unit of the cluster belongs. Pure: the same model gives the same plan. The
 * model's hosts are used as scratch space: they are left as the plan will have them.
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
    reserved: new Map(),
    moving: new Map(),
    carried: new Map(),
    held: new Set(),
    decided: new Set(),
    failing,
    deadlines: [...failing.deadlines],
  };
  withdrawDestroyed(draft);
  const moves = carryOnMoves(draft);
  const restless = placementOrder(model, restlessUnits(draft), (unit) => isMoving(model, unit));
  evictUnfit(draft, restless);
  takeOffFailed(draft, restless);
  for (const unit of restless) makeRoomWhereItIs(draft, unit);
  for (const unit of restless) decideUnit(draft, unit);
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
    moves: moves.states,
    arrivals: moves.arrivals,
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
 * Units that have to be thought about: those that are not at rest, and, as one that moves may take
 * them along, all that follow these.
 */
function restlessUnits({ model, failing }: Draft): Unit[] {
  const { restless, peers, snapshot } = model;
  const moved = snapshot.rebalance?.moves.flatMap((move) => move.units) ?? [];
  const names = new Set([...restless, ...failing.moves.keys(), ...failing.forgiven, ...moved]);
  // A set that grows while it is walked is walked to its end.
  for (const name of names) {
    for (const follower of peers.followers.get(name) ?? []) names.add(follower);
  }
  return [...names].flatMap((name) => snapshot.units.get(name) ?? []);
}

function withdrawDestroyed(draft: Draft): void {
  const { orphans, untouchable } = draft.model;
  for (const name of [...orphans].sort()) {
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
  const refuse = (host: Host): string | null =>
    mismatch(unit, host) ?? contention(draft, unit, host);
  for (const host of model.open) {
    if (wanted.has(host.id)) continue;
    // Nobody asks for the sentence as long as another takes it.
    if (unit.replaces.length === 0 && isCrowded(unit, host)) continue;
    if (refuse(host) !== null) continue;
    settle(host, unit);
    wanted.set(host.id, { machine: host.id, role: 'holder', reason: 'global unit' });
  }
  if (wanted.size === 0) {
    draft.unplaced.push({
      unit: unit.name,
      reason: 'no machine matches',
      machines: refusalsOf(draft, unit.name, refuse),
    });
  }
  pushChange(draft, unit.name, wanted);
}

function decideSingle(draft: Draft, unit: Candidate): void {
  const { model } = draft;
  const carried = draft.carried.get(unit.name);
  if (carried !== undefined) return pushChange(draft, unit.name, carried);
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
