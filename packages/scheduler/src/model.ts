import { compileGlob, parseRequirements, parseUnitFile } from '@muster/core';
import type { Assignment, ClusterSnapshot, Metadata, Requirements, Unit } from '@muster/core';
import { linger, settle } from './eligibility.ts';
import type { Candidate, Host } from './eligibility.ts';
import { Replacements } from './replacements.ts';
import { bookOtherContent } from './other-content.ts';
import { openLedger } from './resources.ts';
import { circlesOf } from './strongly-connected.ts';
import { Tallies } from './tallies.ts';

/** The cluster as one plan sees it: the snapshot and what is derived from it. */
export interface Model {
  readonly snapshot: ClusterSnapshot;
  /** Machines that are present, by id; also those whose musterd was stopped in order. */
  readonly hosts: ReadonlyMap<string, Host>;
  /** Hosts that take new units, sorted by id. */
  readonly open: readonly Host[];
  /** Units that something unreadable in the store is about: left exactly as they are. */
  readonly untouchable: ReadonlyMap<string, string>;
  /** Machines that have assignments and no presence, not even one that does not parse. */
  readonly absent: ReadonlySet<string>;
  /** Machines whose presence is there but does not parse: neither absent nor open. */
  readonly obscure: ReadonlySet<string>;
  /** Readable units, by name. */
  readonly candidates: ReadonlyMap<string, Candidate>;
  readonly tallies: Tallies;
  /** Which unit makes which others give way. */
  readonly replacements: Replacements;
  /** unit → the units that follow each other by MachineOf, with itself; a unit in no circle is missing. */
  readonly peerCircles: ReadonlyMap<string, readonly string[]>;
}

/** What was read of units, by name, so that a plan need not parse what has not changed. */
export type CandidateCache = Map<string, { readonly hash: string; readonly candidate: Candidate }>;

/** Builds the model. `cache` is filled, and emptied of units that are gone. */
export function buildModel(snapshot: ClusterSnapshot, cache: CandidateCache): Model {
  for (const name of cache.keys()) if (!snapshot.units.has(name)) cache.delete(name);
  const untouchable = new Map<string, string>();
  const obscure = new Set<string>();
  for (const { key, problem } of snapshot.corrupt) {
    const unit = /\/(?:unit|placement|assignment\/[^/]+)\/([^/]+)$/.exec(key)?.[1];
    if (unit !== undefined) untouchable.set(unit, `${key}: ${problem}`);
    const machine = /\/machine\/([^/]+)$/.exec(key)?.[1];
    if (machine !== undefined) obscure.add(machine);
  }
  const candidates = new Map<string, Candidate>();
  for (const unit of snapshot.units.values()) {
    const candidate = readCandidate(unit, snapshot, cache);
    if (typeof candidate === 'string') untouchable.set(unit.name, candidate);
    else candidates.set(unit.name, candidate);
  }
  const { hosts, tallies } = emptyHosts(snapshot);
  const absent = new Set<string>();
  const areNeighboursMinded = [...candidates.values()].some(forbidsOthers);
  // In one order, so that of several reasons always the same is said.
  const sorted = <T>(map: ReadonlyMap<string, T>): Iterable<[string, T]> =>
    areNeighboursMinded ? [...map].sort(([a], [b]) => (a < b ? -1 : 1)) : map;
  for (const [name, byMachine] of sorted(snapshot.assignments)) {
    for (const assignment of byMachine.values()) {
      const host = hosts.get(assignment.machine);
      const candidate = candidates.get(name);
      if (host === undefined) absent.add(assignment.machine);
      else if (candidate !== undefined && holdsPlace(assignment)) settle(host, candidate);
    }
  }
  for (const machine of obscure) absent.delete(machine);
  if (areNeighboursMinded || [...candidates.values()].some(takesSomething)) {
    noteWhatRuns(snapshot, { candidates, hosts, sorted });
  }
  const replacements = new Replacements(candidates);
  const open = [...hosts.values()]
    .filter((host) => snapshot.machines.get(host.id)?.awaySince === null)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return {
    snapshot,
    hosts,
    open,
    untouchable,
    absent,
    obscure,
    candidates,
    tallies,
    replacements,
    peerCircles: peerCircles(candidates),
  };
}

