import { hashUnitFile, parseUnitFile, serializeUnitFile } from '@muster/core';
import type { Assignment } from '@muster/core';
import fc from 'fast-check';
import { conflictOn, mismatch } from './eligibility.ts';
import type { Host } from './eligibility.ts';
import type { Model } from './model.ts';
import { buildModel } from './model-keeper.ts';
import type { Plan } from './plan.ts';
import { Planner } from './planner.ts';
import { refusal } from './refusal.ts';
import { compareScores, scorerFor } from './score.ts';
import { ChangeFinder } from './testing/change-finder.ts';
import { isAccepted, PlannedCluster, textOf } from './testing/planned-cluster.ts';

const machines = ['m1', 'm2', 'm3', 'm4', 'm5'];
const names = ['a.service', 'b.service', 'w@1.service', 'w@2.service', 'w@3.service', 'w@.service'];
const fleets = [
  '',
  'Global=true',
  'MachineID=m2',
  'MachineID=m2\nMemoryReservation=2G',
  'MemoryReservation=2G\nCPUReservation=25%',
  'MachineMetadata=zone=z1',
  'MachineMetadata=zone!=z1\nMemoryReservation=3G',
  'Conflicts=w@*.service',
  'Conflicts=a.service',
  'Conflicts=[ab].service\nPorts=80',
  'MachineOf=a.service',
  'MachineOf=w@1.service\nMachineOf=b.service',
  'MachineOf=w@2.service',
  'MachineOf=w@*.service',
  'Replaces=w@*.service',
  'Replaces=a.service',
  'Spread=zone',
  'PreferMetadata=zone=z2\nAvoidUnits=w@*.service',
  'Ports=80',
  'Ports=81',
  'Ports=80\nMemoryReservation=2G',
  'Reschedule=on-failure\nRescheduleDelaySec=5\nRescheduleLimit=2',
  'OnPartition=stop',
  'Global=true\nConflicts=b.service',
];

const zone = fc.constantFrom('z1', 'z2', 'z3');

interface Actors {
  readonly units: readonly string[];
  readonly fleets: readonly string[];
  readonly machines: readonly string[];
}

/** What can happen to these; and now and then a plan is made. */
function stepsOf(actors: Actors) {
  const unit = fc.constantFrom(...actors.units);
  const machine = fc.constantFrom(...actors.machines);
  const fleet = fc.constantFrom(...actors.fleets);
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        type: fc.constant('submit' as const),
        unit,
        fleet,
      }),
    },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('destroy' as const), unit }) },
    {
      weight: 1,
      arbitrary: fc.record({
        type: fc.constant('want' as const),
        unit,
        state: fc.constantFrom('inactive' as const, 'loaded' as const, 'launched' as const),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        type: fc.constant('join' as const),
        machine,
        zone,
        isAway: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('vanish' as const), machine }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('relabel' as const), machine, zone }) },
    {
      weight: 1,
      arbitrary: fc.record({
        type: fc.constant('resize' as const),
        machine,
        gibibytes: fc.integer({ min: 2, max: 8 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant('pack' as const), isPacked: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('loseFile' as const), unit }) },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant('garble' as const), unit, isMended: fc.boolean() }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        type: fc.constant('report' as const),
        unit,
        machine,
        activeState: fc.constantFrom('active', 'inactive', 'failed', null),
        /** The content with which it was started; null: that of its assignment. */
        ran: fc.option(fleet, { freq: 2 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        type: fc.constant('bringFile' as const),
        fleet,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant('upgrade' as const),
        machine,
        unit,
        fleet,
      }),
    },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('reportAll' as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        type: fc.constant('wait' as const),
        seconds: fc.integer({ min: 1, max: 20 }),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({ type: fc.constant('plan' as const), mayDeclareAbsent: fc.boolean() }),
    },
  );
}
const step = stepsOf({ units: names, fleets, machines });
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const G = 2 ** 30;
const origin = { by: 'test' };

