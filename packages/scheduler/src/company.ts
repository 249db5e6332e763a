import { parseUnitName } from '@muster/core';
import type { Draft } from './draft.ts';
import type { Candidate } from './eligibility.ts';
import { holdsPlace } from './model.ts';

/**
 * Units that follow this one by MachineOf while it follows them, and that are on no machine yet:
 * each would wait for the other for ever, so they are placed together or not at all.
 */
export function companionsOf(draft: Draft, unit: Candidate): Candidate[] {
  const circle = draft.model.peers.circles().get(unit.name) ?? [];
  return circle.flatMap((name) => (name === unit.name ? [] : (homelessUnit(draft, name) ?? [])));
}

/**
 * Who waits to follow these units, directly or through others, the nearest first. Of each group all
 * have to come along, or none: the first follows, the others are whom it needs as well. It is for
 * them to choose a machine that takes them too, but nobody stays behind for want of a follower.
 */
export function followingGroups(draft: Draft, leaders: readonly Candidate[]): Candidate[][] {
  const { followers } = draft.model.peers;
  const groups: Candidate[][] = [];
  const among = new Set(leaders.map(({ name }) => name));
  // A set that grows while it is walked is walked to its end.
  for (const name of among) {
    for (const follower of [...(followers.get(name) ?? [])].sort()) {
      if (among.has(follower)) continue;
      const group = withNeeds(draft, follower, among);
      if (group === null) continue;
      groups.push(group);
      for (const member of group) among.add(member.name);
    }
  }
  return groups;
}

/** A unit and those without which it cannot be placed, as far as they are on no machine; null: some can be on none. */
function withNeeds(draft: Draft, name: string, among: ReadonlySet<string>): Candidate[] | null {
  const needed = new Set([name]);
  const found: Candidate[] = [];
  for (const next of needed) {
    const unit = draft.decided.has(next) ? null : homelessUnit(draft, next);
    if (unit === null) return null;
    found.push(unit);
    for (const peer of draft.model.peers.of(next)) {
      if (!among.has(peer) && !isPlaced(draft, peer)) needed.add(peer);
    }
  }
  return found;
}

/** A unit that is to run and on no machine yet; null: it is not. */
function homelessUnit(draft: Draft, name: string): Candidate | null {
  const { candidates, snapshot, untouchable } = draft.model;
  const candidate = candidates.get(name);
  const unit = snapshot.units.get(name);
  if (candidate === undefined || unit === undefined || untouchable.has(name)) return null;
  if (unit.desiredState === 'inactive' || parseUnitName(name).isTemplate) return null;
  return isPlaced(draft, name) ? null : candidate;
}

/** Also on a machine that is absent and does not count as gone yet. */
function isPlaced({ model, options }: Draft, name: string): boolean {
  const { hosts, snapshot, index } = model;
  if (index.whereIs(name).size > 0) return true;
  const assignments = [...(snapshot.assignments.get(name)?.values() ?? [])];
  return assignments.some(
    (stored) =>
      holdsPlace(stored) && !hosts.has(stored.machine) && !options.absentSince.has(stored.machine),
  );
}
