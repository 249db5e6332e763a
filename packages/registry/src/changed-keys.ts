import type { ChangedRecords } from '@muster/core';
import type { KeyPath } from './keys.ts';

/** Collects which records have changed until somebody asks. Holds no more than a name for each record. */
export class ChangedKeys {
  #isAll = true;
  #units = new Set<string>();
  #machines = new Set<string>();
  #files = new Set<string>();
  #assignments = new Map<string, Set<string>>();
  #states = new Map<string, Set<string>>();

  /** @returns what has changed since it was taken before; the first time: all */
  take(): ChangedRecords {
    const taken = {
      isAll: this.#isAll,
      units: this.#units,
      machines: this.#machines,
      files: this.#files,
      assignments: this.#assignments,
      states: this.#states,
    };
    this.#forget(false);
    return taken;
  }

  /** It is another picture now. */
  addAll(): void {
    this.#forget(true);
  }

  add(path: KeyPath): void {
    if (this.#isAll) return;
    switch (path.type) {
      case 'unit':
      case 'placement':
        this.#units.add(path.unit);
        return;
      case 'machine':
      case 'settings':
        this.#machines.add(path.machine);
        return;
      case 'file':
        this.#files.add(path.hash);
        return;
      case 'assignment':
        return addTo(this.#assignments, path);
      case 'state':
        return addTo(this.#states, path);
      case 'loss':
      case 'leader':
      case 'brake':
      case 'policy':
      case 'rebalance':
      case 'cluster':
      case 'told':
      case 'audit':
      case 'unknown':
        return;
    }
  }

  #forget(isAll: boolean): void {
    this.#isAll = isAll;
    this.#units = new Set();
    this.#machines = new Set();
    this.#files = new Set();
    this.#assignments = new Map();
    this.#states = new Map();
  }
}

function addTo(
  sets: Map<string, Set<string>>,
  { unit, machine }: { readonly unit: string; readonly machine: string },
): void {
  const machines = sets.get(unit);
  if (machines === undefined) sets.set(unit, new Set([machine]));
  else machines.add(machine);
}
