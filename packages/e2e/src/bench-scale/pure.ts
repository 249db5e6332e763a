import { Planner } from '@muster/scheduler';
import type { Plan } from '@muster/scheduler';
import type { Row } from '../bench/row.ts';
import { ClusterInMemory } from './cluster-in-memory.ts';

export interface PureOptions {
  /** Fewer machines and units. */
  readonly isQuick: boolean;
  /** Tells what is being done. */
  readonly say: (text: string) => void;
}

/** A cluster of the bench, and who plans for it. */
class Bench {
  readonly cluster = new ClusterInMemory();
  readonly #planner = new Planner(this.cluster, new Map());
  #underway: Plan['underway'] = new Map();
  /**
   * ms of a core that the last plan took, without what it takes to write it. Not by the clock: others
   * may be at work on this machine.
   */
  lastMs = 0;

  constructor(machines: number) {
    this.cluster.addMachines(machines);
  }

  plan(): Plan {
    const began = process.cpuUsage();
    const model = this.#planner.read();
    const absentSince = new Map([...model.absent].map((machine) => [machine, 0]));
    const plan = this.#planner.plan(model, {
      now: 60_000,
      absentSince,
      certainAfterMs: 10_000,
      underway: this.#underway,
      mostReasons: 10,
    });
    const { user, system } = process.cpuUsage(began);
    this.lastMs = (user + system) / 1000;
    this.#underway = plan.underway;
    this.cluster.write(plan.changes);
    return plan;
  }

  /** Plans until nothing is left to decide, and once more. @returns ms of that last plan */
  rest(): number {
    do this.cluster.report();
    while (this.plan().changes.length > 0);
    this.plan();
    return this.lastMs;
  }
}

/** The scheduler alone, as a pure function in this process: no etcd, no agents. */
export function pureRows({ isQuick, say }: PureOptions): Promise<Row[]> {
  const size: Size = isQuick ? { machines: 100, units: 2_000 } : { machines: 1_000, units: 20_000 };
  const rows: Row[] = [];
  // What is compiled meanwhile is no part of a decision.
  const warmUp: Size = { machines: 100, units: 4_000 };
  for (const each of placements) placementRow(each, warmUp);
  for (let i = 0; i < 5; i += 1) failoverRow(warmUp);
  const cases: readonly ((size: Size) => Row[])[] = [
    ...placements.map((each) => (of: Size) => [placementRow(each, of)]),
    churnRows,
    failoverRow,
    fullRow,
    ...(isQuick ? [] : [(): Row[] => [largeRow({ machines: 10_000, units: 100_000 })]]),
  ];
  for (const measure of cases) {
    const found = measure(size);
    for (const { what, measured } of found) say(`${what}: ${measured}`);
    rows.push(...found);
  }
  return Promise.resolve(rows);
}

interface Size {
  readonly machines: number;
  readonly units: number;
}

interface PlacementCase {
  readonly name: string;
  readonly fill: (cluster: ClusterInMemory, size: Size) => void;
  /** Decisions per second. */
  readonly atLeast: number;
}

const templates = 40;

const placements: readonly PlacementCase[] = [
  {
    name: 'basic',
    fill: (cluster, { units }) => {
      for (let i = 0; i < units; i += 1) cluster.addUnit(`plain${i}.service`);
    },
    atLeast: 50_000,
  },
  {
    name: 'conflicts',
    fill: (cluster, { units }) => {
      for (let i = 0; i < units; i += 1) {
        const web = `web${i % templates}@`;
        cluster.addUnit(`${web}${i}.service`, `Conflicts=${web}*.service`);
      }
    },
    atLeast: 10_000,
  },
  {
    name: 'affinity',
    fill: (cluster, { units }) => {
      for (let i = 0; i < units / 2; i += 1) {
        cluster.addUnit(`lead${i}.service`);
        cluster.addUnit(`side${i}.service`, `MachineOf=lead${i}.service`);
      }
    },
    atLeast: 10_000,
  },
  {
    name: 'metadata',
    fill: (cluster, { units }) => {
      for (let i = 0; i < units; i += 1) {
        const disk = i % 2 === 0 ? 'ssd' : 'hdd';
        cluster.addUnit(`near${i}.service`, `MachineMetadata=disk=${disk}`);
      }
    },
    atLeast: 10_000,
  },
  {
    name: 'spread',
    fill: (cluster, { units }) => {
      for (let i = 0; i < units; i += 1) {
        cluster.addUnit(`wide${i % templates}@${i}.service`, 'Spread=zone');
      }
    },
    atLeast: 10_000,
  },
  {
    name: 'global',
    fill: (cluster, { units, machines }) => {
      for (let i = 0; i < units / machines; i += 1)
        cluster.addUnit(`all${i}.service`, 'Global=true');
    },
    atLeast: 10_000,
  },
  {
    name: 'unschedulable',
    fill: (cluster, { units }) => {
      for (let i = 0; i < units; i += 1) {
        cluster.addUnit(`lost${i}.service`, 'MachineMetadata=zone=nowhere');
      }
    },
    atLeast: 10_000,
  },
];

