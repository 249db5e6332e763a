import { hashUnitFile, parseRequirements, parseUnitFile, serializeUnitFile } from '@muster/core';
import type {
  Assignment,
  Brake,
  Capacity,
  ClusterSnapshot,
  CorruptRecord,
  Loss,
  Machine,
  MachineSettings,
  Placement,
  PlacementChange,
  Policy,
  Rebalance,
  Unit,
  UnitCounts,
  UnitState,
} from '@muster/core';
import { noteAbsences } from '../absence.ts';
import type { Absences } from '../absence.ts';
import { forgottenMachines } from '../brake.ts';
import { difference, planOfAll } from '../check-plan.ts';
import type { PlanOptions } from '../draft.ts';
import { buildModel } from '../model-keeper.ts';
import { planPlacements } from '../plan.ts';
import type { Plan } from '../plan.ts';
import { Planner } from '../planner.ts';
import { ChangeFinder } from './change-finder.ts';

/** Whether the API would store such a unit. */
export function isAccepted(name: string, fleet: string): boolean {
  const { problems } = parseRequirements(parseUnitFile(`[X-Fleet]\n${fleet}\n`), name);
  return problems.length === 0;
}

/** A service with that in `[X-Fleet]`. */
export function textOf(fleet: string): string {
  return `[Service]\nExecStart=/bin/true\n${fleet === '' ? '' : `[X-Fleet]\n${fleet}\n`}`;
}

/** A cluster in memory that a plan can be read from and written back to. */
export class PlannedCluster {
  readonly units = new Map<string, Unit>();
  readonly files = new Map<string, string>();
  readonly machines = new Map<string, Machine>();
  readonly placements = new Map<string, Placement>();
  readonly assignments = new Map<string, Map<string, Assignment>>();
  readonly states = new Map<string, Map<string, UnitState>>();
  readonly settings = new Map<string, MachineSettings>();
  readonly corrupt: CorruptRecord[] = [];
  brake: Brake | null = null;
  policy: Policy | null = null;
  rebalance: Rebalance | null = null;
  readonly losses = new Map<string, Loss>();
  /** What the last plan said of units between two machines; a new leader knows none of it. */
  underway: Plan['underway'] = new Map();
  /** What the last plan had seen of units that failed; a new leader has seen nothing. */
  sightings: Plan['sightings'] = new Map();
  /** The same of moves that were seen to arrive. */
  arrivals: Plan['arrivals'] = new Map();
  revision = 1;
  /** Boot-clock ms of the leader, whose contact with the store is old enough. */
  now = 0;
  #absentSince: Absences = new Map();
  readonly #planner = new Planner(new ChangeFinder(() => this.snapshot()), new Map());
  readonly #boots = new Map<string, number>();

  machine(
    id: string,
    metadata: Record<string, string> = {},
    awaySince: number | null = null,
  ): this {
    this.machines.set(id, {
      id,
      bootId: this.#bootOf(id),
      hostname: id,
      address: null,
      apiUrl: null,
      metadata,
      capacity: { cpus: 1, memoryBytes: 1 },
      version: '0',
      awaySince,
      modRevision: this.revision++,
    });
    return this;
  }

  /** What a machine that is there says it has. */
  capacity(id: string, capacity: Partial<Capacity>): this {
    const machine = this.machines.get(id);
    if (machine === undefined) throw new Error(`there is no ${id}`);
    const modRevision = this.revision++;
    this.machines.set(id, {
      ...machine,
      capacity: { ...machine.capacity, ...capacity },
      modRevision,
    });
    return this;
  }

  unit(name: string, fleet = '', desiredState: Unit['desiredState'] = 'launched'): this {
    return this.file(name, textOf(fleet), desiredState);
  }

  file(name: string, text: string, desiredState: Unit['desiredState'] = 'launched'): this {
    const file = parseUnitFile(text);
    const hash = hashUnitFile(file);
    this.files.set(hash, serializeUnitFile(file));
    const createRevision = this.units.get(name)?.createRevision ?? this.revision;
    this.units.set(name, {
      name,
      hash,
      desiredState,
      restarts: 0,
      origin: { by: 'test' },
      createRevision,
      modRevision: this.revision++,
    });
    return this;
  }

  /** Restarts and starts are asked of the unit. */
  ask(name: string, counts: UnitCounts): this {
    const unit = this.units.get(name);
    if (unit === undefined) throw new Error(`there is no ${name}`);
    this.units.set(name, { ...unit, ...counts, modRevision: this.revision++ });
    return this;
  }

  snapshot(): ClusterSnapshot {
    const { revision, units, files, machines, placements, assignments, states, corrupt } = this;
    return {
      revision,
      units,
      files,
      machines,
      placements,
      assignments,
      states,
      corrupt: [...corrupt],
      clusterId: 'test',
      fileRevisions: new Map(),
      settings: this.settings,
      leader: null,
      brake: this.brake,
      policy: this.policy,
      rebalance: this.rebalance,
      losses: this.losses,
    };
  }

  /** Of a planner that was told all along what has changed; and that thinks of every unit anew. */
  plan(mayDeclareAbsent = true): Plan {
    const model = this.#planner.read();
    const options: PlanOptions = {
      now: this.now,
      certainAfterMs: 10_000,
      absentSince: mayDeclareAbsent ? this.#absences() : new Map(),
      forgotten: forgottenMachines(model),
      underway: this.underway,
      sightings: this.sightings,
      arrivals: this.arrivals,
    };
    const plan = this.#planner.plan(model, options);
    const found = difference(plan, planOfAll(model.snapshot, options, new Map()));
    if (found === null) return plan;
    throw new Error(`${found.part}: planned ${found.had}, and of all ${found.wanted}`);
  }

