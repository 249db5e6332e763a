import { compileGlob } from '@muster/core';
import type { Unit } from '@muster/core';
import { assignmentsOf, leave } from './draft.ts';
import type { Draft } from './draft.ts';
import { conflictOn, depart, isOlder, mismatch } from './eligibility.ts';
import type { Candidate, Host } from './eligibility.ts';
import { roomAmongResidents } from './make-room.ts';
import { holdsPlace } from './model.ts';
import type { Model } from './model.ts';
import { moveOutgrown } from './outgrown.ts';
import { giveWay } from './place.ts';
import { portConflictOn } from './port-conflict.ts';
import { peerPhrase } from './refusal.ts';

/**
 * Takes units off present machines that they may no longer be on, before anything is placed: the
 * oldest first, so that one that has to go anyway makes no younger one go.
 */
export function evictUnfit(draft: Draft, units: readonly Unit[]): void {
  for (const unit of units.toSorted((a, b) => (isOlder(a, b) ? -1 : 1))) {
    const candidate = draft.model.candidates.get(unit.name);
    if (candidate === undefined || draft.model.untouchable.has(unit.name)) continue;
    for (const stored of assignmentsOf(draft, unit.name)) {
      const { machine, role, isLeaving } = stored;
      const host = draft.model.hosts.get(machine);
      if (host === undefined || role === 'released' || isLeaving === true) continue;
      // One that it follows may have taken it along.
      if (!host.residents.has(unit.name)) continue;
      if (unit.desiredState === 'inactive') {
        depart(host, unit.name, candidate);
        continue;
      }
      if (isAway(draft.model, host)) continue;
      const reason = unfitReason(draft.model, candidate, host);
      if (reason === null) moveOutgrown(draft, { unit: candidate, host, stored });
      else leave(draft, { unit: candidate, host, reason });
    }
  }
}

/** Takes units off the machines on which they have failed, if they are to be tried elsewhere now. */
export function takeOffFailed(draft: Draft, units: readonly Unit[]): void {
  for (const { name } of units) {
    const move = draft.failing.moves.get(name);
    const unit = draft.model.candidates.get(name);
    const host = move && draft.model.hosts.get(move.machine);
    if (move === undefined || unit === undefined || host?.residents.has(name) !== true) continue;
    leave(draft, { unit, host, reason: move.reason });
  }
}

/** Units that one replaces leave the machine it is on; when they cannot, it has to leave itself. */
export function makeRoomWhereItIs(draft: Draft, { name }: Unit): void {
  const unit = draft.model.candidates.get(name);
  if (unit === undefined || unit.replaces.length === 0 || draft.model.untouchable.has(name)) return;
  for (const { machine } of assignmentsOf(draft, name)) {
    const host = draft.model.hosts.get(machine);
    if (host?.residents.has(name) !== true || isAway(draft.model, host)) continue;
    const room = roomAmongResidents(draft, unit, host);
    if (room.type === 'occupied')
      giveWay(draft, { to: unit, host, moves: room.moves, absent: null });
    if (room.type === 'refused') leave(draft, { unit, host, reason: room.reason });
  }
}

/** musterd was stopped there in order: nobody watches its units, nobody could stop them. */
function isAway({ snapshot }: Model, host: Host): boolean {
  return snapshot.machines.get(host.id)?.awaySince !== null;
}

/** Why a unit that is on a machine may not stay there; null: it stays. */
export function unfitReason(model: Model, unit: Candidate, host: Host): string | null {
  if (isAway(model, host)) return null;
  const strayed = model.peers
    .of(unit.name)
    .find((peer) => isElsewhere(model, peer, host) && goesAfter(model, unit, { peer, host }));
  if (strayed !== undefined) return `${peerPhrase(unit, strayed)} is on another machine`;
  const counts = (other: Candidate): boolean => isOlder(other, unit);
  return (
    mismatch(unit, host) ?? portConflictOn(model, unit, host) ?? conflictOn(unit, host, counts)
  );
}

/**
 * Whether a unit leaves a machine for one that it follows, and that is elsewhere. Of two that follow
 * each other the younger comes to the older. One that a pattern matches takes nobody along that has
 * another one of that pattern beside it, or that was there first: who comes later is to stop nobody.
 */
function goesAfter(
  { peers, candidates, snapshot }: Model,
  unit: Candidate,
  { peer, host }: { readonly peer: string; readonly host: Host },
): boolean {
  const other = candidates.get(peer);
  if (other !== undefined && peers.of(peer).includes(unit.name)) return isOlder(other, unit);
  const { name, requirements } = unit;
  const { machineOf } = requirements;
  if (machineOf.includes(peer)) return true;
  const stored = snapshot.assignments.get(name)?.get(host.id);
  if (stored?.hash !== snapshot.units.get(name)?.hash) return true;
  const globs = machineOf.map(compileGlob).filter((glob) => glob.matches(peer));
  const hasAnother = peers
    .of(name)
    .some((each) => host.residents.has(each) && globs.some((glob) => glob.matches(each)));
  return !hasAnother && (other === undefined || isOlder(other, unit));
}

/** Whether a unit has a place, and none on this machine. */
function isElsewhere({ index, hosts, snapshot }: Model, name: string, host: Host): boolean {
  const holders = index.whereIs(name);
  if (holders.has(host)) return false;
  if (holders.size > 0) return true;
  return [...(snapshot.assignments.get(name)?.values() ?? [])].some(
    (assignment) => holdsPlace(assignment) && !hosts.has(assignment.machine),
  );
}
