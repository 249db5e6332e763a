import type {
  Assignment,
  ChangedRecords,
  ClusterSnapshot,
  Machine,
  Placement,
  PlacementChange,
  Unit,
  UnitState,
} from '@muster/core';

/** So many machines are in one zone. */
const perZone = 100;

type Nested<T> = Map<string, Map<string, T>>;

/**
 * A cluster's records without a store and without agents: a plan is made from it and written to it.
 * It is a view of itself that tells what has changed.
 */
export class ClusterInMemory {
  readonly #units = new Map<string, Unit>();
  readonly #files = new Map<string, string>();
  readonly #machines = new Map<string, Machine>();
  readonly #placements = new Map<string, Placement>();
  readonly #assignments: Nested<Assignment> = new Map();
  readonly #states: Nested<UnitState> = new Map();
  #revision = 1;
  #hidden: readonly Machine[] = [];
  #changed = nothing(true);
  /** Units that were written and that no agent has answered yet. */
  #unanswered = new Set<string>();

  addMachines(count: number): void {
    for (let i = 0; i < count; i += 1) this.#addMachine(i);
  }

  #addMachine(index: number): void {
    const id = machineId(index);
    this.#putMachine({
      id,
      bootId: `boot of ${id}`,
      hostname: id,
      address: null,
      apiUrl: null,
      metadata: { zone: `z${Math.floor(index / perZone)}`, disk: index % 2 === 0 ? 'ssd' : 'hdd' },
      capacity: { cpus: 4, memoryBytes: 2 ** 33 },
      version: '0',
      awaySince: null,
      modRevision: this.#revision++,
    });
  }

  #putMachine(machine: Machine): void {
    this.#machines.set(machine.id, machine);
    this.#changed.machines.add(machine.id);
  }

  /** All machines are away until they are shown again. */
  hideMachines(): void {
    this.#hidden = [...this.#machines.values()];
    for (const { id } of this.#hidden) this.#changed.machines.add(id);
    this.#machines.clear();
  }

  showMachines(): void {
    for (const machine of this.#hidden) this.#putMachine(machine);
  }

  /** It vanishes with everything that it reported. */
  loseMachine(index: number): void {
    const id = machineId(index);
    this.#machines.delete(id);
    this.#changed.machines.add(id);
    for (const [unit, byMachine] of this.#states) {
      if (!byMachine.delete(id)) continue;
      note(this.#changed.states, unit, id);
      if (byMachine.size === 0) this.#states.delete(unit);
    }
  }

  /** @param fleet - lines of `[X-Fleet]`; units with the same share one file */
  addUnit(name: string, fleet = ''): void {
    const hash = `sha1 of ${fleet}`;
    this.#files.set(hash, `[Service]\nExecStart=/bin/true\n[X-Fleet]\n${fleet}\n`);
    this.#units.set(name, {
      name,
      hash,
      desiredState: 'launched',
      restarts: 0,
      origin: { by: 'bench' },
      createRevision: this.#revision,
      modRevision: this.#revision++,
    });
    this.#changed.units.add(name);
  }

  removeUnit(name: string): void {
    this.#units.delete(name);
    this.#changed.units.add(name);
  }

  changed(): ChangedRecords {
    const changed = this.#changed;
    this.#changed = nothing(false);
    return changed;
  }

  snapshot(): ClusterSnapshot {
    return {
      revision: this.#revision,
      clusterId: 'bench',
      units: this.#units,
      files: this.#files,
      fileRevisions: new Map(),
      machines: this.#machines,
      settings: new Map(),
      placements: this.#placements,
      assignments: this.#assignments,
      states: this.#states,
      leader: null,
      brake: null,
      policy: null,
      rebalance: null,
      losses: new Map(),
      corrupt: noRecords,
    };
  }

  /** The store takes over a plan. */
  write(changes: readonly PlacementChange[]): void {
    for (const { unit, assign, withdraw, placement } of changes) {
      const modRevision = this.#revision++;
      for (const { machine } of withdraw) put(this.#assignments, { unit, machine }, null);
      for (const each of assign) put(this.#assignments, each, { ...each, modRevision });
      if (placement === null) this.#placements.delete(unit);
      else this.#placements.set(unit, { ...placement, modRevision });
      for (const { machine } of [...assign, ...withdraw]) {
        note(this.#changed.assignments, unit, machine);
      }
      this.#changed.units.add(unit);
      this.#unanswered.add(unit);
    }
  }

  /** Agents that are there say of every unit that was written that it is up where it is assigned, and nowhere else. */
  report(): void {
    for (const unit of this.#unanswered) {
      const assignments = this.#assignments.get(unit);
      for (const machine of this.#states.get(unit)?.keys() ?? []) {
        if (assignments?.has(machine) === true) continue;
        put(this.#states, { unit, machine }, null);
        note(this.#changed.states, unit, machine);
      }
      for (const assignment of assignments?.values() ?? []) {
        if (!this.#machines.has(assignment.machine)) continue;
        put(this.#states, assignment, this.#up(assignment));
        note(this.#changed.states, unit, assignment.machine);
      }
    }
    this.#unanswered = new Set();
  }

  #up({ unit, machine, hash, modRevision }: Assignment): UnitState {
    return {
      unit,
      machine,
      loadState: 'loaded',
      activeState: 'active',
      subState: 'running',
      result: null,
      problem: null,
      since: 0,
      bootId: `boot of ${machine}`,
      invocationId: null,
      hash,
      answers: modRevision,
      modRevision: this.#revision++,
    };
  }
}

const noRecords: ClusterSnapshot['corrupt'] = [];

function nothing(isAll: boolean) {
  return {
    isAll,
    units: new Set<string>(),
    machines: new Set<string>(),
    files: new Set<string>(),
    assignments: new Map<string, Set<string>>(),
    states: new Map<string, Set<string>>(),
  };
}

function note(sets: Map<string, Set<string>>, unit: string, machine: string): void {
  const known = sets.get(unit);
  if (known === undefined) sets.set(unit, new Set([machine]));
  else known.add(machine);
}

function put<T>(
  records: Nested<T>,
  { unit, machine }: { readonly unit: string; readonly machine: string },
  record: T | null,
): void {
  const byMachine = records.get(unit) ?? new Map<string, T>();
  if (record === null) byMachine.delete(machine);
  else byMachine.set(machine, record);
  if (byMachine.size === 0) records.delete(unit);
  else records.set(unit, byMachine);
}

function machineId(index: number): string {
  return index.toString(16).padStart(32, '0');
}