/** Does what is not planning. */
function happen(cluster: PlannedCluster, one: Exclude<Step, { type: 'plan' }>): void {
  switch (one.type) {
    case 'submit':
      if (isAccepted(one.unit, one.fleet)) cluster.unit(one.unit, one.fleet);
      return;
    case 'destroy':
      cluster.units.delete(one.unit);
      return;
    case 'want': {
      const known = cluster.units.get(one.unit);
      if (known === undefined) return;
      const modRevision = cluster.revision++;
      cluster.units.set(one.unit, { ...known, desiredState: one.state, modRevision });
      return;
    }
    case 'join':
      cluster.machine(one.machine, { zone: one.zone }, one.isAway ? 1 : null);
      cluster.capacity(one.machine, { memoryBytes: 8 * G });
      return;
    case 'vanish':
      cluster.lose(one.machine);
      return;
    case 'relabel': {
      const modRevision = cluster.revision++;
      const metadata = { zone: one.zone };
      cluster.settings.set(one.machine, { machine: one.machine, metadata, modRevision });
      return;
    }
    case 'resize':
      if (!cluster.machines.has(one.machine)) return;
      cluster.capacity(one.machine, { memoryBytes: one.gibibytes * G });
      return;
    case 'pack': {
      const placement = one.isPacked ? 'pack' : 'spread';
      cluster.policy = { placement, origin, modRevision: cluster.revision++ };
      return;
    }
    case 'loseFile':
      cluster.files.delete(cluster.units.get(one.unit)?.hash ?? '');
      return;
    case 'garble': {
      const key = `/muster/placement/${one.unit}`;
      cluster.corrupt.splice(0);
      if (!one.isMended) cluster.corrupt.push({ key, problem: 'it is no JSON' });
      return;
    }
    case 'report':
      if (!cluster.machines.has(one.machine)) return;
      if (one.activeState === null) cluster.states.get(one.unit)?.delete(one.machine);
      else {
        const ran = one.ran === null ? {} : { hash: hashUnitFile(parseUnitFile(textOf(one.ran))) };
        cluster.state(one.unit, one.machine, one.activeState, ran);
      }
      return;
    case 'bringFile':
      cluster.files.set(
        hashUnitFile(parseUnitFile(textOf(one.fleet))),
        serializeUnitFile(parseUnitFile(textOf(one.fleet))),
      );
      return;
    case 'upgrade': {
      // musterd is stopped there in order, and back when a unit has other content.
      const away = cluster.machines.get(one.machine);
      if (away === undefined || !isAccepted(one.unit, one.fleet)) return;
      const awaySince = cluster.now;
      cluster.machines.set(one.machine, { ...away, awaySince, modRevision: cluster.revision++ });
      cluster.unit(one.unit, one.fleet).settle(false);
      cluster.machines.set(one.machine, { ...away, modRevision: cluster.revision++ });
      return;
    }
    case 'reportAll':
      cluster.report();
      return;
    case 'wait':
      cluster.now += one.seconds * 1000;
      return;
  }
}

function join(cluster: PlannedCluster, id: string): void {
  happen(cluster, { type: 'join', machine: id, zone: 'z1', isAway: false });
}

/** Of everything that a model knows: what may be in any order is sorted. */
function shown(model: Model): unknown {
  const sorted = <T>(items: Iterable<T>): T[] => {
    return [...items].sort((a, b) => (String(a) < String(b) ? -1 : 1));
  };
  const hosts = [...model.hosts.values()].map((host) => ({
    id: host.id,
    rank: host.rank,
    metadata: host.metadata,
    residents: sorted(host.residents.keys()),
    picky: sorted(host.picky.keys()),
    expected: sorted(host.expected),
    lingering: sorted(host.lingering.keys()),
    lingeringPicky: sorted(host.lingeringPicky.keys()),
    promised: host.ledger.promised,
    offer: host.ledger.offer,
    listeners: sorted(host.ledger.listeners.keys()),
  }));
  return {
    hosts: hosts.sort((a, b) => (a.id < b.id ? -1 : 1)),
    open: model.open.map(({ id }) => id),
    order: [...model.index.mayTake(plain)].map(({ id }) => id),
    whereabouts: names.map((name) => sorted([...model.index.whereIs(name)].map(({ id }) => id))),
    untouchable: sorted(model.untouchable),
    absent: sorted(model.absent),
    obscure: sorted(model.obscure),
    assigned: sorted([...model.assigned].map(([id, units]) => `${id} ${sorted(units).join()}`)),
    candidates: sorted(model.candidates.keys()),
    followers: sorted(
      [...model.peers.followers].map(([id, units]) => `${id} ${sorted(units).join()}`),
    ),
    circles: sorted([...model.peers.circles()].map(([name, circle]) => `${name} ${circle.join()}`)),
    restless: sorted(model.restless),
    failing: sorted(model.failing),
    orphans: sorted(model.orphans),
  };
}

