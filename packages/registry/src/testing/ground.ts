import type { KnownStore, Log, PlacementChange, StateReport, UnitWrite } from '@muster/core';
import type { MachineFacts } from '../presence.ts';
import type { Registry } from '../registry.ts';
import type { StoredKey } from '../store.ts';

/** A store and what a test does to it, whichever store it is. */
export interface Ground {
  open(machineId: string, options?: { knownStore?: KnownStore; log?: Log }): Registry;
  /** Ends the leases of a machine, as its death does. */
  expire(machineId: string): Promise<void>;
  /** Writes a key under the prefix directly. */
  put(path: string, value: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Writes a key of somebody else who uses the same store. @returns the store's revision then */
  putElsewhere(): Promise<number>;
  compact(revision: number): Promise<void>;
  /** All keys under the prefix with their revisions: differs after every write. */
  contents(): Promise<string>;
  outage(isOn: boolean): Promise<void>;
  /** An empty store takes the place of this one. */
  wipe(): Promise<void>;
  /** Closes all registries that are open. */
  close(): Promise<void>;
}

const patienceMs = 15_000;

/** Waits until `look` gives something other than null or false; an error of it counts as null. */
export async function until<T>(
  what: string,
  look: () => T | null | false | Promise<T | null | false>,
): Promise<T> {
  const end = Date.now() + patienceMs;
  let seen: unknown = null;
  while (Date.now() < end) {
    try {
      const value = await look();
      if (value !== null && value !== false) return value;
      seen = value;
    } catch (error) {
      seen = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`waited ${patienceMs} ms for: ${what}; last seen: ${String(seen)}`);
}

export function hashOf(digit: string): string {
  return digit.repeat(40);
}

export function unitWrite(name: string, change: Partial<UnitWrite> = {}): UnitWrite {
  const set = {
    hash: hashOf('a'),
    file: '[Service]\nExecStart=/bin/true\n',
    desiredState: 'launched' as const,
    restarts: 0,
    origin: { by: 'root@here' },
  };
  return { name, expect: 0, set, ...change };
}

/** One holder on one machine. */
export function placing(
  unit: string,
  machine: string,
  from: Pick<PlacementChange, 'unitRevision' | 'placementRevision'>,
): PlacementChange {
  return {
    ...from,
    unit,
    assign: [
      {
        unit,
        machine,
        hash: hashOf('a'),
        desiredState: 'launched',
        restarts: 0,
        incarnation: from.unitRevision,
        role: 'holder',
        reason: 'least loaded',
      },
    ],
    withdraw: [],
    placement: { unit, machines: [{ machine, role: 'holder' }] },
  };
}

export function facts(id: string, change: Partial<MachineFacts> = {}): MachineFacts {
  return {
    id,
    bootId: `boot-of-${id}`,
    hostname: `host-${id}`,
    address: '10.0.0.1',
    apiUrl: null,
    metadata: { zone: 'a' },
    capacity: { cpus: 2, memoryBytes: 1 << 30 },
    version: '0.1.0',
    ...change,
  };
}

export function report(unit: string, change: Partial<StateReport> = {}): StateReport {
  return {
    unit,
    loadState: 'loaded',
    activeState: 'active',
    subState: 'running',
    result: 'success',
    problem: null,
    since: 1_700_000_000_000,
    bootId: 'boot',
    invocationId: '0'.repeat(32),
    hash: hashOf('a'),
    answers: 7,
    ...change,
  };
}

export function describeKeys(keys: readonly StoredKey[]): string {
  return keys.map(({ key, modRevision }) => `${key}@${modRevision}`).join(' ');
}

/** A log that a test can read. */
export function recordingLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const say =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  return {
    lines,
    debug: say('debug'),
    info: say('info'),
    warn: say('warn'),
    error: say('error'),
  };
}
