import {
  amountOn,
  parseRequirements,
  parseUnitFile,
  totalOf,
  UnitFileSyntaxError,
} from '@muster/core';
import type { ClusterSnapshot, Machine, Need } from '@muster/core';
import type { MachineBody } from './wire.ts';

/**
 * Remembers what units take of their machines, by content and name: an entry never goes stale.
 * Holds at most 50,000 entries.
 */
export class UnitNeeds {
  readonly #needs = new Map<string, readonly Need[]>();

  /** @param text - normalised; undefined: it is not stored */
  needsOf(name: string, hash: string, text: string | undefined): readonly Need[] {
    // Most units take nothing, and need no parser.
    if (text === undefined || !/^(?:Memory|CPU|Disk|Tasks)\w+=/m.test(text)) return [];
    const key = `${hash} ${name}`;
    const known = this.#needs.get(key);
    if (known !== undefined) return known;
    if (this.#needs.size >= 50_000) this.#needs.clear();
    const needs = needsIn(name, text);
    this.#needs.set(key, needs);
    return needs;
  }
}

function needsIn(name: string, text: string): readonly Need[] {
  try {
    return parseRequirements(parseUnitFile(text), name).requirements.resources?.needs ?? [];
  } catch (error) {
    if (error instanceof UnitFileSyntaxError) return [];
    throw error;
  }
}

/** What is promised on each machine that is there, to all that is assigned to it. */
export function promisedIn(
  { machines, assignments, files }: ClusterSnapshot,
  cache: UnitNeeds,
): ReadonlyMap<string, MachineBody['promised']> {
  const sums = new Map(
    [...machines.values()].map((machine) => [machine.id, new Promised(machine)] as const),
  );
  for (const [name, byMachine] of assignments) {
    for (const { machine, hash } of byMachine.values()) {
      const sum = sums.get(machine);
      if (sum === undefined) continue;
      for (const need of cache.needsOf(name, hash, files.get(hash))) sum.add(need);
    }
  }
  return new Map([...sums].map(([id, sum]) => [id, sum.body()]));
}

class Promised {
  readonly #total: ReturnType<typeof totalOf>;
  readonly #sum = { memory: 0, cpu: 0, disk: 0, tasks: 0 };

  constructor({ capacity }: Machine) {
    this.#total = totalOf(capacity);
  }

  add(need: Need): void {
    this.#sum[need.kind] += amountOn(this.#total, need);
  }

  body(): MachineBody['promised'] {
    const { memory, cpu, disk, tasks } = this.#sum;
    return { cpus: cpu / 1000, memoryBytes: memory, diskBytes: disk, tasks };
  }
}