const plain = {
  name: 'nobody.service',
  createRevision: 0,
  requirements: {
    machineId: null,
    metadata: new Map(),
    metadataTests: [],
    machineOf: [],
    conflicts: [],
    replaces: [],
    isGlobal: false,
    reschedule: null,
    onPartition: 'keep' as const,
    preferences: null,
    resources: null,
  },
  conflicts: [],
  replaces: [],
  demand: '',
  claim: null,
};

/** Why a unit may be taken off a machine: nothing of it is about who would be better off elsewhere. */
const namedReasons = [
  /^the unit (?:was destroyed|is to be inactive)$/,
  /^a template does not run$/,
  /^MachineID=|^MachineMetadata wants |^(?:\S+ of )?MachineOf=\S+ is on another machine$/,
  /^\S+ is there and (?:has|matches) Conflicts=/,
  /^\S+ is there, matches Replaces=\S+, and \S+ (?:has no other machine|is global|follows it|is placed first|cannot be read)$/,
  /^(?:follows a unit )?replaced by |^follows \S+$/,
  /^MemoryReservation=3G wants |^MemoryReservation=2G wants |^Ports=8[01] wants /,
  /^it failed (?:on|there)/,
  /^its machine (?:is gone|was forgotten)$/,
  /^it (?:belongs|is up) on |^it does not run there any more$/,
];

/** One sentence for each unit that is taken off a machine and nobody says why. */
function unexplained({ changes }: Plan): string[] {
  return changes.flatMap(({ unit: name, withdraw, assign }) =>
    [...withdraw, ...assign.filter(({ isLeaving }) => isLeaving === true)]
      .filter(({ reason }) => !namedReasons.some((named) => named.test(reason)))
      .map(({ machine: id, reason }) => `${name} off ${id}: ${reason}`),
  );
}

/** One sentence for each unit that has come to a machine where it may not be. */
function misplaced(cluster: PlannedCluster, { changes, unplaced }: Plan, was: Places): string[] {
  const model = buildModel(cluster.snapshot(), new Map());
  // A unit that has still to end elsewhere comes after the ones it belongs with.
  const isEnding = (name: string): boolean => {
    const refusals = unplaced.find(({ unit: each }) => each === name)?.machines ?? [];
    return refusals.some(({ reason }) => reason.startsWith('it is still being stopped on '));
  };
  const wrong: string[] = [];
  for (const { unit: name, assign } of changes) {
    const candidate = model.candidates.get(name);
    for (const { machine: id, role, isLeaving } of assign) {
      const host = model.hosts.get(id);
      const isNew = was.get(name)?.has(id) !== true && role === 'holder' && isLeaving !== true;
      if (!isNew || candidate === undefined || host === undefined) continue;
      const missing = model.peers
        .of(name)
        .find((peer) => !host.residents.has(peer) && !isEnding(peer));
      const why = mismatch(candidate, host) ?? conflictOn(candidate, host) ?? missing ?? null;
      if (why !== null) wrong.push(`${name} to ${id}: ${why}`);
    }
  }
  return wrong;
}

/**
 * One sentence for each unit that is up with its port and is taken off its machine for another one,
 * though it asks for nothing new and that one is not known to be up with the port.
 */
function ousted(cluster: PlannedCluster, { changes }: Plan, before: Assigned): string[] {
  const isUpWithPort = (name: string, id: string): boolean => {
    const state = cluster.states.get(name)?.get(id);
    const isUp = state?.activeState === 'active';
    return isUp && /^Ports=80$/m.test(cluster.files.get(state.hash) ?? '');
  };
  return changes.flatMap(({ unit: name, withdraw }) =>
    withdraw
      .filter(({ machine: id }) => isUpWithPort(name, id))
      .filter(({ machine: id }) => {
        const hashes = [cluster.units.get(name)?.hash, cluster.states.get(name)?.get(id)?.hash];
        return hashes.every((hash) => hash === before.get(name)?.get(id)?.hash);
      })
      .filter(({ machine: id, reason }) => {
        const by = / (\S+) has it$/.exec(reason)?.[1];
        return by !== undefined && !isUpWithPort(by, id);
      })
      .map(({ machine: id, reason }) => `${name} off ${id}: ${reason}`),
  );
}

type Assigned = ReadonlyMap<string, ReadonlyMap<string, Assignment>>;
type Places = ReadonlyMap<string, ReadonlySet<string>>;

function placesIn({ assignments }: PlannedCluster): Places {
  return new Map([...assignments].map(([name, of]) => [name, new Set(of.keys())]));
}

