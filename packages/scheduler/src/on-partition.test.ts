import fc from 'fast-check';
import { PlannedCluster } from './testing/planned-cluster.ts';

const three = (): PlannedCluster => new PlannedCluster().machine('m1').machine('m2').machine('m3');

function fenced(fleet = 'OnPartition=stop'): PlannedCluster {
  const cluster = three().unit('a.service', fleet);
  cluster.rest();
  expect(cluster.where()).toEqual({ 'a.service': ['m1'] });
  return cluster;
}

/** machine → what is stored of the unit there, in short. */
function stored(cluster: PlannedCluster): Record<string, string> {
  const places = cluster.assignments.get('a.service') ?? new Map<string, never>();
  return Object.fromEntries(
    [...places.values()].map((a) => [
      a.machine,
      [a.desiredState, a.onPartition ?? 'keep', ...(a.isLeaving ? ['leaving'] : [])].join(' '),
    ]),
  );
}

test('an assignment says what the machine is to do when it is cut off', () => {
  const cluster = fenced();
  expect(stored(cluster)).toEqual({ m1: 'launched stop' });
  cluster.unit('a.service', 'OnPartition=keep').rest();
  expect(stored(cluster)).toEqual({ m1: 'launched keep' });
});

test('an assignment of a leader that did not know of it is written anew', () => {
  const cluster = fenced();
  const [place] = cluster.assignments.get('a.service')?.values() ?? [];
  if (place === undefined) throw new Error('it is nowhere');
  const { onPartition: _, ...old } = place;
  cluster.assignments.set('a.service', new Map([['m1', old]]));
  cluster.settle();
  expect(stored(cluster)).toEqual({ m1: 'launched stop' });
});

describe('its machine is absent', () => {
  test('it is placed elsewhere only when the machine was seen to be absent for long enough', () => {
    const cluster = fenced().lose('m1');
    cluster.now = 5_000;
    const waiting = cluster.settle();
    expect(waiting.changes).toEqual([]);
    expect(waiting.unplaced).toEqual([
      {
        unit: 'a.service',
        reason:
          'its machine m1 is absent and has to be for longer before OnPartition=stop allows another',
        machines: [],
      },
    ]);
    expect(waiting.lookAgainAt).toBe(15_000);
    cluster.now = 14_999;
    expect(cluster.settle().changes).toEqual([]);
    cluster.now = 15_000;
    const [change, ...others] = cluster.settle().changes;
    expect(others).toEqual([]);
    expect(change).toMatchObject({
      assign: [
        { machine: 'm2', role: 'holder', onPartition: 'stop', reason: 'machine m1 is gone' },
      ],
      withdraw: [{ machine: 'm1', reason: 'its machine is gone' }],
      whileAbsent: ['m1'],
    });
    expect(cluster.where()).toEqual({ 'a.service': ['m2'] });
  });

  test('it keeps its record when nobody else can take it', () => {
    const cluster = new PlannedCluster().machine('m1').unit('a.service', 'OnPartition=stop');
    cluster.rest();
    cluster.lose('m1').settle();
    cluster.now = 60_000;
    expect(cluster.settle().unplaced[0]?.reason).toBe('there is no machine');
    expect(stored(cluster)).toEqual({ m1: 'launched stop' });
  });

  test('a machine that was back in between is waited for anew', () => {
    const cluster = fenced().lose('m1');
    cluster.settle();
    cluster.now = 9_000;
    cluster.machine('m1').settle();
    cluster.lose('m1');
    cluster.now = 11_000;
    expect(cluster.settle().lookAgainAt).toBe(21_000);
  });

  test('a machine whose musterd was stopped in order is not absent', () => {
    const cluster = fenced().machine('m1', {}, 1);
    cluster.settle();
    cluster.now = 600_000;
    expect(cluster.settle().changes).toEqual([]);
  });

  test('a global unit stays with its machines', () => {
    const cluster = three().unit('a.service', 'Global=true\nOnPartition=stop');
    cluster.rest();
    cluster.lose('m1').settle();
    cluster.now = 60_000;
    expect(cluster.settle().changes).toEqual([]);
  });
});

