import { listRow } from '../bench/list.ts';
import { percentile, seconds } from '../bench/row.ts';
import type { Row } from '../bench/row.ts';
import type { Arguments } from './arguments.ts';
import { churn } from './churn-case.ts';
import { failoverRow } from './failover-case.ts';
import type { GrowthPoint } from './growth.ts';
import { latencies, latencyRow } from './latency-case.ts';
import { launchAll, launchRows } from './launch-case.ts';
import type { Launched } from './launch-case.ts';
import { atRest, restRows } from './rest-case.ts';
import { SimulatedCluster } from './simulated-cluster.ts';
import { affinity, basic, conflicts, everywhere, failing, unschedulable } from './specs.ts';
import type { Spec } from './specs.ts';

export interface Size {
  readonly machines: number;
  readonly units: number;
  /** Whether targets are set for it. */
  readonly isLargest: boolean;
}

export interface Measured {
  readonly rows: readonly Row[];
  /** null: not everything that growth is told by was measured. */
  readonly growth: GrowthPoint | null;
}

const globalUnits = 5;
const churnPerSecond = 20;
const failingPart = 0.2;
const listTargetMs = 500;
const latencyTargetMs = 250;

/** Measures one size of cluster from nothing. */
export async function measureSize(
  size: Size,
  options: Arguments,
  say: (text: string) => void,
): Promise<Measured> {
  const { startMs, ttlSeconds, profileIn, only } = options;
  const { machines } = size;
  const processes = Math.min(options.processes, machines);
  const label = `${size.units} units, ${machines} machines`;
  const rows: Row[] = [];
  const measure = async <T>(what: (run: Run) => Promise<T>): Promise<T> => {
    say(`${machines} machines in ${processes} processes`);
    const behaviour = { startMs, failing: 0 };
    const up = { machines, processes, ttlSeconds, behaviour, profileIn };
    const cluster = await SimulatedCluster.up(up);
    try {
      return await what(new Run(cluster, { size, label, options, say, rows }));
    } finally {
      await cluster.down();
    }
  };
  // In a cluster of their own: ten minutes later a leader removes the files of units that were destroyed.
  const isAnyAsked = constrainedCases.some((name) => only.has(name));
  if (size.isLargest && isAnyAsked) await measure((run) => run.constrained());
  const growth = await measure((run) => run.populated());
  return { rows, growth };
}

const constrainedCases = ['conflicts', 'affinity', 'global', 'failing'] as const;

interface RunOptions {
  readonly size: Size;
  /** The size, for the names of rows. */
  readonly label: string;
  readonly options: Arguments;
  readonly say: (text: string) => void;
  /** Rows are added here. */
  readonly rows: Row[];
}

class Run {
  readonly #cluster: SimulatedCluster;
  readonly #options: RunOptions;

  constructor(cluster: SimulatedCluster, options: RunOptions) {
    this.#cluster = cluster;
    this.#options = options;
  }

