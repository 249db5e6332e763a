import { InvalidInputError, StoreUnavailableError } from '@muster/core';
import type {
  Assignment,
  ClusterSnapshot,
  ClusterView,
  CorruptRecord,
  DesiredState,
  Machine,
  MachineSettings,
  Unit,
  UnitDetail,
  UnitRegistry,
  UnitState,
  UnitWrite,
  UnitWriteResult,
} from '@muster/core';

type Stored<T> = Map<string, Map<string, T>>;
export type Behaviour = 'runs' | 'finishes' | 'fails' | 'is-unplaced' | 'hangs';

/**
 * A cluster in memory for tests of the API and of its clients: a store, and on demand a
 * scheduler and agents that do at once what is wanted.
 */
export class MemoryRegistry implements UnitRegistry {
  readonly unitsByName = new Map<string, Unit>();
  readonly files = new Map<string, string>();
  readonly machines = new Map<string, Machine>();
  readonly settings = new Map<string, MachineSettings>();
  readonly assignments: Stored<Assignment> = new Map();
  readonly states: Stored<UnitState> = new Map();
  readonly corrupt: CorruptRecord[] = [];
  /** Calls of `units` and `write`, with how many units each was about. */
  readonly calls: string[] = [];
  isAvailable = true;
  /** Called before a write is carried out; may change the store, as another client would. */
  beforeWrite: () => void = () => undefined;
  /** null: nobody acts on what is wanted. */
  behaviour: ((unit: Unit, file: string) => Behaviour) | null = null;
  #revision = 10;
  readonly #listeners = new Set<() => void>();

  // ------------------------------------------------------------------ UnitRegistry

  async units(
    names: readonly string[],
  ): Promise<ReadonlyMap<string, { unit: Unit; file: string | null }>> {
    this.#check();
    this.calls.push(`units ${names.length}`);
    const found = new Map<string, { unit: Unit; file: string | null }>();
    for (const name of names) {
      const unit = this.unitsByName.get(name);
      if (unit !== undefined) found.set(name, { unit, file: this.files.get(unit.hash) ?? null });
    }
    return found;
  }

  async detail(name: string): Promise<UnitDetail | null> {
    this.#check();
    const unit = this.unitsByName.get(name);
    if (unit === undefined) return null;
    return {
      revision: this.#revision,
      unit,
      file: this.files.get(unit.hash) ?? null,
      assignments: [...(this.assignments.get(name)?.values() ?? [])],
      states: [...(this.states.get(name)?.values() ?? [])],
    };
  }