describe('it has to leave a machine that is there', () => {
  function fencedOnSsd(): PlannedCluster {
    const cluster = new PlannedCluster()
      .machine('m1', { disk: 'ssd' })
      .machine('m2', { disk: 'ssd' })
      .unit('a.service', 'OnPartition=stop\nMachineMetadata=disk=ssd');
    cluster.rest();
    cluster.machine('m1', {});
    return cluster;
  }

  test('it ends there first, says so, and only then has another place', () => {
    const cluster = fencedOnSsd();
    const reason = 'MachineMetadata wants disk=ssd, the machine has no disk';
    expect(cluster.settle().changes).toMatchObject([{ assign: [{ machine: 'm1', reason }] }]);
    expect(stored(cluster)).toEqual({ m1: 'loaded stop leaving' });
    // What it said before does not answer this, and neither does silence.
    expect(cluster.settle().changes).toEqual([]);
    cluster.state('a.service', 'm1', 'deactivating');
    expect(cluster.settle().changes).toEqual([]);
    cluster.states.clear();
    expect(cluster.settle().unplaced).toMatchObject([{ unit: 'a.service' }]);
    expect(cluster.settle().changes).toEqual([]);
    cluster.state('a.service', 'm1', 'failed');
    expect(cluster.settle().changes).toMatchObject([
      { assign: [{ machine: 'm2', reason }], withdraw: [{ machine: 'm1', reason }] },
    ]);
    expect(stored(cluster)).toEqual({ m2: 'launched stop' });
  });

  test('another leader goes on with it', () => {
    const cluster = fencedOnSsd();
    cluster.settle();
    cluster.underway = new Map();
    cluster.state('a.service', 'm1', 'inactive');
    expect(cluster.settle().changes).toMatchObject([
      { assign: [{ machine: 'm2', reason: expect.stringContaining('disk=ssd') }] },
    ]);
  });

  test('and that machine vanishes: what would be waited for then is waited for', () => {
    const cluster = fencedOnSsd();
    cluster.settle();
    cluster.lose('m1');
    expect(cluster.settle()).toMatchObject({ changes: [], lookAgainAt: 10_000 });
    cluster.now = 10_000;
    expect(cluster.settle().changes).toMatchObject([
      { assign: [{ machine: 'm2' }], withdraw: [{ machine: 'm1' }], whileAbsent: ['m1'] },
    ]);
  });

  test('and may stay after all before it has ended', () => {
    const cluster = fencedOnSsd();
    cluster.settle();
    cluster.machine('m1', { disk: 'ssd' }).settle();
    expect(stored(cluster)).toEqual({ m1: 'launched stop' });
  });

  test.each<[string, (cluster: PlannedCluster) => void]>([
    ['it was destroyed', (cluster) => cluster.units.delete('a.service')],
    [
      'it is to be inactive',
      (cluster) => cluster.unit('a.service', 'OnPartition=stop', 'inactive'),
    ],
  ])('%s, and comes back: it is nowhere else before it has ended', (_, take) => {
    const cluster = fenced();
    take(cluster);
    cluster.settle();
    expect(stored(cluster)).toEqual({ m1: 'loaded stop leaving' });
    cluster.machine('m1', {}, 1).unit('a.service', 'OnPartition=stop').settle();
    expect(stored(cluster)).toEqual({ m1: 'loaded stop leaving' });
    cluster.machine('m1');
    cluster.report().settle();
    expect(cluster.where()).toEqual({ 'a.service': ['m1'] });
  });
});

test('any unit whose machine has not answered yet ends there before it is elsewhere', () => {
  const cluster = new PlannedCluster()
    .machine('m1', { disk: 'ssd' })
    .machine('m2', { disk: 'ssd' })
    .unit('a.service', 'MachineMetadata=disk=ssd');
  cluster.settle();
  cluster.machine('m1', {}).settle();
  expect(stored(cluster)).toEqual({ m1: 'loaded keep leaving' });
  expect(cluster.settle().changes).toEqual([]);
  cluster.report().settle();
  expect(stored(cluster)).toEqual({ m2: 'launched keep' });
});

/** What may happen to a unit and its machines. */
const step = fc.oneof(
  fc.record({ type: fc.constant('lose' as const), machine: fc.constantFrom('m1', 'm2', 'm3') }),
  fc.record({
    type: fc.constant('machine' as const),
    machine: fc.constantFrom('m1', 'm2', 'm3'),
    disk: fc.constantFrom('ssd', 'hdd'),
  }),
  fc.record({ type: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 12_000 }) }),
  fc.record({
    type: fc.constantFrom(
      'answer' as const,
      'destroy' as const,
      'submit' as const,
      'new session' as const,
    ),
  }),
);

test('whatever happens, a second place is given only when the first is certainly free', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const cluster = three();
      const unit = 'OnPartition=stop\nMachineMetadata=disk=ssd';
      /** machine → since when it may run there although nothing was heard of it (Infinity: it may) */
      const mayRun = new Map<string, number>();
      for (const s of steps) {
        if (s.type === 'lose' && cluster.machines.has(s.machine)) {
          cluster.lose(s.machine);
          // It runs on for as long as its lease did, and no longer than the grace after that.
          if (mayRun.has(s.machine)) mayRun.set(s.machine, cluster.now + 10_000);
        }
        if (s.type === 'machine') {
          cluster.machine(s.machine, { disk: s.disk });
          if (mayRun.has(s.machine)) mayRun.set(s.machine, Infinity);
        }
        // States go with the lease that they are on, also when the machine is back at once.
        if (s.type === 'new session') cluster.states.clear();
        if (s.type === 'wait') cluster.now += s.ms;
        if (s.type === 'submit') cluster.unit('a.service', unit);
        if (s.type === 'destroy') cluster.units.delete('a.service');
        if (s.type === 'answer') {
          cluster.report();
          const places = cluster.assignments.get('a.service');
          for (const machine of cluster.machines.keys()) {
            // What it is to have no more, or is to leave, has ended by the time it says so.
            const place = places?.get(machine);
            if (place === undefined || place.isLeaving === true) mayRun.delete(machine);
          }
        }
        for (const [machine, until] of mayRun) if (until <= cluster.now) mayRun.delete(machine);
        cluster.settle();
        for (const { machine, isLeaving } of cluster.assignments.get('a.service')?.values() ?? []) {
          if (isLeaving === true) continue;
          expect([...mayRun.keys()].filter((other) => other !== machine)).toEqual([]);
          if (cluster.machines.has(machine)) mayRun.set(machine, Infinity);
        }
      }
    }),
    { numRuns: 500 },
  );
});
