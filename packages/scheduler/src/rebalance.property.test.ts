import type { RebalanceMove } from '@muster/core';
import fc from 'fast-check';
import { conflictOn, mismatch } from './eligibility.ts';
import { buildModel } from './model-keeper.ts';
import { improvements } from './rebalance.ts';
import { isAccepted, PlannedCluster } from './testing/planned-cluster.ts';
import { RebalancedCluster } from './testing/rebalanced-cluster.ts';

const G = 2 ** 30;
const names = [
  'a.service',
  'b.service',
  'c.timer',
  ...[1, 2, 3, 4, 5, 6].map((i) => `w@${i}.service`),
];
const fleets = [
  '',
  '',
  '',
  'Global=true',
  'MachineID=m1',
  'MachineMetadata=zone=z1',
  'MachineMetadata=zone!=z1\nMemoryReservation=3G',
  'Conflicts=w@*.service',
  'Conflicts=[ab].service\nPorts=80',
  'MachineOf=a.service',
  'MachineOf=w@2.service\nMachineOf=b.service',
  'MachineOf=w@*.service',
  'Replaces=a.service',
  'Spread=zone',
  'Spread=zone\nPreferMetadata=zone=z2',
  'Spread=zone\nSpreadUnits=a.service w@1.service',
  'AvoidUnits=w@*.service',
  'AvoidUnits=b.service\nSpread=rack',
  'PreferMetadata=zone=z2\nAvoidMetadata=rack=r1',
  'Ports=80\nMemoryReservation=2G',
  'OnPartition=stop\nMemoryReservation=1G',
];

const machines = fc.array(
  fc.record({
    zone: fc.constantFrom('z1', 'z2', 'z3', null),
    rack: fc.constantFrom('r1', 'r2', null),
    gibibytes: fc.integer({ min: 2, max: 8 }),
  }),
  { minLength: 2, maxLength: 6, size: 'max' },
);
const units = fc.array(
  fc.record({
    fleet: fc.constantFrom(...fleets),
    state: fc.constantFrom('active', 'active', 'active', 'active', 'failed', 'inactive'),
  }),
  { minLength: names.length, maxLength: names.length },
);

/**
 * Units that have come to rest on the first machines, and say that they are well or not, when the others
 * come.
 */
function grown(
  asked: Parameters<Parameters<typeof machines.map>[0]>[0],
  contents: Parameters<Parameters<typeof units.map>[0]>[0],
  options: { readonly first: number; readonly isPacked: boolean },
): PlannedCluster {
  const cluster = new PlannedCluster();
  const join = (i: number): void => {
    const one = asked[i];
    if (one === undefined) return;
    const { zone, rack, gibibytes } = one;
    cluster.machine(`m${i}`, { ...(zone && { zone }), ...(rack && { rack }) });
    cluster.capacity(`m${i}`, { memoryBytes: gibibytes * G });
  };
  const first = Math.min(options.first, asked.length - 1);
  for (let i = 0; i < first; i += 1) join(i);
  for (const [i, name] of names.entries()) {
    const fleet = contents[i]?.fleet ?? '';
    if (isAccepted(name, fleet)) cluster.unit(name, fleet);
  }
  cluster.rest(40);
  for (let i = first; i < asked.length; i += 1) join(i);
  const placement = options.isPacked ? 'pack' : 'spread';
  cluster.policy = { placement, origin: { by: 'test' }, modRevision: cluster.revision++ };
  cluster.rest(40);
  for (const [i, name] of names.entries()) {
    const state = contents[i]?.state ?? 'active';
    for (const machine of cluster.assignments.get(name)?.keys() ?? []) {
      cluster.state(name, machine, state);
    }
  }
  return cluster;
}

/** Of nine units none moves so often. */
const mostMoves = 200;

function planOf(cluster: PlannedCluster): readonly RebalanceMove[] {
  const moves: RebalanceMove[] = [];
  for (const move of improvements(buildModel(cluster.snapshot(), new Map()))) {
    moves.push(move);
    if (moves.length === mostMoves)
      throw new Error(`it has no end: ${JSON.stringify(moves.slice(-9))}`);
  }
  return moves;
}

/** As if it had been carried out, and the units were up. */
function carryOut(cluster: PlannedCluster, { units: moved, from, to }: RebalanceMove): void {
  for (const name of moved) {
    const byMachine = cluster.assignments.get(name);
    const stored = byMachine?.get(from);
    if (stored === undefined) throw new Error(`${name} is not on ${from}`);
    const { activeState } = cluster.states.get(name)?.get(from) ?? { activeState: '' };
    const modRevision = cluster.revision++;
    byMachine?.delete(from);
    byMachine?.set(to, { ...stored, machine: to, modRevision });
    cluster.placements.set(name, {
      unit: name,
      machines: [{ machine: to, role: 'holder' }],
      modRevision,
    });
    cluster.states.delete(name);
    cluster.state(name, to, activeState);
  }
}

