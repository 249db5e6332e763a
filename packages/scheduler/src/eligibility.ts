import { metadataMismatch } from '@muster/core';
import type { Glob, Metadata, Requirements } from '@muster/core';
import type { Replacements } from './replacements.ts';
import type { Tallies } from './tallies.ts';
import { book, portPhrase, portTaken, shortage, unbook } from './resources.ts';
import type { Ledger } from './resources.ts';

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
  /** It runs once, on any machine, beside anything. */
  readonly isUndemanding: boolean;
}

/** A machine as placement sees it. What it holds changes while a plan is made. */
export interface Host {
  readonly id: string;
  /** The machine's own metadata with the operator's settings laid over it. */
  readonly metadata: Metadata;
  /** Units that hold a place here, by name. */
  readonly residents: Map<string, Candidate>;
  /** Residents that have Conflicts=; kept apart because most units have none. */
  readonly picky: Map<string, Candidate>;
  /** Residents that are promised the place and still have to end on another machine. */
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
  for (const other of host.picky.values()) {
    if (other.name === unit.name || !counts(other)) continue;
    const glob = other.conflicts.find((g) => g.matches(unit.name));
    if (glob !== undefined) return `${other.name} is there and has Conflicts=${glob.pattern}`;
  }
  for (const glob of unit.conflicts) {
    const others = glob.literal === null ? host.residents.values() : lookUp(host, glob.literal);
    for (const other of others) {
      if (other.name !== unit.name && counts(other) && glob.matches(other.name)) {
        return `${other.name} is there and matches Conflicts=${glob.pattern}`;
      }
    }
  }
  return null;
}

/** Only real globs need to walk the residents. */
function lookUp(host: Host, name: string): readonly Candidate[] {
  const resident = host.residents.get(name);
  return resident === undefined ? [] : [resident];
}

/** A unit that has still to end here before this one may be placed; null: there is none. */
export function conflictEndingOn(unit: Candidate, host: Host): string | null {
  for (const [name, other] of host.lingeringPicky) {
    if (name === unit.name || host.residents.has(name)) continue;
    const theirs = other.conflicts.find((glob) => glob.matches(unit.name));
    if (theirs !== undefined) return `${name} runs there still and has Conflicts=${theirs.pattern}`;
  }
  for (const glob of unit.conflicts) {
    for (const name of lingeringMatches(host, glob)) {
      if (name !== unit.name)
        return `${name} runs there still and matches Conflicts=${glob.pattern}`;
    }
  }
  return null;
}

/** Units that match and run here though they have no place here any more. */
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
  if (before !== undefined) host.tallies.vacated(host, before);
  host.tallies.settled(host, unit);
  host.residents.set(unit.name, unit);
  if (unit.conflicts.length > 0) host.picky.set(unit.name, unit);
  book(host.ledger, 'placed', unit);
}

/** Notes that a unit runs here without having a place here. */
export function linger(host: Host, name: string, unit: Candidate | null): void {
  host.lingering.set(name, unit);
  if (unit !== null && unit.conflicts.length > 0) host.lingeringPicky.set(name, unit);
  if (unit === null) unbook(host.ledger, 'lingering', name);
  else book(host.ledger, 'lingering', unit);
}

/** Takes a unit away from what the machine holds. */
export function vacate(host: Host, name: string): void {
  const unit = host.residents.get(name);
  if (unit !== undefined) host.tallies.vacated(host, unit);
  host.residents.delete(name);
  host.picky.delete(name);
  host.expected.delete(name);
  unbook(host.ledger, 'placed', name);
}

/** A unit loses its place here, and keeps what it takes until it has ended. */
export function depart(host: Host, name: string, unit: Candidate | null): void {
  linger(host, name, unit);
  vacate(host, name);
}