  #has(name: Parameters<Arguments['only']['has']>[0]): boolean {
    return this.#options.options.only.has(name);
  }

  #add(...rows: readonly Row[]): void {
    for (const row of rows) {
      this.#options.say(`${row.what}: ${row.measured}${row.isMet ? '' : '  NOT MET'}`);
    }
    this.#options.rows.push(...rows);
  }

  /** Units that ask for something of where they run, a tenth as many as plain ones. */
  async constrained(): Promise<void> {
    const { size, options } = this.#options;
    const count = Math.max(10, Math.floor(size.units / 10));
    if (this.#has('conflicts')) await this.#launchSpec(conflicts(count, size.machines));
    if (this.#has('affinity')) await this.#launchSpec(affinity(count));
    if (this.#has('global')) await this.#launchSpec(everywhere(globalUnits, size.machines));
    if (this.#has('failing')) {
      await this.#cluster.behave({ startMs: options.startMs, failing: failingPart });
      await this.#launchSpec(failing(count));
      await this.#cluster.behave({ startMs: options.startMs, failing: 0 });
    }
  }

  /** @throws when they are not where they have to be */
  async #launchSpec(spec: Spec): Promise<void> {
    const { label, units, judge } = spec;
    const launched = await launchAll(this.#cluster, spec);
    const problem = judge(await this.#places());
    if (problem !== null) throw new Error(`${label}: ${problem}`);
    const { machines } = this.#cluster;
    this.#add(...launchRows(launched, label, `${units.length} units, ${machines} machines`));
    await this.#cluster.destroy(units.map(({ name }) => name));
  }

  async #places(): Promise<ReadonlyMap<string, readonly string[]>> {
    const places = new Map<string, string[]>();
    for (const { unit, machine, activeState } of await this.#cluster.leader.api.states()) {
      if (activeState !== 'active') continue;
      const machines = places.get(unit) ?? [];
      machines.push(machine);
      places.set(unit, machines);
    }
    return places;
  }

  /** With as many units as the size says. @returns null: not everything that growth is told by was measured */
  async populated(): Promise<GrowthPoint | null> {
    const growth = await this.#grown();
    if (this.#options.size.isLargest) await this.#disturbed();
    return growth;
  }

  async #grown(): Promise<GrowthPoint | null> {
    const { size, label } = this.#options;
    const launched = await this.#populate();
    const latency = this.#has('latency') ? await this.#latency(label) : null;
    const listMs = this.#has('list') ? this.#list() : null;
    const rest = this.#has('rest') ? await this.#rest() : null;
    if (launched === null || latency === null || listMs === null || rest === null) return null;
    return {
      machines: size.machines,
      units: size.units,
      activeMs: launched.activeMs,
      decisionsPerSecond: launched.decisionsPerSecond,
      ...latency,
      listMs,
      restCpuPercent: (rest.leaderCpuMs / rest.ms) * 100,
      leaderRssMb: rest.leaderRssMb,
      etcdRssMb: rest.etcd.rssMb,
    };
  }

  /** null: no case needs them. */
  async #populate(): Promise<Launched | null> {
    const { size, label } = this.#options;
    const needing = ['basic', 'latency', 'list', 'rest', 'churn', 'unschedulable', 'failover'];
    if (!needing.some((name) => this.#has(name as 'basic'))) return null;
    const launched = await launchAll(this.#cluster, basic(size.units));
    if (this.#has('basic')) this.#add(...launchRows(launched, 'basic', label));
    return launched;
  }

  async #latency(label: string): Promise<{ latencyP50Ms: number; latencyP99Ms: number }> {
    const { options, size } = this.#options;
    const samples = await latencies(this.#cluster, options.isQuick ? 10 : 100);
    const targetMs = size.isLargest ? latencyTargetMs : null;
    const what = `one more unit, ${label}`;
    this.#add(
      latencyRow(samples, 0.5, { what, targetMs: null }),
      latencyRow(samples, 0.99, { what, targetMs }),
    );
    const above = samples.map(({ tookMs, startMs }) => tookMs - startMs);
    return { latencyP50Ms: percentile(above, 0.5), latencyP99Ms: percentile(above, 0.99) };
  }

  #list(): number {
    const endpoint = `unix:${this.#cluster.leader.socket}`;
    const row = listRow(endpoint, { present: this.#options.size.units, targetMs: listTargetMs });
    this.#add(row);
    return row.ms;
  }

  async #rest() {
    const { options, size, label } = this.#options;
    // Time enough for one of the scheduler's checks of its plan, every 300 to 330 s.
    const forMs = options.isQuick ? 10_000 : size.isLargest ? 330_000 : 60_000;
    const cost = await atRest(this.#cluster, forMs);
    this.#add(...restRows(cost, label));
    return cost;
  }

  /** What happens to a cluster that is full. */
  async #disturbed(): Promise<void> {
    if (this.#has('churn')) await this.#churn();
    if (this.#has('unschedulable')) await this.#unschedulable();
    if (this.#has('failover'))
      this.#add(await failoverRow(this.#cluster, this.#options.options.ttlSeconds));
  }

  async #churn(): Promise<void> {
    const { label, options } = this.#options;
    const forMs = options.isQuick ? 3000 : 30_000;
    const samples = await churn(this.#cluster, { perSecond: churnPerSecond, forMs });
    const what = `churn: ${churnPerSecond} units a second launched and destroyed, ${label}`;
    this.#add(
      latencyRow(samples, 0.5, { what, targetMs: null }),
      latencyRow(samples, 0.99, { what, targetMs: null }),
    );
  }

  async #unschedulable(): Promise<void> {
    const { size, options } = this.#options;
    const units = unschedulable(Math.max(10, Math.floor(size.units / 20)));
    await this.#cluster.put(units);
    const samples = await latencies(this.#cluster, options.isQuick ? 5 : 50);
    const what = `unschedulable: one more unit beside ${units.length} that no machine may have`;
    this.#add(
      latencyRow(samples, 0.5, { what, targetMs: null }),
      latencyRow(samples, 0.99, { what, targetMs: null }),
    );
    const began = performance.now();
    await this.#cluster.destroy(units.map(({ name }) => name));
    this.#options.say(`destroying those took ${seconds(performance.now() - began)}`);
  }
}