/** One sentence for each thing that may not be like that. */
function wrongIn(cluster: PlannedCluster, { units: moved, to }: RebalanceMove): string[] {
  const model = buildModel(cluster.snapshot(), new Map());
  const host = model.hosts.get(to);
  if (host === undefined) return [`there is no ${to}`];
  const { offer, promised } = host.ledger;
  const wrong = promised.memory > (offer.memory ?? Infinity) ? [`${to} holds too much`] : [];
  for (const name of moved) {
    const unit = model.candidates.get(name);
    if (unit === undefined) return [`${name} cannot be read`];
    const missing = model.peers.of(name).find((peer) => !host.residents.has(peer));
    const why = mismatch(unit, host) ?? conflictOn(unit, host) ?? missing ?? null;
    if (why !== null) wrong.push(`${name} to ${to}: ${why}`);
  }
  return wrong;
}

test('a plan that has been carried out leaves nothing to move, and each move is allowed', () => {
  let moves = 0;
  fc.assert(
    fc.property(
      machines,
      units,
      fc.record({ first: fc.integer({ min: 1, max: 3 }), isPacked: fc.boolean() }),
      (asked, contents, options) => {
        const cluster = grown(asked, contents, options);
        const planned = planOf(cluster);
        expect(planOf(cluster)).toEqual(planned);
        for (const [i, move] of planned.entries()) {
          carryOut(cluster, move);
          expect({ i, move, wrong: wrongIn(cluster, move) }).toEqual({ i, move, wrong: [] });
        }
        moves += planned.length;
        expect(planOf(cluster)).toEqual([]);
        // Others may find a place only now; nobody loses theirs.
        const lost = cluster.plan().changes.filter(({ unit }) => cluster.assignments.has(unit));
        expect(lost).toEqual([]);
      },
    ),
    { numRuns: 70 },
  );
  expect(moves).toBeGreaterThan(50);
});

/** What happens while the leader goes on, besides. */
const happenings = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ type: fc.constant('lead' as const) }) },
    {
      weight: 6,
      arbitrary: fc.record({ type: fc.constant('act' as const), i: fc.nat({ max: 5 }) }),
    },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('wait' as const) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('another leader' as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant('break' as const), i: fc.nat({ max: 8 }) }),
    },
  ),
  { maxLength: 60, size: 'max' },
);

function happen(
  world: RebalancedCluster,
  one: Parameters<Parameters<typeof happenings.map>[0]>[0][number],
): void {
  const machine = 'i' in one ? [...world.cluster.machines.keys()][one.i] : undefined;
  switch (one.type) {
    case 'lead':
      world.lead();
      return;
    case 'act':
      if (machine !== undefined) world.act(machine);
      return;
    case 'wait':
      world.cluster.now += 1_000;
      return;
    case 'another leader':
      world.changeLeader();
      return;
    case 'break':
      world.broken.add(names[one.i] ?? '');
      return;
  }
}

test('whatever happens meanwhile, what runs goes on and what may not run twice does not', () => {
  let moved = 0;
  let failed = 0;
  fc.assert(
    fc.property(
      machines,
      units.map((all) => all.map((each) => ({ ...each, state: 'active' as const }))),
      happenings,
      fc.record({
        first: fc.integer({ min: 1, max: 2 }),
        isPacked: fc.boolean(),
        atOnce: fc.integer({ min: 1, max: 3 }),
      }),
      (asked, contents, things, { atOnce, ...options }) => {
        const world = new RebalancedCluster(grown(asked, contents, options));
        const { cluster } = world;
        const wasUp = names.filter((name) => world.copies(name).length === 1);
        const goOn = names.filter((_, i) => mayOverlap(names[i] ?? '', contents, i));
        const look = (): void => {
          const wrong = wasUp.flatMap((name) => {
            const copies = world.copies(name);
            if (copies.length > 1 && !goOn.includes(name))
              return `${name} runs on ${copies.join()}`;
            // One that broke may have been begun anew for other reasons.
            const isDown = copies.length === 0 && goOn.includes(name) && !isTied(cluster, name);
            return isDown && !world.broken.has(name) ? `${name} runs nowhere` : [];
          });
          expect(wrong).toEqual([]);
        };
        world.begin({ atOnce });
        for (const one of things) {
          happen(world, one);
          look();
        }
        world.finish(look);
        const { rebalance } = cluster;
        const isOver = rebalance === null && planOf(cluster).length === 0;
        const hasFailed = rebalance?.end?.type === 'failed' && rebalance.moves.length === 0;
        expect({ rebalance, isOver: isOver || hasFailed }).toEqual({ rebalance, isOver: true });
        if (rebalance === null) moved += 1;
        else failed += 1;
      },
    ),
    { numRuns: 40 },
  );
  expect({ moved: moved > 15, failed: failed > 0 }).toEqual({ moved: true, failed: true });
});

function mayOverlap(
  name: string,
  contents: Parameters<Parameters<typeof units.map>[0]>[0],
  i: number,
): boolean {
  const fleet = contents[i]?.fleet ?? '';
  return (
    name.endsWith('.service') && isAccepted(name, fleet) && !fleet.includes('OnPartition=stop')
  );
}

/** Whether it goes with others, who may have to end first. */
function isTied(cluster: PlannedCluster, name: string): boolean {
  const { peers } = buildModel(cluster.snapshot(), new Map());
  return peers.of(name).length > 0 || (peers.followers.get(name)?.size ?? 0) > 0;
}
