import fc from 'fast-check';
import { machinesOf } from './fault.ts';
import { lengthOf, misfits, planFaults } from './plan-faults.ts';
import { misfitsAsked, planRequests } from './plan-requests.ts';
import { makeCast } from './units.ts';

const world = { machines: 5, members: 3, proxied: [4, 5] };
const cast = makeCast(['id1', 'id2', 'id3', 'id4', 'id5']);

test('every schedule fits its world, has at least one fault and no machine with two at once', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(1000), (seed, round) => {
      const faults = planFaults(seed, round, world);
      expect(misfits(faults, world)).toEqual([]);
      expect(faults.length).toBeGreaterThan(0);
      const machines = faults.flatMap(({ fault }) => machinesOf(fault));
      expect(new Set(machines).size).toBe(machines.length);
      expect(lengthOf(faults)).toBeLessThan(60_000);
    }),
  );
});

test('the same seed and round: the same faults and requests; another: others', () => {
  const options = { cast, machines: 5, lengthMs: 30_000 };
  expect(planFaults(7, 3, world)).toEqual(planFaults(7, 3, world));
  expect(planFaults(7, 4, world)).not.toEqual(planFaults(7, 3, world));
  expect(planFaults(8, 3, world)).not.toEqual(planFaults(7, 3, world));
  expect(planRequests(7, 3, options)).toEqual(planRequests(7, 3, options));
  expect(planRequests(8, 3, options)).not.toEqual(planRequests(7, 3, options));
});

test('in a few hundred rounds every kind of fault comes up', () => {
  const kinds = new Set(
    Array.from({ length: 400 }, (_, round) => planFaults(1, round, world)).flatMap((faults) =>
      faults.map(({ fault }) => fault.kind),
    ),
  );
  expect(kinds.size).toBe(25);
});

test('what a schedule asks of machines and members that there are not is said', () => {
  const faults = [
    { atMs: 0, fault: { kind: 'cut' as const, machine: 6, forMs: 1 } },
    { atMs: 0, fault: { kind: 'etcd-kill' as const, member: 4, forMs: 1 } },
    { atMs: 0, fault: { kind: 'link-slow' as const, machine: 1, forMs: 1 } },
  ];
  expect(misfits(faults, world)).toEqual([
    'cut: there is no machine 6',
    'etcd-kill: etcd has no member 4',
    'link-slow: machine 1 does not reach etcd through the proxy',
  ]);
});

test('what a schedule asks for that a run does not have is said', () => {
  const wishes = [
    { wish: { action: 'start', unit: 'chaos-keep-1.service' }, via: 5 },
    { wish: { action: 'stop', unit: 'other.service' }, via: 6 },
    { wish: { action: 'metadata', machine: 0, key: 'colour', value: 'red' }, via: 1 },
  ] as const;
  const asked = wishes.map((each) => ({ ...each, atMs: 0, by: 'api' as const }));
  expect(misfitsAsked(asked, { cast, machines: 5 })).toEqual([
    'stop: there is no machine 6',
    'stop: there is no unit other.service',
    'metadata: there is no machine 0',
  ]);
});
