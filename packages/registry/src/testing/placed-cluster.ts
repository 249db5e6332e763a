import { countsOn, InvalidInputError } from '@muster/core';
import type {
  Assignment,
  Brake,
  Machine,
  Packing,
  PlacementFailures,
  Rebalance,
  Role,
  StateReport,
  Unit,
  UnitRegistry,
  UnitWrite,
  UnitWriteResult,
} from '@muster/core';
import {
  encodeAssignment,
  encodeBrake,
  encodePlacement,
  encodePolicy,
  encodePresence,
  encodeState,
} from '../codec.ts';
import { encodeRebalance } from '../rebalance-codec.ts';
import { openFakeRegistry } from '../fake.ts';
import { keysOf } from '../keys.ts';
import { MemoryStore } from '../memory-store.ts';
import { keysUnder } from '../store.ts';

/** What becomes of a unit that is wanted. `hangs`: it is placed, and its machine says nothing. */
export type Behaviour = 'runs' | 'finishes' | 'fails' | 'is-unplaced' | 'hangs';

const keys = keysOf('/muster');

/**
 * The registry of one machine on a store in memory, for tests of the API and of its clients. What
 * scheduler and agents would write there, tests write; `behaviour` does so at each write.
 */
export class PlacedCluster {
  readonly store = new MemoryStore();
  /** What the API gets: the fake's registry, which notes calls and runs `beforeWrite`. */
  readonly units: UnitRegistry;
  /** Calls of `units` and `write`, with how many units each was about. */
  readonly calls: string[] = [];
  /** Runs before a write is carried out; may change units, as another client would. */
  beforeWrite: () => Promise<void> = () => Promise.resolve();
  /** null: nobody acts on what is wanted. */
  behaviour: ((unit: Unit, file: string) => Behaviour) | null = null;
  /** How often a picture of the whole cluster was asked for. */
  views = 0;
  readonly #registry = openFakeRegistry(this.store, { machineId: 'the-api' });
  readonly #direct = this.store.connect('the test');
  readonly #machines = new Map<string, Omit<Machine, 'modRevision'>>();

  constructor() {
    const { units } = this.#registry;
    this.units = {
      units: (names) => {
        this.calls.push(`units ${names.length}`);
        return units.units(names);
      },
      detail: (name) => units.detail(name),
      write: (writes) => this.#write(writes),
      machine: (id) => units.machine(id),
      writeSettings: (settings, expect) => units.writeSettings(settings, expect),
      writeLosses: async (losses) => {
        await this.beforeWrite();
        return units.writeLosses(losses);
      },
      writePolicy: async (policy, expect) => {
        await this.beforeWrite();
        return units.writePolicy(policy, expect);
      },
      writeRebalance: async (rebalance, expect) => {
        await this.beforeWrite();
        return units.writeRebalance(rebalance, expect);
      },
      cluster: () => {
        this.views += 1;
        return units.cluster();
      },
      history: units.history,
    };
  }

  async close(): Promise<void> {
    this.store.outage(false);
    await this.#registry.close();
  }

  /** Makes a machine present, or changes what it says of itself. */
  addMachine(id: string, address: string | null, more: Partial<Machine> = {}): void {
    const machine = {
      id,
      bootId: `boot-${id.slice(0, 4)}`,
      hostname: `host-${id.slice(0, 2)}`,
      address,
      apiUrl: null,
      metadata: {},
      capacity: { cpus: 2, memoryBytes: 1024 ** 3 },
      version: '0.1.0',
      awaySince: null,
      ...more,
    };
    this.#machines.set(id, machine);
    this.store.put(keys.machine(id), encodePresence(machine, 'token'));
  }

  async removeMachine(id: string): Promise<void> {
    this.#machines.delete(id);
    await this.#delete([keys.machine(id)]);
  }