test('constraints hold in every plan, whoever is moved is told why, and it comes to rest', () => {
  let moves = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), (steps) => {
      const cluster = new PlannedCluster();
      for (const id of machines.slice(2)) join(cluster, id);
      for (const [i, one] of steps.entries()) {
        if (one.type !== 'plan') {
          happen(cluster, one);
          continue;
        }
        const was = placesIn(cluster);
        const plan = cluster.settle(one.mayDeclareAbsent);
        moves += plan.changes.flatMap(({ withdraw, assign }) => {
          return [...withdraw, ...assign.filter(({ isLeaving }) => isLeaving === true)];
        }).length;
        const wrong = [...unexplained(plan), ...misplaced(cluster, plan, was)];
        expect({ after: i, wrong }).toEqual({ after: i, wrong: [] });
      }
      for (const id of machines) join(cluster, id);
      cluster.rest(30);
    }),
    { numRuns: 150 },
  );
  expect(moves).toBeGreaterThan(20);
});

test('who is up with a port that it had before stays, whatever others are given', () => {
  const few = { units: names.slice(0, 3), fleets: ['', 'Ports=80', 'Ports=81'], machines: ['m1'] };
  const types: Step['type'][] = [
    'submit',
    'upgrade',
    'report',
    'reportAll',
    'bringFile',
    'destroy',
  ];
  const happening = stepsOf(few).filter(({ type }) => types.includes(type));
  let ports = 0;
  fc.assert(
    fc.property(fc.array(happening, { minLength: 10, maxLength: 40, size: 'max' }), (steps) => {
      const cluster = new PlannedCluster();
      join(cluster, 'm1');
      for (const [i, one] of steps.entries()) {
        if (one.type !== 'plan') happen(cluster, one);
        const before = new Map([...cluster.assignments].map(([name, of]) => [name, new Map(of)]));
        const plan = cluster.settle(false);
        ports += plan.changes.filter(({ withdraw }) =>
          withdraw.some(({ reason }) => reason.startsWith('Ports=')),
        ).length;
        const wrong = ousted(cluster, plan, before);
        expect({ after: i, wrong }).toEqual({ after: i, wrong: [] });
      }
    }),
    { numRuns: 100 },
  );
  expect(ports).toBeGreaterThan(20);
});

const plan: Step = { type: 'plan', mayDeclareAbsent: false };
const web = 'Ports=80\nMemoryReservation=2G';

/** Who keeps the port is at rest only when the other has left. */
const aPortAskedForTwice: Step[] = [
  { type: 'join', machine: 'm1', zone: 'z1', isAway: false },
  { type: 'submit', unit: 'b.service', fleet: '' },
  { type: 'submit', unit: 'a.service', fleet: web },
  plan,
  { type: 'submit', unit: 'b.service', fleet: web },
  plan,
  plan,
];

/** Who has to leave is told by what the machine says of the other. */
const aPortGivenTwice: Step[] = [
  { type: 'join', machine: 'm1', zone: 'z1', isAway: false },
  { type: 'submit', unit: 'a.service', fleet: '' },
  { type: 'submit', unit: 'b.service', fleet: '' },
  plan,
  { type: 'upgrade', machine: 'm1', unit: 'a.service', fleet: 'Ports=80' },
  { type: 'upgrade', machine: 'm1', unit: 'b.service', fleet: 'Ports=80' },
  plan,
  { type: 'report', unit: 'b.service', machine: 'm1', activeState: 'active', ran: null },
  plan,
];

/** Of two that are not up the older one stays, also when it is the one that comes to want the port. */
const aPortForTheOlder: Step[] = [
  { type: 'join', machine: 'm1', zone: 'z1', isAway: false },
  { type: 'submit', unit: 'a.service', fleet: '' },
  { type: 'submit', unit: 'b.service', fleet: 'Ports=80' },
  plan,
  { type: 'report', unit: 'a.service', machine: 'm1', activeState: 'failed', ran: null },
  { type: 'report', unit: 'b.service', machine: 'm1', activeState: 'failed', ran: null },
  plan,
  { type: 'submit', unit: 'a.service', fleet: 'Ports=80' },
  plan,
];

const twoMachines: Step[] = ['m1', 'm2'].map((id) => {
  return { type: 'join', machine: id, zone: 'z1', isAway: false };
});

/** What it was started with is all that makes its machine the fuller one. */
const lessThanItRunsWith: Step[] = [
  ...twoMachines,
  { type: 'submit', unit: 'a.service', fleet: 'MemoryReservation=2G' },
  plan,
  { type: 'submit', unit: 'b.service', fleet: '' },
  { type: 'submit', unit: 'w@1.service', fleet: '' },
  plan,
  { type: 'submit', unit: 'a.service', fleet: '' },
  plan,
];

