import { lingeringMatches, settle, shortfall, vacate } from './eligibility.ts';
import type { Candidate, Host } from './eligibility.ts';
import type { Draft } from './draft.ts';
import { groupRefusal, hostsFor } from './refusal.ts';
import { bestOf, scorerFor } from './score.ts';

/** A unit that has to leave, and the machine that is free for it. */
export interface Move {
  readonly unit: Candidate;
  readonly to: Host;
}

/**
 * What has to happen on a machine before a unit with Replaces= can be placed there.
 * - `free`: nothing.
 * - `pending`: these units have still to end there, or have just been placed there and cannot be
 *   told to leave before they are known to have arrived.
 * - `occupied`: these units have to leave.
 */
export type Vacancy =
  | { readonly type: 'free' }
  | { readonly type: 'pending'; readonly units: readonly string[] }
  | { readonly type: 'occupied'; readonly moves: readonly Move[] };

/** `refused`: a unit that would have to leave cannot; the sentence names it. */
export type Room = Vacancy | { readonly type: 'refused'; readonly reason: string };

/** Decides it for a machine that could take the unit otherwise; changes nothing. */
export function findRoom(draft: Draft, unit: Candidate, host: Host): Room {
  const ending = endingOn(draft, unit, host);
  if (typeof ending === 'string') return { type: 'refused', reason: ending };
  const room = roomAmongResidents(draft, unit, host);
  if (room.type === 'refused') return room;
  const left = room.type === 'occupied' ? room.moves.map((move) => move.unit.name) : [];
  const arriving = room.type === 'pending' ? room.units : [];
  const missing = shortfall(unit, host, new Set([...ending, ...left, ...arriving]));
  if (missing !== null) return { type: 'refused', reason: missing };
  return room.type === 'free' && ending.length > 0 ? { type: 'pending', units: ending } : room;
}

/** The same with no regard to what has no place there any more: for a unit that is there already. */
export function roomAmongResidents(draft: Draft, unit: Candidate, host: Host): Room {
  const { replacements, snapshot } = draft.model;
  const replaced = [...host.residents.values()].filter(
    ({ name }) => !host.expected.has(name) && replacements.patternFor(unit, name) !== null,
  );
  const [first] = replaced.sort(byName);
  if (first === undefined) return { type: 'free' };
  const leaving = withFollowers(draft, replaced, host);
  const moves = whoHasToStay(draft, unit, leaving) ?? tryMoves(draft, { unit, host, leaving });
  if (typeof moves === 'string') {
    const pattern = replacements.patternFor(unit, first.name) ?? '';
    const reason = `${first.name} is there, matches Replaces=${pattern}, and ${moves}`;
    return { type: 'refused', reason };
  }
  // Without a state nobody could tell when it has ended.
  const arriving = leaving.filter(({ name }) => snapshot.states.get(name)?.has(host.id) !== true);
  if (arriving.length === 0) return { type: 'occupied', moves };
  return { type: 'pending', units: arriving.map(({ name }) => name) };
}

/** Replaced units that run there without a place; a sentence when they may go on for long. */
function endingOn(draft: Draft, unit: Candidate, host: Host): string[] | string {
  const { replacements, snapshot, untouchable } = draft.model;
  const ending = new Set<string>();
  for (const glob of unit.replaces) {
    for (const name of lingeringMatches(host, glob)) {
      if (replacements.patternFor(unit, name) === null) continue;
      if (untouchable.has(name)) {
        return `${name} is there, matches Replaces=${glob.pattern}, and cannot be read`;
      }
      if (snapshot.assignments.get(name)?.get(host.id)?.role === 'released') {
        return `${name} runs there until it runs elsewhere, and matches Replaces=${glob.pattern}`;
      }
      ending.add(name);
    }
  }
  return [...ending].sort();
}