  /** The leader says whether it holds units of machines back. */
  async brake(brake: Omit<Brake, 'modRevision'>): Promise<void> {
    this.store.put(keys.brake, encodeBrake(brake, 'nonce'));
    await (await this.#registry.units.cluster()).atLeast(this.store.revision, 1000);
  }

  /** The leader goes on with a rebalance; null: it is over. */
  async rebalance(rebalance: Omit<Rebalance, 'modRevision'> | null): Promise<void> {
    if (rebalance === null) await this.#delete([keys.rebalance]);
    else this.store.put(keys.rebalance, encodeRebalance(rebalance, 'nonce'));
    await (await this.#registry.units.cluster()).atLeast(this.store.revision, 1000);
  }

  /** Another client sets the policy. */
  setPolicy(placement: Packing): Promise<void> {
    this.store.put(keys.policy, encodePolicy({ placement, origin: { by: 'other' } }, 'nonce'));
    return Promise.resolve();
  }

  /** What a machine had was moved, and the leader ends its loss. */
  async endLoss(machine: string): Promise<void> {
    const units = await this.#namesUnder(`/muster/assignment/${machine}/`);
    const assignments = units.map((unit) => keys.assignment(machine, unit));
    await this.#delete([...assignments, keys.loss(machine), keys.settings(machine)]);
  }

  /** What is stored of a loss; null: nothing. */
  loss(machine: string): string | null {
    return this.store.value(keys.loss(machine));
  }

  /** As another client reads it. */
  async unit(name: string): Promise<Unit | null> {
    return (await this.#registry.units.units([name])).get(name)?.unit ?? null;
  }

  /** Names of all units, sorted. */
  unitNames(): Promise<string[]> {
    return this.#namesUnder('/muster/unit/');
  }

  /** Hashes of all unit files, sorted. */
  fileHashes(): Promise<string[]> {
    return this.#namesUnder('/muster/file/');
  }

  /** Another client writes the unit, with a restart more or as it is. */
  async touch(name: string, { restart = false } = {}): Promise<void> {
    const found = (await this.#registry.units.units([name])).get(name);
    if (found === undefined || found.file === null) return;
    const { unit, file } = found;
    const restarts = unit.restarts + (restart ? 1 : 0);
    await this.#registry.units.write([
      { name, expect: unit.modRevision, set: { ...unit, restarts, file } },
    ]);
  }

  /** The leader gives a unit to a machine, which has it beside those that have it already. */
  async assign(name: string, machine: string, role: Role = 'holder'): Promise<Assignment> {
    const detail = await this.#registry.units.detail(name);
    if (detail === null) throw new InvalidInputError(`no unit ${name}`);
    const { unit, assignments } = detail;
    const assignment = {
      unit: name,
      machine,
      hash: unit.hash,
      desiredState: unit.desiredState === 'launched' ? ('launched' as const) : ('loaded' as const),
      ...countsOn(unit, machine),
      incarnation: unit.createRevision,
      role,
      reason: 'test',
    };
    const roles = new Map(assignments.map((each) => [each.machine, each.role]));
    roles.set(machine, role);
    const machines = [...roles]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([id, held]) => ({ machine: id, role: held }));
    this.store.put(keys.placement(name), encodePlacement({ unit: name, machines }, 'nonce'));
    this.store.put(keys.assignment(machine, name), encodeAssignment(assignment, 'nonce'));
    return { ...assignment, modRevision: this.store.revision };
  }

  /** The leader takes a unit off a machine, which forgets it. */
  async withdraw(name: string, machine: string): Promise<void> {
    const detail = await this.#registry.units.detail(name);
    const left = (detail?.assignments ?? []).filter((each) => each.machine !== machine);
    const machines = left.map(({ machine: id, role }) => ({ machine: id, role }));
    if (machines.length === 0) await this.#delete([keys.placement(name)]);
    else this.store.put(keys.placement(name), encodePlacement({ unit: name, machines }, 'nonce'));
    await this.#delete([keys.assignment(machine, name), keys.state(machine, name)]);
  }

  /** The leader notes that it was moved because it had failed. */
  async noteFailures(
    name: string,
    failures: Omit<PlacementFailures, 'unitRevision'>,
  ): Promise<void> {
    const detail = await this.#registry.units.detail(name);
    if (detail === null) throw new InvalidInputError(`no unit ${name}`);
    const machines = detail.assignments.map(({ machine, role }) => ({ machine, role }));
    const unitRevision = detail.unit.modRevision;
    const placement = { unit: name, machines, failures: { ...failures, unitRevision } };
    this.store.put(keys.placement(name), encodePlacement(placement, 'nonce'));
  }

  /** Its machine says what became of it; without `more`: it runs. */
  report(assignment: Assignment, more: Partial<StateReport> = {}): void {
    const report = {
      unit: assignment.unit,
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
      ...more,
    };
    this.store.put(keys.state(assignment.machine, assignment.unit), encodeState(report));
  }

  async #write(writes: readonly UnitWrite[]): Promise<readonly UnitWriteResult[]> {
    await this.beforeWrite();
    this.calls.push(`write ${writes.length}`);
    const results = await this.#registry.units.write(writes);
    if (this.behaviour !== null) {
      const act = this.behaviour;
      for (const { name } of writes) await this.#act(name, act);
    }
    return results;
  }