/** It leaves for what it asks of a machine, and takes of it until it has ended. */
const leavesAFullerMachine: Step[] = [
  ...twoMachines,
  { type: 'submit', unit: 'a.service', fleet: 'MemoryReservation=2G' },
  plan,
  { type: 'submit', unit: 'b.service', fleet: '' },
  { type: 'reportAll' },
  plan,
  { type: 'submit', unit: 'a.service', fleet: 'MachineID=m2\nMemoryReservation=2G' },
  plan,
  { type: 'report', unit: 'a.service', machine: 'm1', activeState: null, ran: null },
  plan,
];

test('a model that was kept current is the one that is built anew, also after it was planned with', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), (steps) => {
      const cluster = new PlannedCluster();
      const planner = new Planner(new ChangeFinder(() => cluster.snapshot()), new Map());
      for (const [i, one] of steps.entries()) {
        if (one.type !== 'plan') {
          happen(cluster, one);
          continue;
        }
        const model = planner.read();
        const fresh = shown(buildModel(cluster.snapshot(), new Map()));
        expect({ after: i, model: shown(model) }).toEqual({ after: i, model: fresh });
        planner.plan(model, {
          now: cluster.now,
          absentSince: new Map([...model.absent].map((id) => [id, 0])),
          certainAfterMs: 10_000,
          underway: cluster.underway,
          sightings: cluster.sightings,
        });
        expect({ planned: i, model: shown(model) }).toEqual({ planned: i, model: fresh });
        // This one compares its plan with the one that thinks of every unit.
        cluster.settle(one.mayDeclareAbsent);
      }
    }),
    {
      numRuns: 100,
      examples: [
        [aPortAskedForTwice],
        [aPortGivenTwice],
        [aPortForTheOlder],
        [lessThanItRunsWith],
        [leavesAFullerMachine],
      ],
    },
  );
});

/** The best of all machines that take it, asked one by one. */
function bestByAsking(model: Model, name: string): Host | null {
  const candidate = model.candidates.get(name);
  if (candidate === undefined) throw new Error(`${name} cannot be read`);
  const able = model.open.filter((host) => refusal({ model }, candidate, host) === null);
  const { of } = scorerFor(model, { unit: candidate });
  return able.map(of).sort(compareScores)[0]?.host ?? null;
}

// Units that follow each other are placed together.
const homebody = fc.constantFrom(...fleets.filter((f) => !/Global|Replaces|Of=w@/.test(f)));
const anyZone = fc.record({ zone, gibibytes: fc.integer({ min: 2, max: 8 }) });

test('a new unit goes to the best of all machines that take it, though only few are asked', () => {
  let refused = 0;
  fc.assert(
    fc.property(
      fc.array(anyZone, { minLength: 1, maxLength: 12, size: 'max' }),
      fc.array(homebody, { minLength: 1, maxLength: 25, size: 'max' }),
      fc.boolean(),
      (zones, asked, isPacked) => {
        const cluster = new PlannedCluster();
        for (const [i, { zone: of, gibibytes }] of zones.entries()) {
          cluster.machine(`m${i}`, { zone: of });
          cluster.capacity(`m${i}`, { memoryBytes: gibibytes * G });
        }
        happen(cluster, { type: 'pack', isPacked });
        const pool = ['a.service', 'b.service', ...asked.map((_, i) => `w@${i}.service`)];
        for (const [i, fleet] of asked.entries()) {
          const name = pool[i] ?? '';
          if (!isAccepted(name, fleet) || (i < 2 && fleet.includes('MachineOf'))) continue;
          cluster.unit(name, fleet);
          const best = bestByAsking(buildModel(cluster.snapshot(), new Map()), name);
          if (best === null) refused += 1;
          cluster.settle();
          expect({ name, is: cluster.where()[name] }).toEqual({
            name,
            is: best ? [best.id] : undefined,
          });
        }
      },
    ),
    { numRuns: 80 },
  );
  expect(refused).toBeGreaterThan(30);
});

test('a unit whose file comes back is read again', () => {
  const cluster = new PlannedCluster().machine('m1').unit('a.service');
  const text = '[Service]\nExecStart=/bin/true\n';
  const hash = hashUnitFile(parseUnitFile(text));
  cluster.files.delete(hash);
  expect(cluster.settle().unplaced).toHaveLength(1);
  cluster.files.set(hash, text);
  expect(cluster.settle().unplaced).toEqual([]);
  expect(cluster.where()).toEqual({ 'a.service': ['m1'] });
});