/** The units with those that follow them there by MachineOf. */
function withFollowers(
  { model: { peers } }: Draft,
  units: readonly Candidate[],
  host: Host,
): Candidate[] {
  const leaving = new Map(units.map((unit) => [unit.name, unit]));
  for (let before = 0; before < leaving.size;) {
    before = leaving.size;
    for (const other of host.residents.values()) {
      const follows = peers.of(other.name).some((peer) => leaving.has(peer));
      if (follows && !host.expected.has(other.name)) leaving.set(other.name, other);
    }
  }
  return [...leaving.values()].sort(byName);
}

/** The end of a sentence; null: all of them may be moved. */
function whoHasToStay(draft: Draft, unit: Candidate, leaving: readonly Candidate[]): string | null {
  for (const { name, requirements } of leaving) {
    if (requirements.isGlobal) return `${name} is global`;
    if (name === unit.name || draft.model.peers.of(unit.name).includes(name)) {
      return `${name} follows it`;
    }
    if (draft.decided.has(name)) return `${name} is placed first`;
  }
  return null;
}

/** Tries it out: the unit on this machine, the others elsewhere. The end of a sentence: it cannot be done. */
function tryMoves(
  draft: Draft,
  { unit, host, leaving }: { unit: Candidate; host: Host; leaving: readonly Candidate[] },
): Move[] | string {
  const wasThere = host.residents.has(unit.name);
  for (const { name } of leaving) vacate(host, name);
  settle(host, unit);
  const moves = tryElsewhere(draft, leaving, host);
  if (!wasThere) vacate(host, unit.name);
  for (const other of leaving) settle(host, other);
  return Array.isArray(moves) ? moves : `${moves.stuck.name} has no other machine`;
}

/**
 * Where a unit of this machine and those that follow it could go, as it is, with nobody leaving for
 * them; null: not all of them can. Changes nothing.
 */
export function movesElsewhere(draft: Draft, unit: Candidate, host: Host): Move[] | null {
  const leaving = withFollowers(draft, [unit], host);
  if (leaving.some(({ name, requirements }) => requirements.isGlobal || draft.decided.has(name))) {
    return null;
  }
  for (const { name } of leaving) vacate(host, name);
  const moves = tryElsewhere(draft, leaving, host);
  for (const other of leaving) settle(host, other);
  return Array.isArray(moves) ? moves : null;
}

function tryElsewhere(
  draft: Draft,
  leaving: readonly Candidate[],
  from: Host,
): Move[] | { readonly stuck: Candidate } {
  const moves: Move[] = [];
  const tried: Move[] = [];
  let stuck: Candidate | undefined;
  for (const group of groupsOf(draft, leaving)) {
    const to = hostFor(draft, group, from);
    if (to === null) {
      [stuck] = group;
      break;
    }
    for (const member of group) {
      const move = { unit: member, to };
      moves.push(move);
      // A unit that was global until now may be there already.
      if (to.residents.has(member.name)) continue;
      settle(to, member);
      tried.push(move);
    }
  }
  for (const move of tried) vacate(move.to, move.unit.name);
  return stuck === undefined ? moves : { stuck };
}

/** Units that follow each other have to go to one machine. */
function groupsOf(draft: Draft, units: readonly Candidate[]): Candidate[][] {
  const groups: Candidate[][] = [];
  for (const unit of units) {
    const tied = groups.filter((group) => group.some((other) => areTied(draft, unit, other)));
    const merged = [...tied.flat(), unit].sort(byName);
    groups.splice(0, groups.length, ...groups.filter((g) => !tied.includes(g)), merged);
  }
  return groups;
}

function areTied({ model: { peers } }: Draft, a: Candidate, b: Candidate): boolean {
  return peers.of(a.name).includes(b.name) || peers.of(b.name).includes(a.name);
}

/** The best other machine that takes the whole group, and nobody has to leave for it. */
function hostFor(draft: Draft, group: readonly Candidate[], from: Host): Host | null {
  const [unit] = group;
  if (unit === undefined) return null;
  return bestOf(
    [hostsFor(draft, group)],
    scorerFor(draft.model, { unit }),
    (host) => host !== from && groupRefusal(draft, group, host) === null,
  );
}

function byName(a: Candidate, b: Candidate): number {
  return a.name < b.name ? -1 : 1;
}
