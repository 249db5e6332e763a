import { metadataMismatch } from '@muster/core';
import type { Glob, Metadata, Requirements } from '@muster/core';
import type { HostIndex } from './host-index.ts';
import type { Replacements } from './replacements.ts';
import { book, portPhrase, portTaken, shortage, unbook } from './resources.ts';
import type { Ledger } from './resources.ts';
import type { Tallies } from './tallies.ts';

/** What a unit asks of the machine it is placed on, with its name and age. */
export interface Candidate {
  readonly name: string;
  /** The older of two conflicting units stays. */
  readonly createRevision: number;
  readonly requirements: Requirements;
  /** `requirements.conflicts`, compiled. */
  readonly conflicts: readonly Glob[];
  /** `requirements.replaces`, compiled. */
  readonly replaces: readonly Glob[];
  /** What it asks of the machine itself (see `mismatch`): units that ask the same have the same. */
  readonly demand: string;
  /** The same with all that it takes of it; null: it takes nothing. */
  readonly claim: string | null;
}

/** For `Candidate.claim`. @param demand - see there */
export function claimOf({ resources }: Requirements, demand: string): string | null {
  return resources === null ? null : `${demand} ${JSON.stringify(resources)}`;
}

/** For `Candidate.demand`: everything that `mismatch` looks at. */
export function demandOf({ machineId, metadata, metadataTests }: Requirements): string {
  return JSON.stringify([machineId, [...metadata], metadataTests]);
}

/** A machine as placement sees it. What it holds changes while a plan is made. */
export interface Host {
  readonly id: string;
  /** Of all machines together; told what this one holds. */
  readonly index: HostIndex;
  /** Its number among the hosts that take new units, by id; -1: it takes none. */
  rank: number;
  /** The machine's own metadata with the operator's settings laid over it. */
  readonly metadata: Metadata;
  /** Units that hold a place here, by name. */
  readonly residents: Map<string, Candidate>;
  /** Residents that have Conflicts=; kept apart because most units have none. */
  readonly picky: Map<string, Candidate>;
  /** Residents that have yet to come: they end on another machine first, or others make room here. */
  readonly expected: Set<string>;
  /**
   * Units that run here and have no place here any more; null: nothing is known of what they ask.
   * Known only in a cluster where some unit forbids others.
   */
  readonly lingering: Map<string, Candidate | null>;
  /** Those of `lingering` that are known to forbid others. */
  readonly lingeringPicky: Map<string, Candidate>;
  /** Of all machines together; told what this one holds. */
  readonly tallies: Tallies;
  /** What residents and what lingers here take of the machine. */
  readonly ledger: Ledger;
}

/** Why this machine can never run the unit, whatever else is placed; null: it can. */
export function mismatch(unit: Candidate, host: Host): string | null {
  const { machineId } = unit.requirements;
  if (machineId !== null && machineId !== host.id && machineId !== host.id.slice(0, 8)) {
    return `MachineID=${machineId} is another machine`;
  }
  return metadataMismatch(unit.requirements, host.metadata);
}

const nobody: ReadonlySet<string> = new Set();

/**
 * What the machine has not enough of, or who has a port that the unit needs; null: all is there.
 * @param without - units that are gone before it comes
 */
export function shortfall(
  unit: Candidate,
  host: Host,
  without: ReadonlySet<string> = nobody,
): string | null {
  if (unit.requirements.resources === null) return null;
  const missing = shortage(host.ledger, unit, without);
  if (missing !== null) return missing;
  const taken = portTaken(host.ledger, unit, { without });
  if (taken === null) return null;
  return portPhrase(taken.claim, taken.by, !host.residents.has(taken.by));
}

/** The unit that this one cannot share a machine with, and by whose word; null: none here. */
export function conflictOn(
  unit: Candidate,
  host: Host,
  counts: (other: Candidate) => boolean = () => true,
): string | null {
  const minds = ({ name }: Candidate, by: Candidate): Glob | undefined =>
    by.conflicts.find((glob) => glob.matches(name));
  const owner = firstByName(host.picky.keys(), (name) => {
    const other = host.picky.get(name);
    return (
      other !== undefined && name !== unit.name && counts(other) && minds(unit, other) !== undefined
    );
  });
  const other = owner === undefined ? undefined : host.picky.get(owner);
  if (other !== undefined) {
    return `${other.name} is there and has Conflicts=${minds(unit, other)?.pattern ?? ''}`;
  }
  for (const glob of unit.conflicts) {
    // Only real globs need to walk the residents.
    const names = glob.literal === null ? host.residents.keys() : [glob.literal];
    const matching = firstByName(names, (name) => {
      const resident = host.residents.get(name);
      return resident !== undefined && name !== unit.name && counts(resident) && glob.matches(name);
    });
    if (matching !== undefined) return `${matching} is there and matches Conflicts=${glob.pattern}`;
  }
  return null;
}