  async write(writes: readonly UnitWrite[]): Promise<readonly UnitWriteResult[]> {
    this.#check();
    this.beforeWrite();
    this.calls.push(`write ${writes.length}`);
    const results = writes.map((write) => this.#writeOne(write));
    this.#changed();
    if (this.behaviour !== null) setImmediate(() => this.#act(writes.map(({ name }) => name)));
    return results;
  }

  async machine(id: string): Promise<Machine | null> {
    this.#check();
    return this.machines.get(id) ?? null;
  }

  async writeSettings(
    settings: Omit<MachineSettings, 'modRevision'>,
    expect: number,
  ): Promise<boolean> {
    this.#check();
    if ((this.settings.get(settings.machine)?.modRevision ?? 0) !== expect) return false;
    this.settings.set(settings.machine, { ...settings, modRevision: this.#next() });
    this.#changed();
    return true;
  }

  /** How many waits and other listeners there are. */
  get listeners(): number {
    return this.#listeners.size;
  }

  async cluster(): Promise<ClusterView> {
    this.#check();
    return {
      snapshot: () => this.#snapshot(),
      atLeast: async (revision) => {
        if (revision > this.#revision) throw new StoreUnavailableError(`not at ${revision} yet`);
        return this.#snapshot();
      },
      onChange: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      close: async () => undefined,
    };
  }

  // ------------------------------------------------------------------ what tests do to it

  addMachine(id: string, address: string | null, more: Partial<Machine> = {}): void {
    this.machines.set(id, {
      id,
      bootId: `boot-${id.slice(0, 4)}`,
      hostname: `host-${id.slice(0, 2)}`,
      address,
      apiUrl: null,
      metadata: {},
      capacity: { cpus: 2, memoryBytes: 1024 ** 3 },
      version: '0.1.0',
      awaySince: null,
      modRevision: this.#next(),
      ...more,
    });
    this.#changed();
  }

  assign(name: string, machine: string, more: Partial<Assignment> = {}): Assignment {
    const unit = this.unitsByName.get(name);
    if (unit === undefined) throw new InvalidInputError(`no unit ${name}`);
    const assignment: Assignment = {
      unit: name,
      machine,
      hash: unit.hash,
      desiredState: unit.desiredState === 'launched' ? 'launched' : 'loaded',
      restarts: unit.restarts,
      incarnation: unit.createRevision,
      role: 'holder',
      reason: 'test',
      modRevision: this.#next(),
      ...more,
    };
    put(this.assignments, assignment);
    this.#changed();
    return assignment;
  }

  report(assignment: Assignment, more: Partial<UnitState> = {}): void {
    put(this.states, {
      unit: assignment.unit,
      machine: assignment.machine,
      loadState: 'loaded',
      activeState: 'active',
      subState: 'running',
      result: 'success',
      problem: null,
      since: 1_700_000_000_000,
      bootId: 'boot',
      invocationId: null,
      hash: assignment.hash,
      answers: assignment.modRevision,
      modRevision: this.#next(),
      ...more,
    });
    this.#changed();
  }

  forget(name: string): void {
    this.assignments.delete(name);
    this.states.delete(name);
    this.#next();
    this.#changed();
  }

  // ------------------------------------------------------------------ inside

  #writeOne({ name, expect, set }: UnitWrite): UnitWriteResult {
    const current = this.unitsByName.get(name);
    if ((current?.modRevision ?? 0) !== expect) return { type: 'conflict' };
    const revision = this.#next();
    if (set === null) this.unitsByName.delete(name);
    else {
      const { hash, file, desiredState, restarts, origin } = set;
      this.files.set(hash, file);
      const createRevision = current?.createRevision ?? revision;
      const revisions = { createRevision, modRevision: revision };
      this.unitsByName.set(name, { name, hash, desiredState, restarts, origin, ...revisions });
    }
    return { type: 'written', revision };
  }

  #act(names: readonly string[]): void {
    for (const name of names) {
      const unit = this.unitsByName.get(name);
      const file = unit === undefined ? undefined : this.files.get(unit.hash);
      if (unit === undefined || file === undefined || unit.desiredState === 'inactive') {
        this.forget(name);
        continue;
      }
      const does = this.behaviour?.(unit, file) ?? 'runs';
      if (does === 'is-unplaced') continue;
      for (const machine of this.#places(name, file)) {
        const assignment = this.assign(name, machine);
        if (does !== 'hangs') this.report(assignment, reported(unit.desiredState, does));
      }
    }
  }

  #places(name: string, file: string): string[] {
    if (file.includes('Global=true')) return [...this.machines.keys()];
    const [present] = this.assignments.get(name)?.keys() ?? [];
    if (present !== undefined) return [present];
    const load = (id: string): number =>
      [...this.assignments.values()].filter((machines) => machines.has(id)).length;
    const [first] = [...this.machines.keys()].sort((a, b) => load(a) - load(b) || (a < b ? -1 : 1));
    return first === undefined ? [] : [first];
  }

  #snapshot(): ClusterSnapshot {
    this.#check();
    const { files, machines, settings, assignments, states, corrupt } = this;
    return {
      revision: this.#revision,
      clusterId: 'c0ffee',
      units: this.unitsByName,
      files,
      fileRevisions: new Map(),
      machines,
      settings,
      placements: new Map(),
      assignments,
      states,
      leader: null,
      corrupt,
    };
  }

  #check(): void {
    if (!this.isAvailable) throw new StoreUnavailableError('etcd does not answer');
  }

  #next(): number {
    this.#revision += 1;
    return this.#revision;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

function put<T extends { unit: string; machine: string }>(stored: Stored<T>, record: T): void {
  const byMachine = stored.get(record.unit) ?? new Map<string, T>();
  byMachine.set(record.machine, record);
  stored.set(record.unit, byMachine);
}

function reported(desiredState: DesiredState, does: Behaviour): Partial<UnitState> {
  const inactive = { activeState: 'inactive', subState: 'dead' };
  if (desiredState !== 'launched') return { ...inactive, result: null };
  switch (does) {
    case 'finishes':
      return inactive;
    case 'fails':
      return { activeState: 'failed', subState: 'failed', result: 'exit-code' };
    case 'runs':
    case 'is-unplaced':
    case 'hangs':
      return {};
  }
}