/** Whether it is where the unit is, or is to be, rather than one that it leaves. */
export function holdsPlace({ role, isLeaving }: Assignment): boolean {
  return role !== 'released' && isLeaving !== true;
}

/** The sentence says why the unit cannot be read. */
function readCandidate(
  unit: Unit,
  snapshot: ClusterSnapshot,
  cache: CandidateCache,
): Candidate | string {
  const known = cache.get(unit.name);
  if (known?.hash === unit.hash && known.candidate.createRevision === unit.createRevision) {
    return known.candidate;
  }
  const text = snapshot.files.get(unit.hash);
  if (text === undefined) return `its unit file ${unit.hash} is not stored`;
  try {
    const { requirements, problems } = parseRequirements(parseUnitFile(text), unit.name);
    if (problems[0] !== undefined) return problems[0];
    const candidate: Candidate = {
      name: unit.name,
      createRevision: unit.createRevision,
      requirements,
      conflicts: requirements.conflicts.map(compileGlob),
      replaces: requirements.replaces.map(compileGlob),
      isUndemanding: isUndemanding(requirements),
    };
    cache.set(unit.name, { hash: unit.hash, candidate });
    return candidate;
  } catch (error) {
    return `its unit file ${unit.hash} does not parse: ${String(error)}`;
  }
}

function isUndemanding(requirements: Requirements): boolean {
  return (
    !requirements.isGlobal &&
    requirements.machineId === null &&
    requirements.metadata.size === 0 &&
    requirements.metadataTests.length === 0 &&
    requirements.machineOf.length === 0 &&
    requirements.conflicts.length === 0 &&
    requirements.replaces.length === 0
  );
}

function forbidsOthers(unit: Candidate): boolean {
  return unit.conflicts.length > 0 || unit.replaces.length > 0;
}

/** unit → the units that it follows and that follow it, directly or through others, with itself */
function peerCircles(candidates: ReadonlyMap<string, Candidate>): Map<string, readonly string[]> {
  const followers = [...candidates.values()]
    .filter((candidate) => candidate.requirements.machineOf.length > 0)
    .map((candidate) => candidate.name);
  const peersOf = (name: string): readonly string[] =>
    candidates.get(name)?.requirements.machineOf ?? [];
  return new Map(
    circlesOf(followers, peersOf).flatMap((circle) => circle.map((name) => [name, circle])),
  );
}

/**
 * Notes on each machine what it reports and does not hold, what it holds and cannot be read, and
 * what is there with other content than it has.
 */
function noteWhatRuns(
  snapshot: ClusterSnapshot,
  {
    candidates,
    hosts,
    sorted,
  }: {
    candidates: ReadonlyMap<string, Candidate>;
    hosts: ReadonlyMap<string, Host>;
    sorted: <T>(map: ReadonlyMap<string, T>) => Iterable<[string, T]>;
  },
): void {
  for (const known of [sorted(snapshot.states), sorted(snapshot.assignments)]) {
    for (const [name, byMachine] of known) {
      for (const machine of byMachine.keys()) {
        const host = hosts.get(machine);
        if (host === undefined) continue;
        if (!host.residents.has(name)) linger(host, name, candidates.get(name) ?? null);
        bookOtherContent(host.ledger, snapshot, { unit: name, machine });
      }
    }
  }
}

function takesSomething({ requirements }: Candidate): boolean {
  return requirements.resources !== null;
}

function emptyHosts(snapshot: ClusterSnapshot): { hosts: Map<string, Host>; tallies: Tallies } {
  const hosts = new Map<string, Host>();
  const tallies = new Tallies(hosts);
  for (const machine of snapshot.machines.values()) {
    const metadata = effectiveMetadata(
      machine.metadata,
      snapshot.settings.get(machine.id)?.metadata ?? {},
    );
    hosts.set(machine.id, {
      id: machine.id,
      metadata,
      residents: new Map(),
      picky: new Map(),
      expected: new Set(),
      lingering: new Map(),
      lingeringPicky: new Map(),
      tallies,
      ledger: openLedger(machine.capacity),
    });
  }
  return { hosts, tallies };
}

function effectiveMetadata(
  own: Metadata,
  settings: Readonly<Record<string, string | null>>,
): Metadata {
  const merged: Record<string, string> = { ...own };
  for (const [key, value] of Object.entries(settings)) {
    if (value === null) delete merged[key];
    else merged[key] = value;
  }
  return merged;
}
