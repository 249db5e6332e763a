import type { StartedMove } from '@muster/core';
import { leave } from './draft.ts';
import type { Draft, Wanted } from './draft.ts';
import { depart, settle, vacate } from './eligibility.ts';
import type { Candidate, Host } from './eligibility.ts';
import { holdsPlace } from './model.ts';
import type { Model } from './model.ts';
import { answer, hasFailed, isReady, presentState } from './readiness.ts';
import { groupRefusal } from './refusal.ts';

/**
 * How far a move has come. `begins`: nothing of it was done, and now it is. `moves`: it is under way.
 * `done`: its units are up where they were to go, and nowhere else. `void`: there is nothing left of it
 * to do. `fails`: a unit is not well where it came to; if all are up where they were, they stay there.
 */
type MoveProgress =
  | { readonly type: 'begins' | 'moves' | 'done' | 'void' }
  | { readonly type: 'fails'; readonly reason: string; readonly isTakenBack: boolean };

export interface MoveState {
  readonly move: StartedMove;
  readonly progress: MoveProgress;
}

/** Move → boot-clock ms since when this leader has seen all its units up where they were to go. */
export type Arrivals = ReadonlyMap<string, number>;

/** A unit has to stay up for so long before its old copy ends: many that fail do so at once. */
const proveMs = 2_000;

/** Carries on the moves that are under way, before anything else is decided of their units. */
export function carryOnMoves(draft: Draft): { states: readonly MoveState[]; arrivals: Arrivals } {
  const arrivals = new Map<string, number>();
  const moves = draft.model.snapshot.rebalance?.moves ?? [];
  const states = moves.map((move): MoveState => ({
    move,
    progress: carryOn(draft, move, arrivals),
  }));
  return { states, arrivals };
}

/** What has become of one unit of a move. `gone`: it is not for the move to say where it is. */
type Step = 'waits' | 'leaves' | 'arrives' | 'failed' | 'there' | 'gone';

function carryOn(draft: Draft, move: StartedMove, arrivals: Map<string, number>): MoveProgress {
  const { model } = draft;
  const steps = new Map(move.units.map((unit, i) => [unit, stepOf(model, move, { unit, i })]));
  const at = (...wanted: readonly Step[]): string[] => {
    return move.units.filter((unit) => wanted.some((step) => steps.get(unit) === step));
  };
  for (const unit of at('leaves', 'arrives')) draft.moving.set(unit, move);
  const [failed] = at('failed');
  if (failed !== undefined) {
    const reason = `${failed} failed on ${move.to}`;
    return {
      type: 'fails',
      reason,
      isTakenBack: takeBack(draft, move, { reason, but: at('gone') }),
    };
  }
  if (at('waits').length > 0 && begin(draft, move, at('waits'))) return { type: 'begins' };
  keepFree(draft, move, at('leaves'));
  const under = at('leaves', 'arrives', 'there');
  if (under.length === 0) return { type: 'void' };
  const isUp = under.every((unit) => isReady(model, unit, move.to));
  if (isUp && isProven(draft, move, arrivals)) {
    return { type: at('arrives').length === 0 ? 'done' : 'moves' };
  }
  for (const unit of under) draft.held.add(unit);
  return { type: 'moves' };
}

function stepOf(
  model: Model,
  { from, to, revisions }: StartedMove,
  { unit, i }: { readonly unit: string; readonly i: number },
): Step {
  const { snapshot, candidates, untouchable } = model;
  const wish = snapshot.units.get(unit)?.desiredState ?? 'inactive';
  if (wish === 'inactive' || untouchable.has(unit) || !candidates.has(unit)) return 'gone';
  const assignments = [...(snapshot.assignments.get(unit)?.values() ?? [])];
  const holder = assignments.find(holdsPlace);
  if (holder === undefined) return 'leaves';
  if (holder.machine === from && holder.modRevision === revisions[i]) return 'waits';
  if (holder.machine !== to) return 'gone';
  if (hasFailed(model, unit, to) || answer(model, unit, to)?.flapping !== undefined)
    return 'failed';
  const reporting = [...(snapshot.states.get(unit)?.keys() ?? [])];
  const isAlone = assignments.length === 1 && reporting.every((machine) => machine === to);
  return isAlone && isReady(model, unit, to) ? 'there' : 'arrives';
}

