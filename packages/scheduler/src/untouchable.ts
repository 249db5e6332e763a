import type { CorruptRecord } from '@muster/core';

/** What unreadable records in the store are about. */
export interface Garbled {
  /** unit → which record, and what is wrong with it */
  readonly units: ReadonlyMap<string, string>;
  readonly machines: ReadonlySet<string>;
}

export function readCorrupt(corrupt: readonly CorruptRecord[]): Garbled {
  const units = new Map<string, string>();
  const machines = new Set<string>();
  for (const { key, problem } of corrupt) {
    const unit = /\/(?:unit|placement|assignment\/[^/]+)\/([^/]+)$/.exec(key)?.[1];
    if (unit !== undefined) units.set(unit, `${key}: ${problem}`);
    const machine = /\/machine\/([^/]+)$/.exec(key)?.[1];
    if (machine !== undefined) machines.add(machine);
  }
  return { units, machines };
}
