import { compileGlob } from '@muster/core';
import {
  conflictEndingOn,
  conflictOn,
  firstByName,
  lingeringMatches,
  mismatch,
  replacedOn,
  settle,
  shortfall,
  vacate,
} from './eligibility.ts';
import type { Candidate, Host } from './eligibility.ts';
import type { Draft } from './draft.ts';
import type { Model } from './model.ts';
import { hasTooLittle } from './resources.ts';

/**
 * Why a machine cannot take the unit now, whoever may have to leave for it; null: it can.
 * @param together - names of units that are placed in the same step
 */
export function refusal(
  draft: Pick<Draft, 'model'>,
  unit: Candidate,
  host: Host,
  together: ReadonlySet<string> = nobody,
): string | null {
  return (
    missingPeer(draft.model, unit, host, together) ??
    mismatch(unit, host) ??
    contention(draft, unit, host)
  );
}

const nobody: ReadonlySet<string> = new Set();

function missingPeer(
  { peers }: Model,
  unit: Candidate,
  host: Host,
  together: ReadonlySet<string>,
): string | null {
  // Most units follow nobody, and are asked about most often.
  if (unit.requirements.machineOf.length === 0) return null;
  for (const peer of peers.of(unit.name)) {
    if (together.has(peer)) continue;
    if (!host.residents.has(peer)) return `${peerPhrase(unit, peer)} is not on it`;
    if (host.expected.has(peer)) return `${peerPhrase(unit, peer)} is not on it yet`;
  }
  const unmatched = peers.unmatched(unit);
  return unmatched === null ? null : `MachineOf=${unmatched} matches no unit that is to run`;
}

/** For people: a unit that another one has to be with, and by which word. */
export function peerPhrase({ requirements }: Candidate, peer: string): string {
  const { machineOf } = requirements;
  if (machineOf.includes(peer)) return `MachineOf=${peer}`;
  const pattern = machineOf.find((word) => compileGlob(word).matches(peer)) ?? peer;
  return `${peer} of MachineOf=${pattern}`;
}

/**
 * Machines that may take these units together, the least loaded first; whether they do has to be
 * asked. Nothing may be placed meanwhile that is not taken back.
 */
export function hostsFor(
  { model }: Pick<Draft, 'model'>,
  group: readonly Candidate[],
): Iterable<Host> {
  const [unit] = group;
  if (unit === undefined) return [];
  const together = new Set(group.map(({ name }) => name));
  const follows = model.peers.of(unit.name).filter((peer) => !together.has(peer));
  return model.index.mayTake(unit, { follows, takesOn: hostsWith(model, unit.name) });
}

/** Machines that hold the unit, or of which something is stored. */
export function hostsWith({ hosts, index, snapshot }: Model, name: string): Set<Host> {
  const found = new Set(index.whereIs(name));
  for (const records of [snapshot.assignments, snapshot.states]) {
    for (const machine of records.get(name)?.keys() ?? []) {
      const host = hosts.get(machine);
      if (host !== undefined) found.add(host);
    }
  }
  return found;
}

/** What others leave of the machine, and who of them keeps the unit away; null: there is room. */
export function contention(
  draft: Pick<Draft, 'model'>,
  unit: Candidate,
  host: Host,
): string | null {
  // Who leaves for it makes room: findRoom sees to that.
  const missing = unit.replaces.length === 0 ? shortfall(unit, host) : null;
  if (missing !== null) return missing;
  // Most machines hold nobody who minds, and are asked about most often.
  const isCalm = host.picky.size === 0 && host.lingeringPicky.size === 0;
  if (!isCalm || unit.conflicts.length > 0) {
    // Who it is has to be looked for among all that are there.
    const isAnyThere = host.index.conflicts.isAny(unit, host);
    const conflict = (isAnyThere ? conflictOn(unit, host) : null) ?? conflictEndingOn(unit, host);
    if (conflict !== null) return conflict;
  }
  const replaced = replacedOn(unit, host, draft.model.replacements);
  return replaced === null ? null : `${replaced.by} is there and has Replaces=${replaced.pattern}`;
}

/** Why a machine cannot take all of them as it is, with nobody leaving it; null: it can. */
export function groupRefusal(
  draft: Pick<Draft, 'model'>,
  group: readonly Candidate[],
  host: Host,
): string | null {
  const settled = settleGroup(draft, group, host);
  if (typeof settled === 'string') return settled;
  for (const name of settled) vacate(host, name);
  return null;
}

/**
 * Those of some groups that a machine can take as it is, group by group: all of one or none, and
 * nobody without the first. In their order; the machine holds what it held.
 */
export function takenGroups(
  draft: Draft,
  groups: readonly (readonly Candidate[])[],
  host: Host,
): Candidate[] {
  const taken: Candidate[] = [];
  const settled: string[] = [];
  for (const group of groups) {
    // Of many that are alike most find no room: nobody asks for the sentence.
    if (group.some((unit) => isCrowded(unit, host))) {
      if (taken.length === 0) break;
      continue;
    }
    const names = settleGroup(draft, group, host);
    if (typeof names !== 'string') {
      taken.push(...group);
      settled.push(...names);
    } else if (taken.length === 0) break;
  }
  for (const name of settled) vacate(host, name);
  return taken;
}

/** Whether a machine can take all of some groups together as it is. */
export function takesGroups(
  draft: Draft,
  groups: readonly (readonly Candidate[])[],
  host: Host,
): boolean {
  const units = groups.flat();
  if (units.some((unit) => mismatch(unit, host) !== null || isCrowded(unit, host))) return false;
  const settled: string[] = [];
  const takesAll = groups.every((group) => {
    const names = settleGroup(draft, group, host);
    if (typeof names === 'string') return false;
    settled.push(...names);
    return true;
  });
  for (const name of settled) vacate(host, name);
  return takesAll;
}

/** Whether a machine has too little for the unit as it is, whoever may have to leave for it. false: ask `shortfall`. */
export function isCrowded({ name, requirements: { resources } }: Candidate, host: Host): boolean {
  const { ledger } = host;
  return resources !== null && !ledger.takings.has(name) && hasTooLittle(ledger, resources);
}

/** @returns who of them has come, or why a machine cannot take all of them: then nobody was */
function settleGroup(
  draft: Pick<Draft, 'model'>,
  group: readonly Candidate[],
  host: Host,
): readonly string[] | string {
  const together = new Set(group.map(({ name }) => name));
  const settled: string[] = [];
  for (const unit of group) {
    const reason = refusal(draft, unit, host, together) ?? ownObstacle(draft, unit, host);
    if (reason !== null) {
      for (const name of settled) vacate(host, name);
      return unit === group[0] ? reason : `${unit.name} has to come along: ${reason}`;
    }
    // A unit that was global until now may be there already.
    if (host.residents.has(unit.name)) continue;
    settle(host, unit);
    settled.push(unit.name);
  }
  return settled;
}

/** What keeps a unit with Replaces= away when nobody leaves for it. */
function ownObstacle(draft: Pick<Draft, 'model'>, unit: Candidate, host: Host): string | null {
  if (unit.replaces.length === 0) return null;
  const replaced = firstByName(
    [...host.residents.keys(), ...unit.replaces.flatMap((glob) => lingeringMatches(host, glob))],
    (name) => draft.model.replacements.patternFor(unit, name) !== null,
  );
  if (replaced !== undefined) return `${replaced} is there and would have to leave`;
  return shortfall(unit, host);
}
