import type { Unit } from '@muster/core';
import { assignmentsOf, leave } from './draft.ts';
import type { Draft } from './draft.ts';
import { conflictOn, depart, isOlder, mismatch } from './eligibility.ts';
import type { Candidate, Host } from './eligibility.ts';
import { roomAmongResidents } from './make-room.ts';
import { moveOutgrown } from './outgrown.ts';
import { giveWay } from './place.ts';

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
      if (isAway(draft, host)) continue;
      const reason = unfitReason(draft, candidate, host);
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
    if (host?.residents.has(name) !== true || isAway(draft, host)) continue;
    const room = roomAmongResidents(draft, unit, host);
    if (room.type === 'occupied')
      giveWay(draft, { to: unit, host, moves: room.moves, absent: null });
    if (room.type === 'refused') leave(draft, { unit, host, reason: room.reason });
  }
}

/** musterd was stopped there in order: nobody watches its units, nobody could stop them. */
function isAway({ model }: Draft, host: Host): boolean {
  return model.snapshot.machines.get(host.id)?.awaySince !== null;
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
    if (assignment.role === 'released' || assignment.isLeaving === true) continue;
    const host = draft.model.hosts.get(assignment.machine);
    if (host === undefined || host.residents.has(name)) places.push(assignment.machine);
  }
  for (const host of draft.model.hosts.values()) {
    if (host.residents.has(name) && !places.includes(host.id)) places.push(host.id);
  }
  return places;
}
