import type { Host } from './eligibility.ts';
import { buildModel } from './model-keeper.ts';
import { Planner } from './planner.ts';
import type { Plan } from './plan.ts';
import { ChangeFinder } from './testing/change-finder.ts';
import { PlannedCluster } from './testing/planned-cluster.ts';

const G = 2 ** 30;
const machines = Array.from({ length: 40 }, (_, i) => `m${i + 10}`);
const waiting = Array.from({ length: 200 }, (_, i) => `w${i}.service`);

/** Machines of one gibibyte, each with a unit that takes all of it. */
function fullCluster(fleet: string): PlannedCluster {
  const cluster = new PlannedCluster();
  for (const id of machines) {
    cluster.machine(id).capacity(id, { memoryBytes: G });
    cluster.unit(`on-${id}.service`, `MachineID=${id}\nMemoryReservation=1G`);
  }
  cluster.rest();
  for (const name of waiting) cluster.unit(name, fleet);
  return cluster;
}

/** Plans again and again, and counts how often it looks at what a machine has left. */
class Counter {
  looks = 0;
  readonly #cluster: PlannedCluster;
  readonly #planner: Planner;
  readonly #counted = new Set<Host>();

  constructor(cluster: PlannedCluster) {
    this.#cluster = cluster;
    this.#planner = new Planner(new ChangeFinder(() => cluster.snapshot()), new Map());
  }

  plan(): Plan {
    const model = this.#planner.read();
    for (const host of model.hosts.values()) this.#count(host);
    this.looks = 0;
    const { now } = this.#cluster;
    const absentSince = new Map([...model.absent].map((id) => [id, 0]));
    return this.#planner.plan(model, { now, absentSince, certainAfterMs: 0, mostReasons: 3 });
  }

  #count(host: Host): void {
    if (this.#counted.has(host)) return;
    this.#counted.add(host);
    const { ledger } = host;
    Object.defineProperty(host, 'ledger', {
      get: () => {
        this.looks += 1;
        return ledger;
      },
    });
  }
}

test.each([
  ['that take the same', 'MemoryReservation=1G'],
  ['that are kept away from each other', 'MemoryReservation=1G\nConflicts=w*.service'],
  ['that want more than any has', 'CPUReservation=2'],
])('units %s ask each full machine once', (_, fleet) => {
  const cluster = fullCluster(fleet);
  const counter = new Counter(cluster);
  for (let i = 0; i < 2; i += 1) {
    const { changes, unplaced } = counter.plan();
    expect({ changes, unplaced: unplaced.length }).toEqual({ changes: [], unplaced: 200 });
    // Once more for what is said of some of them.
    const most = i === 0 ? machines.length + 700 : 700;
    expect(counter.looks).toBeLessThanOrEqual(most);
  }
});

test('when something is freed, who waits goes there, and the others are not asked again', () => {
  const cluster = fullCluster('MemoryReservation=1G');
  const counter = new Counter(cluster);
  counter.plan();
  cluster.units.delete('on-m17.service');
  cluster.write(counter.plan().changes);
  cluster.report();
  const { changes, unplaced } = counter.plan();
  expect(changes.map(({ unit, assign }) => [unit, assign[0]?.machine])).toEqual([
    ['w0.service', 'm17'],
  ]);
  expect(unplaced).toHaveLength(waiting.length - 1);
  expect(counter.looks).toBeLessThanOrEqual(20);
});

test('units whose machines are gone ask each full machine once as well', () => {
  const cluster = new PlannedCluster();
  for (const id of machines.slice(0, 20)) {
    cluster.machine(id).capacity(id, { memoryBytes: G });
    cluster.unit(`on-${id}.service`, 'MemoryReservation=1G');
  }
  cluster.rest();
  for (const id of machines.slice(0, 10)) cluster.lose(id);
  const counter = new Counter(cluster);
  counter.plan();
  const { changes, unplaced } = counter.plan();
  expect({ changes, unplaced: unplaced.length }).toEqual({ changes: [], unplaced: 10 });
  expect(counter.looks).toBe(0);
});

test('a full machine takes a unit that has it full itself', () => {
  const cluster = new PlannedCluster().machine('m1').capacity('m1', { memoryBytes: G });
  cluster.unit('a.service', 'MemoryReservation=1G').rest();
  cluster.unit('b.service', 'MemoryReservation=1G').rest();
  // It has ended there, and is to be begun anew. Another of its kind was refused there.
  const byMachine = cluster.assignments.get('a.service');
  const stored = byMachine?.get('m1');
  if (stored !== undefined) byMachine?.set('m1', { ...stored, isLeaving: true });
  cluster.state('a.service', 'm1', 'inactive');
  cluster.settle();
  expect(cluster.where()).toEqual({ 'a.service': ['m1'] });
});

test('a copy that has its machine full takes the unit back before one that was refused there', () => {
  const cluster = new PlannedCluster();
  const join = (id: string): unknown => cluster.machine(id).capacity(id, { memoryBytes: G });
  join('m1');
  cluster.unit('a.service', 'MemoryReservation=1G', 'inactive');
  cluster.unit('b.service', 'MemoryReservation=1G').rest();
  join('m2');
  cluster.lose('m1').settle();
  join('m1');
  cluster.state('b.service', 'm1', 'active').settle();
  expect(cluster.where()).toEqual({ 'b.service': ['m1:released', 'm2'] });
  cluster.lose('m2').unit('a.service', 'MemoryReservation=1G').settle();
  expect(cluster.where()).toEqual({ 'b.service': ['m1', 'm2:released'] });
});

test('a port that a socket has keeps others away, but not the service that it starts', () => {
  const cluster = new PlannedCluster().machine('m1');
  cluster.file('web.socket', '[Socket]\nListenStream=80\n').rest();
  cluster.unit('api.service', 'Ports=80').unit('web.service', 'Ports=80');
  cluster.rest();
  expect(cluster.where()).toEqual({ 'web.socket': ['m1'], 'web.service': ['m1'] });
});

test('units that take the same are told why by the same list, until something changes', () => {
  const model = buildModel(fullCluster('MemoryReservation=1G').snapshot(), new Map());
  const planner = new Planner(
    {
      snapshot: () => model.snapshot,
      changed: () => {
        throw new Error('it is not read');
      },
    },
    new Map(),
  );
  const { unplaced } = planner.plan(model, {
    now: 0,
    absentSince: new Map(),
    certainAfterMs: 0,
  });
  // The first asked by itself.
  expect(new Set(unplaced.map((each) => each.machines)).size).toBeLessThanOrEqual(2);
  expect(unplaced[7]?.machines).toHaveLength(machines.length);
  expect(unplaced[7]?.machines[2]).toEqual({
    machine: 'm12',
    reason: 'MemoryReservation=1G wants 1G of memory, the machine has 0 of 1G left',
  });
});