/** Whether all of them have been up for long enough; if not, it is to be looked at again when they have. */
function isProven(
  draft: Draft,
  { units, to }: StartedMove,
  arrivals: Map<string, number>,
): boolean {
  const { now, arrivals: before } = draft.options;
  const id = `${units.join(' ')} ${to}`;
  const since = before?.get(id) ?? now;
  arrivals.set(id, since);
  if (now >= since + proveMs) return true;
  draft.deadlines.push(since + proveMs);
  return false;
}

/** @returns false: it cannot be done any more, and nothing was */
function begin(draft: Draft, move: StartedMove, names: readonly string[]): boolean {
  const { hosts } = draft.model;
  const [from, to] = [hosts.get(move.from), hosts.get(move.to)];
  if (from === undefined || to === undefined || from.rank < 0 || to.rank < 0) return false;
  const units = names.flatMap((name) => from.residents.get(name) ?? []);
  if (units.length < names.length || units.some(({ name }) => !isOnlyThere(draft, name)))
    return false;
  for (const { name } of units) vacate(from, name);
  const refused = groupRefusal(draft, units, to);
  for (const unit of units) settle(from, unit);
  if (refused !== null) return false;
  for (const unit of units) {
    draft.moving.set(unit.name, move);
    if (move.order === 'stop-first') leave(draft, { unit, host: from, reason: move.reason });
    else draft.carried.set(unit.name, handOver(draft, move, { unit, from }));
  }
  for (const unit of units) {
    settle(to, unit);
    if (move.order === 'stop-first') draft.reserved.set(unit.name, to);
  }
  return true;
}

function isOnlyThere({ model: { snapshot } }: Draft, name: string): boolean {
  return snapshot.assignments.get(name)?.size === 1;
}

/** A unit that is only loaded runs nowhere: nothing of it has to run on. */
function handOver(
  draft: Draft,
  { to, reason }: StartedMove,
  { unit, from }: { readonly unit: Candidate; readonly from: Host },
): Wanted {
  const { name } = unit;
  depart(from, name, unit);
  const wanted: Wanted = new Map([[to, { machine: to, role: 'holder', reason }]]);
  if (draft.model.snapshot.units.get(name)?.desiredState === 'launched') {
    wanted.set(from.id, { machine: from.id, role: 'released', reason });
  } else draft.left.set(`${name} on ${from.id}`, reason);
  return wanted;
}

/** Units that have left, or are about to, find the place that they left for. */
function keepFree(draft: Draft, move: StartedMove, names: readonly string[]): void {
  const { hosts, candidates } = draft.model;
  for (const name of names) {
    if (!draft.underway.has(name)) draft.underway.set(name, { reason: move.reason, to: null });
  }
  const to = hosts.get(move.to);
  const units = names.flatMap((name) => candidates.get(name) ?? []);
  if (to === undefined || to.rank < 0 || groupRefusal(draft, units, to) !== null) return;
  for (const unit of units) {
    settle(to, unit);
    draft.reserved.set(unit.name, to);
  }
}

/**
 * The copies that run on where the units were are the units again, all of them.
 * @returns false: one of them does not run any more, or may not be there any more; nothing was done
 */
function takeBack(
  draft: Draft,
  { units: all, from, to }: StartedMove,
  { reason, but }: { readonly reason: string; readonly but: readonly string[] },
): boolean {
  const { hosts, candidates, snapshot } = draft.model;
  const names = all.filter((name) => !but.includes(name));
  const [origin, target] = [hosts.get(from), hosts.get(to)];
  const areUp = names.every((name) => {
    const isReleased = snapshot.assignments.get(name)?.get(from)?.role === 'released';
    return isReleased && presentState(draft.model, name, from)?.activeState === 'active';
  });
  if (origin === undefined || origin.rank < 0 || target === undefined || !areUp) return false;
  const units = names.flatMap((name) => candidates.get(name) ?? []);
  for (const { name } of units) vacate(target, name);
  const refused = groupRefusal(draft, units, origin);
  if (refused !== null) {
    for (const unit of units) settle(target, unit);
    return false;
  }
  for (const unit of units) {
    settle(origin, unit);
    draft.carried.set(
      unit.name,
      new Map([[from, { machine: from, role: 'holder', reason: `it runs there and ${reason}` }]]),
    );
    draft.left.set(`${unit.name} on ${to}`, `${reason}, and it runs on ${from}`);
  }
  return true;
}