/** The first by name that passes: of several reasons always the same is said, whatever came first. */
export function firstByName(
  names: Iterable<string>,
  passes: (name: string) => boolean,
): string | undefined {
  let first: string | undefined;
  for (const name of names) {
    if ((first === undefined || name < first) && passes(name)) first = name;
  }
  return first;
}

/** A unit that has still to end here before this one may be placed; null: there is none. */
export function conflictEndingOn(unit: Candidate, host: Host): string | null {
  const minds = (by: Candidate | undefined): Glob | undefined =>
    by?.conflicts.find((glob) => glob.matches(unit.name));
  const owner = firstByName(host.lingeringPicky.keys(), (name) => {
    if (name === unit.name || host.residents.has(name)) return false;
    return minds(host.lingeringPicky.get(name)) !== undefined;
  });
  if (owner !== undefined) {
    const pattern = minds(host.lingeringPicky.get(owner))?.pattern ?? '';
    return `${owner} runs there still and has Conflicts=${pattern}`;
  }
  for (const glob of unit.conflicts) {
    const name = firstByName(lingeringMatches(host, glob), (each) => each !== unit.name);
    if (name !== undefined) return `${name} runs there still and matches Conflicts=${glob.pattern}`;
  }
  return null;
}

/** Units that match and run here though they have no place here any more, in no order. */
export function lingeringMatches(host: Host, glob: Glob): string[] {
  const names = glob.literal === null ? host.lingering.keys() : [glob.literal];
  return [...names].filter(
    (name) => host.lingering.has(name) && !host.residents.has(name) && glob.matches(name),
  );
}

/** The unit here that this one gives way to; null: none. */
export function replacedOn(
  unit: Candidate,
  host: Host,
  replacements: Replacements,
): { readonly by: string; readonly pattern: string } | null {
  for (const { name } of replacements.replacersOf(unit.name)) {
    const resident = host.residents.get(name);
    const pattern = resident && replacements.patternFor(resident, unit.name);
    if (pattern) return { by: name, pattern };
  }
  return null;
}

type Aged = Pick<Candidate, 'name' | 'createRevision'>;

/** Whether `a` came before `b`: the one that stays when both cannot share a machine. */
export function isOlder(a: Aged, b: Aged): boolean {
  if (a.createRevision !== b.createRevision) return a.createRevision < b.createRevision;
  return a.name < b.name;
}

/** Adds a unit to what the machine holds. */
export function settle(host: Host, unit: Candidate): void {
  const before = host.residents.get(unit.name);
  if (before === unit) return;
  if (before !== undefined) remove(host, before);
  add(host, unit);
  if (!host.index.remembers) return;
  host.index.onUndo(() => {
    remove(host, unit);
    if (before !== undefined) add(host, before);
  });
}

/** Takes a unit away from what the machine holds. */
export function vacate(host: Host, name: string): void {
  const unit = host.residents.get(name);
  if (unit === undefined) return;
  const wasExpected = host.expected.delete(name);
  remove(host, unit);
  if (!host.index.remembers) return;
  host.index.onUndo(() => {
    add(host, unit);
    if (wasExpected) host.expected.add(name);
  });
}

/** Notes that a unit runs here without having a place here. */
export function linger(host: Host, name: string, unit: Candidate | null): void {
  const before = host.lingering.get(name);
  if (before === unit) return;
  setLingering(host, name, unit);
  if (!host.index.remembers) return;
  host.index.onUndo(() => {
    if (before === undefined) endLingering(host, name);
    else setLingering(host, name, before);
  });
}

/** It does not run here any more, or has a place here now. */
export function endLingering(host: Host, name: string): void {
  host.lingering.delete(name);
  host.lingeringPicky.delete(name);
  unbook(host.ledger, 'lingering', name);
  host.index.reweigh(host);
}

/** A unit loses its place here, and keeps what it takes until it has ended. */
export function depart(host: Host, name: string, unit: Candidate | null): void {
  linger(host, name, unit);
  vacate(host, name);
}

/** Marks a resident as one that has yet to come. */
export function expect(host: Host, name: string): void {
  host.expected.add(name);
  if (host.index.remembers) host.index.onUndo(() => host.expected.delete(name));
}

function add(host: Host, unit: Candidate): void {
  host.residents.set(unit.name, unit);
  if (unit.conflicts.length > 0) host.picky.set(unit.name, unit);
  book(host.ledger, 'placed', unit);
  host.index.settled(host, unit);
  host.tallies.settled(host, unit);
}

function remove(host: Host, unit: Candidate): void {
  host.residents.delete(unit.name);
  host.picky.delete(unit.name);
  unbook(host.ledger, 'placed', unit.name);
  host.index.vacated(host, unit);
  host.tallies.vacated(host, unit);
}

function setLingering(host: Host, name: string, unit: Candidate | null): void {
  host.lingering.set(name, unit);
  if (unit !== null && unit.conflicts.length > 0) host.lingeringPicky.set(name, unit);
  else host.lingeringPicky.delete(name);
  if (unit === null) unbook(host.ledger, 'lingering', name);
  else book(host.ledger, 'lingering', unit);
  host.index.reweigh(host);
}