  /** Machines that are absent and when they were seen to be so first. */
  #absences(): Absences {
    const { absent } = buildModel(this.snapshot(), new Map());
    const { now } = this;
    this.#absentSince = noteAbsences(this.#absentSince, {
      absent,
      now,
      contactSince: 0,
      matureMs: 0,
    });
    return this.#absentSince;
  }

  /** The plan of a leader that learned of everything in the opposite order. */
  planBackwards(): Plan {
    const { units, files, machines, placements, assignments, states, ...rest } = this.snapshot();
    const snapshot = {
      ...rest,
      units: backwards(units),
      files: backwards(files),
      machines: backwards(machines),
      placements: backwards(placements),
      assignments: backwards(new Map([...assignments].map(([k, of]) => [k, backwards(of)]))),
      states: backwards(new Map([...states].map(([k, of]) => [k, backwards(of)]))),
    };
    return planPlacements(buildModel(snapshot, new Map()), {
      now: this.now,
      certainAfterMs: 10_000,
      absentSince: this.#absences(),
      underway: backwards(this.underway),
      sightings: backwards(this.sightings),
      arrivals: this.arrivals,
    });
  }

  /** Plans, writes the plan, and says what was planned. */
  settle(mayDeclareAbsent = true): Plan {
    const plan = this.plan(mayDeclareAbsent);
    this.underway = plan.underway;
    this.sightings = plan.sightings;
    this.arrivals = plan.arrivals;
    this.write(plan.changes);
    return plan;
  }

  write(changes: readonly PlacementChange[]): void {
    for (const change of changes) {
      const modRevision = this.revision++;
      const byMachine = this.assignments.get(change.unit) ?? new Map<string, Assignment>();
      for (const { machine } of change.withdraw) byMachine.delete(machine);
      for (const a of change.assign) byMachine.set(a.machine, { ...a, modRevision });
      if (byMachine.size === 0) this.assignments.delete(change.unit);
      else this.assignments.set(change.unit, byMachine);
      if (change.placement === null) this.placements.delete(change.unit);
      else this.placements.set(change.unit, { ...change.placement, modRevision });
    }
  }

  /** Reports a unit as systemd would, as an answer to its present assignment. */
  state(unit: string, machine: string, activeState: string, change: Partial<UnitState> = {}): this {
    const byMachine = this.states.get(unit) ?? new Map<string, UnitState>();
    byMachine.set(machine, {
      unit,
      machine,
      loadState: 'loaded',
      activeState,
      subState: '',
      result: null,
      problem: null,
      since: 0,
      bootId: this.#bootOf(machine),
      invocationId: null,
      hash: this.assignments.get(unit)?.get(machine)?.hash ?? '',
      answers: this.assignments.get(unit)?.get(machine)?.modRevision ?? 0,
      modRevision: this.revision++,
      ...change,
    });
    this.states.set(unit, byMachine);
    return this;
  }

  /** Every agent reports what is assigned to it as up, and everything else as ended. */
  report(): this {
    for (const [unit, byMachine] of this.states) {
      for (const machine of byMachine.keys()) {
        if (this.assignments.get(unit)?.has(machine) !== true) byMachine.delete(machine);
      }
      if (byMachine.size === 0) this.states.delete(unit);
    }
    for (const [unit, byMachine] of this.assignments) {
      for (const { machine, isLeaving } of byMachine.values()) {
        const activeState = isLeaving === true ? 'inactive' : 'active';
        if (this.machines.has(machine)) this.state(unit, machine, activeState);
      }
    }
    return this;
  }

  /** Plans and reports in turn until a plan changes nothing. @returns every plan that did */
  rest(rounds = 20): Plan[] {
    const plans: Plan[] = [];
    for (let i = 0; i < rounds; i += 1) {
      const plan = this.settle();
      if (plan.changes.length === 0) return plans;
      plans.push(plan);
      this.report();
    }
    throw new Error(`no rest after ${rounds} plans: ${JSON.stringify(this.where())}`);
  }

  /** Its next presence is of another boot. */
  reboot(id: string): this {
    this.#boots.set(id, (this.#boots.get(id) ?? 1) + 1);
    return this;
  }

  #bootOf(id: string): string {
    return `boot ${this.#boots.get(id) ?? 1} of ${id}`;
  }

  /** A machine vanishes, and its lease with what it reported. */
  lose(machine: string): this {
    this.machines.delete(machine);
    for (const byMachine of this.states.values()) byMachine.delete(machine);
    return this;
  }

  /** An operator accepts that a machine is lost, or wants it forgotten. */
  accept(machine: string, isForgotten = false): this {
    const origin = { by: 'test' };
    this.losses.set(machine, { machine, isForgotten, origin, modRevision: this.revision++ });
    return this;
  }

  /** unit → `machine`, `machine:released` or `machine:leaving`, sorted. */
  where(): Record<string, string[]> {
    const found: Record<string, string[]> = {};
    for (const [unit, byMachine] of this.assignments) {
      found[unit] = [...byMachine.values()]
        .map((a) => {
          const how = a.isLeaving === true ? 'leaving' : a.role;
          return how === 'holder' ? a.machine : `${a.machine}:${how}`;
        })
        .sort();
    }
    return found;
  }
}

function backwards<T>(map: ReadonlyMap<string, T>): Map<string, T> {
  return new Map([...map].reverse());
}
