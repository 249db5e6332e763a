import type { Rebalance } from '@muster/core';
import { buildModel } from '../model-keeper.ts';
import type { Plan } from '../plan.ts';
import { Rebalancer } from '../rebalancer.ts';
import type { PlannedCluster } from './planned-cluster.ts';

/** A cluster in memory with a leader, and agents that do what is assigned to them when they are told to. */
export class RebalancedCluster {
  readonly cluster: PlannedCluster;
  /** machine → units that run there */
  readonly running = new Map<string, Set<string>>();
  /** Units that fail wherever they are begun from now on. */
  readonly broken = new Set<string>();
  /** Boot-clock ms; null: the leader waits for something to change. */
  lookAgainAt: number | null = null;
  #rebalancer = new Rebalancer();

  /** @param cluster - its units are up where they are */
  constructor(cluster: PlannedCluster) {
    this.cluster = cluster;
    for (const [unit, byMachine] of cluster.assignments) {
      for (const { machine, desiredState } of byMachine.values()) {
        if (desiredState === 'launched') this.#runningOn(machine).add(unit);
      }
    }
  }

  /** Somebody asks for it. */
  begin(more: Partial<Rebalance> = {}): this {
    const asked = { origin: { by: 'kim' }, limit: null, atOnce: 1, moved: 0, moves: [] };
    this.cluster.rebalance = { ...asked, ...more, modRevision: this.cluster.revision++ };
    return this;
  }

  /** Another one leads, who knows nothing but what is stored. */
  changeLeader(): void {
    this.#rebalancer = new Rebalancer();
    this.cluster.underway = new Map();
    this.cluster.sightings = new Map();
    this.cluster.arrivals = new Map();
  }

  /** The leader looks once. @returns whether it has written anything */
  lead(): boolean {
    const { cluster } = this;
    const plan = cluster.plan();
    const { step, lookAgainAt } = this.#rebalancer.step(
      buildModel(cluster.snapshot(), new Map()),
      plan,
      { now: cluster.now, at: 7 },
    );
    const times = [plan.lookAgainAt, lookAgainAt].filter((time) => time !== null);
    this.lookAgainAt = times.length === 0 ? null : Math.min(...times);
    if (step !== null) {
      const modRevision = cluster.revision++;
      cluster.rebalance = step.type === 'remove' ? null : { ...step.record, modRevision };
    }
    this.#write(plan);
    return step !== null || plan.changes.length > 0;
  }

  #write(plan: Plan): void {
    const { cluster } = this;
    cluster.underway = plan.underway;
    cluster.sightings = plan.sightings;
    cluster.arrivals = plan.arrivals;
    cluster.write(plan.changes);
  }

  /** An agent does what is assigned to it, and says so. */
  act(machine: string): void {
    const { cluster, broken } = this;
    const running = this.#runningOn(machine);
    const assigned = new Set<string>();
    for (const [unit, byMachine] of cluster.assignments) {
      const assignment = byMachine.get(machine);
      if (assignment === undefined) continue;
      assigned.add(unit);
      const { isLeaving, role, desiredState } = assignment;
      if (isLeaving === true) running.delete(unit);
      else if (role === 'holder' && desiredState === 'launched' && !running.has(unit)) {
        if (!broken.has(unit)) running.add(unit);
      }
      const isUp = running.has(unit);
      const hasFailed = !isUp && isLeaving !== true && broken.has(unit);
      cluster.state(unit, machine, isUp ? 'active' : hasFailed ? 'failed' : 'inactive');
    }
    for (const [unit, byMachine] of cluster.states) {
      if (assigned.has(unit)) continue;
      running.delete(unit);
      byMachine.delete(machine);
      if (byMachine.size === 0) cluster.states.delete(unit);
    }
  }

  /** Everybody does what there is to do, and time passes, until nothing more happens. */
  finish(look: () => void = () => undefined): void {
    for (let i = 0, quiet = 0; i < 500; i += 1) {
      quiet = this.lead() ? 0 : quiet + 1;
      look();
      for (const machine of this.cluster.machines.keys()) {
        this.act(machine);
        look();
      }
      if (quiet < 2) continue;
      if (this.lookAgainAt === null) return;
      this.cluster.now = Math.max(this.cluster.now, this.lookAgainAt);
    }
    throw new Error(`it has no end: ${JSON.stringify(this.cluster.rebalance)}`);
  }

  /** Machines on which it runs; sorted. */
  copies(unit: string): string[] {
    return [...this.running]
      .flatMap(([machine, units]) => (units.has(unit) ? [machine] : []))
      .sort();
  }

  #runningOn(machine: string): Set<string> {
    const known = this.running.get(machine) ?? new Set();
    this.running.set(machine, known);
    return known;
  }
}