function placementRow({ name, fill, atLeast }: PlacementCase, size: Size): Row {
  const bench = new Bench(size.machines);
  // Units are read once, when they are made: a plan of no machines does that.
  const { cluster } = bench;
  fill(cluster, size);
  cluster.hideMachines();
  bench.plan();
  cluster.showMachines();
  const { changes, unplaced } = bench.plan();
  const decided = unplaced.length + changes.reduce((sum, { assign }) => sum + assign.length, 0);
  const rate = perSecond(decided, bench);
  const restMs = bench.rest();
  const heap = `heap ${megabytes(process.memoryUsage().heapUsed)}`;
  return {
    what: `pure: ${name}, ${size.units} units on ${size.machines} machines`,
    measured: `${rate.toLocaleString('en')}/s, ${restMs.toFixed(2)} ms at rest, ${heap}`,
    floor: null,
    ratio: null,
    target: `≥ ${atLeast.toLocaleString('en')}/s`,
    isMet: rate >= atLeast && decided >= size.units,
  };
}

/** One unit of many goes and another one comes, again and again. */
function churnRows({ machines, units }: Size): Row[] {
  const bench = new Bench(machines);
  for (let i = 0; i < units; i += 1) {
    const web = `web${i % templates}@`;
    bench.cluster.addUnit(`${web}${i}.service`, i % 2 === 0 ? '' : `Conflicts=${web}*.service`);
  }
  bench.rest();
  const rounds = 200;
  const times: number[] = [];
  for (let i = 0; i < rounds; i += 1) {
    const web = `web${i % templates}@`;
    bench.cluster.removeUnit(`${web}${i}.service`);
    bench.cluster.addUnit(`${web}${units + i}.service`, `Conflicts=${web}*.service`);
    const { changes } = bench.plan();
    if (changes.length !== 2) throw new Error(`churn: ${changes.length} changes instead of 2`);
    times.push(bench.lastMs);
    bench.cluster.report();
  }
  times.sort((a, b) => a - b);
  const [p50 = NaN, p99 = NaN] = [times[rounds / 2], times[Math.floor(rounds * 0.99)]];
  return [
    {
      what: `pure: churn, one unit for another among ${units}`,
      measured: `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms a plan`,
      floor: null,
      ratio: null,
      target: 'p50 ≤ 1 ms',
      isMet: p50 <= 1,
    },
  ];
}

function failoverRow({ machines, units }: Size): Row[] {
  const bench = new Bench(machines);
  for (let i = 0; i < units; i += 1) bench.cluster.addUnit(`plain${i}.service`);
  bench.rest();
  const lost = machines / 10;
  for (let i = 0; i < lost; i += 1) bench.cluster.loseMachine(i * 10);
  const { changes } = bench.plan();
  const rate = perSecond(changes.length, bench);
  return [
    {
      what: `pure: failover of ${lost} of ${machines} machines, ${units} units`,
      measured: `${changes.length} moved, ${bench.lastMs.toFixed(0)} ms, ${rate.toLocaleString('en')}/s`,
      floor: null,
      ratio: null,
      target: '≥ 10,000/s',
      isMet: rate >= 10_000 && changes.length === units / 10,
    },
  ];
}

/** Units wait for machines that are full: nothing can be decided, and it is looked at again and again. */
function fullRow({ machines, units }: Size): Row[] {
  const bench = new Bench(machines);
  const perMachine = 8;
  const waiting = units / 5;
  for (let i = 0; i < machines * perMachine + waiting; i += 1) {
    bench.cluster.addUnit(`takes${i}.service`, 'MemoryReservation=1G');
  }
  bench.rest();
  const times: number[] = [];
  for (let i = 0; i < 20; i += 1) {
    const { changes, unplaced } = bench.plan();
    if (changes.length > 0 || unplaced.length !== waiting) throw new Error('full: units moved');
    times.push(bench.lastMs);
  }
  times.sort((a, b) => a - b);
  const p50 = times[times.length / 2] ?? NaN;
  return [
    {
      what: `pure: full, ${waiting} units wait for ${machines} full machines`,
      measured: `p50 ${p50.toFixed(1)} ms a plan, at most ${(times.at(-1) ?? NaN).toFixed(1)} ms`,
      floor: null,
      ratio: null,
      target: 'p50 ≤ 100 ms',
      isMet: p50 <= 100,
    },
  ];
}

function largeRow({ machines, units }: Size): Row {
  const began = performance.now();
  const bench = new Bench(machines);
  for (let i = 0; i < units; i += 1) {
    const web = `web${i % templates}@`;
    const fleet = ['', `Conflicts=${web}*.service`, 'MachineMetadata=disk=ssd', '', ''][i % 5];
    bench.cluster.addUnit(`${web}${i}.service`, fleet);
  }
  const { changes } = bench.plan();
  const restMs = bench.rest();
  const seconds = (performance.now() - began) / 1000;
  const { rss } = process.memoryUsage();
  return {
    what: `pure: ${machines} machines, ${units} units, all of them placed`,
    measured: `${seconds.toFixed(1)} s, ${megabytes(rss)}, ${restMs.toFixed(2)} ms at rest`,
    floor: null,
    ratio: null,
    target: '≤ 60 s, ≤ 1500 MB',
    isMet: seconds <= 60 && rss <= 1.5e9 && changes.length === units,
  };
}

function perSecond(decided: number, { lastMs }: Bench): number {
  return Math.round(decided / (lastMs / 1000));
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