  async #act(name: string, behaviour: (unit: Unit, file: string) => Behaviour): Promise<void> {
    const found = (await this.#registry.units.units([name])).get(name);
    if (found === undefined || found.file === null || found.unit.desiredState === 'inactive') {
      return this.#forget(name);
    }
    const { unit, file } = found;
    const does = behaviour(unit, file);
    if (does === 'is-unplaced') return;
    for (const machine of await this.#places(name, file)) {
      const assignment = await this.assign(name, machine);
      if (does !== 'hangs') this.report(assignment, outcomeOf(assignment, does));
    }
  }

  /** Everywhere for a global unit; else where it is, or the machine with the fewest. */
  async #places(name: string, file: string): Promise<string[]> {
    const all = [...this.#machines.keys()];
    if (file.includes('Global=true')) return all;
    const load = new Map(all.map((id) => [id, 0]));
    for (const path of await this.#namesUnder('/muster/assignment/')) {
      const [machine = '', unit] = path.split('/');
      if (unit === name) return [machine];
      load.set(machine, (load.get(machine) ?? 0) + 1);
    }
    const byLoad = all.sort((a, b) => (load.get(a) ?? 0) - (load.get(b) ?? 0) || (a < b ? -1 : 1));
    return byLoad.slice(0, 1);
  }

  async #forget(name: string): Promise<void> {
    const machines = [...this.#machines.keys()];
    await this.#delete([
      keys.placement(name),
      ...machines.flatMap((id) => [keys.assignment(id, name), keys.state(id, name)]),
    ]);
  }

  async #namesUnder(prefix: string): Promise<string[]> {
    const { gets } = await this.#direct.txn({
      success: [{ type: 'get', range: keysUnder(prefix) }],
    });
    return (gets[0]?.keys ?? []).map(({ key }) => key.slice(prefix.length));
  }

  async #delete(gone: readonly string[]): Promise<void> {
    await this.#direct.txn({ success: gone.map((key) => ({ type: 'delete', key })) });
  }
}

function outcomeOf(
  { desiredState }: Assignment,
  does: Exclude<Behaviour, 'is-unplaced' | 'hangs'>,
): Partial<StateReport> {
  const inactive = { activeState: 'inactive', subState: 'dead' };
  if (desiredState !== 'launched') return { ...inactive, result: null };
  switch (does) {
    case 'finishes':
      return inactive;
    case 'fails':
      return { activeState: 'failed', subState: 'failed', result: 'exit-code' };
    case 'runs':
      return {};
  }
}
