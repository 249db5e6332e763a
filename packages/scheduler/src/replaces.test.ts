import { globMatches } from '@muster/core';
import fc from 'fast-check';
import { buildModel } from './model-keeper.ts';
import type { Model } from './model.ts';
import type { Plan } from './plan.ts';
import { PlannedCluster, isAccepted } from './testing/planned-cluster.ts';

const cluster = (...machines: string[]): PlannedCluster => {
  const made = new PlannedCluster();
  for (const id of machines) made.machine(id);
  return made;
};
const reasonOf = (found: PlannedCluster, unit: string, machine: string): string | undefined =>
  found.assignments.get(unit)?.get(machine)?.reason;
const unplaced = (plan: Plan, unit: string) => plan.unplaced.find((u) => u.unit === unit);

/** old.service on m1, x.service on m2, at rest. */
const two = (): PlannedCluster => {
  const found = cluster('m1', 'm2').unit('old.service').unit('x.service');
  found.rest();
  return found;
};

describe('a unit with Replaces= and the one it replaces', () => {
  test('the replaced one ends first, then the other is placed, and each says why', () => {
    const found = two().unit('new.service', 'Replaces=old.service');
    const plan = found.settle();
    expect(found.where()).toEqual({ 'x.service': ['m2'] });
    expect(plan.unplaced).toEqual([
      { unit: 'new.service', reason: 'it waits for old.service to end on m1', machines: [] },
      {
        unit: 'old.service',
        reason: 'no machine can take it',
        machines: [
          { machine: 'm1', reason: 'new.service is there and has Replaces=old.service' },
          { machine: 'm2', reason: 'it is still being stopped on m1' },
        ],
      },
    ]);
    found.report().rest();
    expect(found.where()).toEqual({
      'new.service': ['m1'],
      'old.service': ['m2'],
      'x.service': ['m2'],
    });
    expect(reasonOf(found, 'new.service', 'm1')).toBe('least loaded');
    expect(reasonOf(found, 'old.service', 'm2')).toBe('replaced by new.service');
  });

  test('another leader goes on where the first one stopped', () => {
    const found = two().unit('new.service', 'Replaces=old.service');
    found.settle();
    for (let look = 1; look <= 3; look += 1) {
      found.underway = new Map();
      expect(found.settle().changes).toEqual([]);
    }
    found.report().rest();
    expect(found.where()).toMatchObject({ 'new.service': ['m1'], 'old.service': ['m2'] });
    expect(reasonOf(found, 'old.service', 'm2')).toBe('replaced by new.service');
  });

  test('when its machine is gone, the one that made room for it elsewhere has not left in vain', () => {
    const found = cluster('m1', 'm2', 'm3');
    for (const unit of ['a', 'b']) found.unit(`${unit}.service`, 'MachineID=m1');
    found.unit('old.service', 'MachineMetadata=disk=ssd').machine('m2', { disk: 'ssd' });
    found.rest();
    for (const unit of ['p', 'q']) found.unit(`${unit}.service`, 'MachineID=m3');
    found.unit('new.service', 'MachineID=m3').rest();
    for (const unit of ['p', 'q']) found.unit(`${unit}.service`);
    found.unit('new.service', 'Replaces=old.service').unit('old.service').rest();
    expect(found.where()).toMatchObject({ 'old.service': ['m2'], 'new.service': ['m3'] });
    const { changes } = found.lose('m3').settle();
    const leaving = changes.find((change) => change.unit === 'old.service');
    expect(leaving?.whileAbsent).toEqual(['m3']);
    expect(found.where()['old.service']).toBeUndefined();
    found.report().rest();
    expect(found.where()).toMatchObject({ 'old.service': ['m1'], 'new.service': ['m2'] });
  });

  test('one that was placed just now is not told to leave before it has arrived', () => {
    const found = cluster('m1', 'm2').unit('old.service').unit('x.service');
    found.settle();
    found.unit('new.service', 'Replaces=old.service');
    const plan = found.settle();
    expect(plan.changes).toEqual([]);
    expect(unplaced(plan, 'new.service')?.reason).toBe('it waits for old.service to end on m1');
    found.report().rest();
    expect(found.where()).toMatchObject({ 'new.service': ['m1'], 'old.service': ['m2'] });
  });

  test('nobody takes the place that is kept for it, nor the one it is to go to', () => {
    const found = cluster('m1', 'm2').unit('old.service').unit('x.service');
    found.rest();
    found.unit('new.service', 'Replaces=old.service');
    found.unit('a1.service', 'Conflicts=new.service').unit('a2.service', 'Conflicts=old.service');
    const plans = found.rest();
    expect(found.where()).toMatchObject({ 'new.service': ['m1'], 'old.service': ['m2'] });
    expect(found.where()).toMatchObject({ 'a1.service': ['m2'], 'a2.service': ['m1'] });
    const moved = plans.flatMap((plan) => plan.changes).filter((c) => c.withdraw.length > 0);
    expect(moved.map((change) => change.unit)).toEqual(['old.service']);
  });

  test('units that are submitted later make way on arrival, also a global one', () => {
    const found = cluster('m1', 'm2').unit('new.service', 'Replaces=old@*.service all.service');
    found.rest();
    found.unit('old@1.service').unit('old@2.service').unit('all.service', 'Global=true');
    found.rest();
    expect(found.where()).toEqual({
      'new.service': ['m1'],
      'old@1.service': ['m2'],
      'old@2.service': ['m2'],
      'all.service': ['m2'],
    });
  });

  test('one that is on the same machine and gets Replaces= stays, and the other leaves', () => {
    const found = cluster('m1').unit('old.service').unit('new.service');
    found.rest();
    found.machine('m2').unit('new.service', 'Replaces=old.*');
    found.rest();
    expect(found.where()).toEqual({ 'new.service': ['m1'], 'old.service': ['m2'] });
    expect(reasonOf(found, 'old.service', 'm2')).toBe('replaced by new.service');
  });

  test('when the other cannot leave, the one that gets Replaces= has to', () => {
    const found = cluster('m1').unit('old.service', 'MachineID=m1').unit('new.service');
    found.rest();
    found.machine('m2').unit('new.service', 'Replaces=old.*');
    found.rest();
    expect(found.where()).toEqual({ 'new.service': ['m2'], 'old.service': ['m1'] });
    expect(reasonOf(found, 'new.service', 'm2')).toBe(
      'old.service is there, matches Replaces=old.*, and old.service has no other machine',
    );
  });

  test('what follows the replaced one goes with it', () => {
    const found = two().unit('follower.service', 'MachineOf=old.service');
    found.rest();
    found.unit('y.service').rest();
    expect(found.where()).toMatchObject({ 'follower.service': ['m1'], 'y.service': ['m2'] });
    found.unit('new.service', 'Replaces=old.service').rest();
    expect(found.where()).toMatchObject({
      'new.service': ['m1'],
      'old.service': ['m2'],
      'follower.service': ['m2'],
    });
    expect(reasonOf(found, 'follower.service', 'm2')).toBe(
      'follows a unit replaced by new.service',
    );
  });

  test('what follows the one that replaces comes when that has come', () => {
    const found = two();
    found.unit('new.service', 'Replaces=old.service').unit('side.service', 'MachineOf=new.service');
    const plan = found.settle();
    expect(found.where()).toEqual({ 'x.service': ['m2'] });
    expect(unplaced(plan, 'side.service')?.machines).toEqual([
      { machine: 'm1', reason: 'MachineOf=new.service is not on it yet' },
      { machine: 'm2', reason: 'MachineOf=new.service is not on it' },
    ]);
    found.report().rest();
    expect(found.where()).toMatchObject({ 'new.service': ['m1'], 'side.service': ['m1'] });
  });

  test('a chain: each makes way for the one before it', () => {
    const found = cluster('m1', 'm2', 'm3').unit('c.service').unit('x.service').unit('y.service');
    found.rest();
    found.unit('b.service', 'Replaces=c.service').rest();
    found.unit('a.service', 'Replaces=b.service').rest();
    const where = found.where();
    expect(where['a.service']).not.toEqual(where['b.service']);
    expect(where['b.service']).not.toEqual(where['c.service']);
    expect(Object.keys(where)).toHaveLength(5);
  });
});

describe('a machine on which somebody cannot make way does not count', () => {
  test.each([
    [
      'it is pinned',
      'MachineID=m1',
      'old.service is there, matches Replaces=old.*, and old.service has no other machine',
    ],
    [
      'no other machine has what it asks',
      'MachineMetadata=disk=ssd',
      'old.service is there, matches Replaces=old.*, and old.service has no other machine',
    ],
    [
      'it conflicts with what is on the other machine',
      'Conflicts=x.service',
      'old.service is there, matches Replaces=old.*, and old.service has no other machine',
    ],
    [
      'it is global',
      'Global=true\nMachineMetadata=disk=ssd',
      'old.service is there, matches Replaces=old.*, and old.service is global',
    ],
  ])('%s', (_, fleet, reason) => {
    const found = new PlannedCluster().machine('m1', { disk: 'ssd', here: 'yes' }).machine('m2');
    found.unit('old.service', fleet).unit('x.service', 'MachineMetadata=here=no');
    found.machine('m2', { here: 'no' }).rest();
    expect(found.where()).toEqual({ 'old.service': ['m1'], 'x.service': ['m2'] });

    found.unit('pinned.service', 'Replaces=old.*\nMachineMetadata=here=yes');
    expect(found.settle().changes).toEqual([]);
    expect(unplaced(found.plan(), 'pinned.service')).toEqual({
      unit: 'pinned.service',
      reason: 'no machine can take it',
      machines: [
        { machine: 'm1', reason },
        { machine: 'm2', reason: 'MachineMetadata wants here=yes, the machine has here=no' },
      ],
    });
    // Without that demand it goes to the other machine, however full that is.
    found.unit('y.service', 'MachineMetadata=here=no').unit('new.service', 'Replaces=old.*').rest();
    expect(found.where()).toMatchObject({ 'old.service': ['m1'], 'new.service': ['m2'] });
  });

  test('what follows it has no other machine', () => {
    const found = two().unit('follower.service', 'MachineOf=old.service\nConflicts=x.service');
    found.rest();
    found.unit('new.service', 'Replaces=old.service\nMachineMetadata=a=b');
    found.machine('m1', { a: 'b' });
    found.rest();
    expect(unplaced(found.plan(), 'new.service')?.machines[0]?.reason).toBe(
      'old.service is there, matches Replaces=old.service, and follower.service has no other machine',
    );
  });

  test('it runs there only until it is ready elsewhere', () => {
    const found = two();
    found.lose('m1').settle();
    expect(found.where()['old.service']).toEqual(['m1:released', 'm2']);
    found.machine('m1', { a: 'b' }).state('old.service', 'm1', 'active');
    found.unit('new.service', 'Replaces=old.service\nMachineMetadata=a=b');
    const reason =
      'old.service runs there until it runs elsewhere, and matches Replaces=old.service';
    expect(unplaced(found.plan(), 'new.service')?.machines[0]).toEqual({ machine: 'm1', reason });
    found.state('old.service', 'm2', 'active').rest();
    expect(found.where()).toMatchObject({ 'old.service': ['m2'], 'new.service': ['m1'] });
  });
});

describe('units that replace each other', () => {
  test.each<[string, string[]]>([
    ['two', ['a b', 'b a']],
    ['three in a row', ['a b', 'b c', 'c a']],
    ['all of one pattern', ['a *', 'b *', 'c *']],
  ])('%s: it has no effect among them, and the plan says so', (_, replaces) => {
    const found = cluster('m1');
    const units = replaces.map((pair) => `${pair.slice(0, 1)}.service`);
    for (const [i, unit] of units.entries()) {
      found.unit(unit, `Replaces=${replaces[i]?.slice(2)}.service`);
    }
    const [plan] = found.rest();
    expect(plan?.circles).toEqual([units]);
    expect(found.where()).toEqual(Object.fromEntries(units.map((unit) => [unit, ['m1']])));
  });

  test('others are still replaced by them, and a template that is stored counts for nothing', () => {
    const found = cluster('m1', 'm2').unit('old.service').unit('x.service');
    found.rest();
    found.unit('a@.service', 'Replaces=b.service', 'inactive');
    found
      .unit('a@1.service', 'Replaces=b.service')
      .unit('b.service', 'Replaces=a@*.service old.service');
    const [plan] = found.rest();
    expect(plan?.circles).toEqual([['a@1.service', 'b.service']]);
    const where = found.where();
    expect(where['old.service']).not.toEqual(where['b.service']);
  });
});

const names = ['a', 'b', 'c', 'd', 'e'].map((letter) => `${letter}.service`);
const name = fc.constantFrom(...names);
const machine = fc.constantFrom('m1', 'm2', 'm3');
const pattern = fc.oneof(name, fc.constantFrom('[ab].service', '[cd].service', '*.service'));
const fleet = fc.oneof(
  { weight: 2, arbitrary: fc.constant('') },
  { weight: 4, arbitrary: pattern.map((glob) => `Replaces=${glob}`) },
  name.map((n) => `Conflicts=${n}`),
  name.map((n) => `MachineOf=${n}`),
  fc.tuple(name, name).map(([n, glob]) => `MachineOf=${n}\nReplaces=${glob}`),
  fc.constant('MachineMetadata=disk=ssd'),
  pattern.map((glob) => `MachineMetadata=disk=ssd\nReplaces=${glob}`),
  machine.map((id) => `MachineID=${id}`),
  fc.constant('Global=true'),
);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('unit' as const),
      name,
      fleet,
      desiredState: fc.constantFrom('launched' as const, 'launched' as const, 'inactive' as const),
    }),
  },
  fc.record({ type: fc.constant('destroy' as const), name }),
  fc.record({
    type: fc.constant('machine' as const),
    id: machine,
    disk: fc.constantFrom('ssd', 'hdd'),
    awaySince: fc.constantFrom(null, null, null, 1),
  }),
  fc.record({ type: fc.constant('lose' as const), id: machine }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A unit that the API would refuse is not there. */
function take(found: PlannedCluster, s: Step): void {
  if (s.type === 'unit') {
    if (isAccepted(s.name, s.fleet)) found.unit(s.name, s.fleet, s.desiredState);
  } else if (s.type === 'destroy') found.units.delete(s.name);
  else if (s.type === 'machine') found.machine(s.id, { disk: s.disk }, s.awaySince);
  else found.lose(s.id);
}

/** One sentence for each unit that is where it may not be, on a machine where musterd runs. */
function breaches(found: PlannedCluster, model: Model): string[] {
  const where = (unit: string): string[] =>
    [...(found.assignments.get(unit)?.values() ?? [])].flatMap(({ role, machine: id }) => {
      const awaySince = found.machines.get(id)?.awaySince;
      return role === 'holder' && awaySince === null ? [id] : [];
    });
  const wrong: string[] = [];
  for (const { name: unit, requirements, replaces } of model.candidates.values()) {
    const all = [...(found.assignments.get(unit)?.values() ?? [])];
    const holders = all.filter(({ role }) => role === 'holder');
    if (!requirements.isGlobal && holders.length > 1) wrong.push(`${unit} held more than once`);
    for (const id of where(unit)) {
      const { conflicts, metadata, machineOf, machineId } = requirements;
      const others = names.filter((other) => other !== unit && where(other).includes(id));
      for (const other of others) {
        if (conflicts.some((glob) => globMatches(glob, other))) wrong.push(`${unit} with ${other}`);
        const circle = model.replacements.circles.find((c) => c.includes(unit));
        if (!replaces.some((glob) => glob.matches(other)) || circle?.includes(other)) continue;
        wrong.push(`${unit} with ${other}, which it replaces`);
      }
      for (const peer of machineOf) {
        if (where(peer).length > 0 && !where(peer).includes(id))
          wrong.push(`${unit} not with ${peer}`);
      }
      if (machineId !== null && machineId !== id) wrong.push(`${unit} on ${id}`);
      const disk = found.machines.get(id)?.metadata['disk'] ?? '';
      if (metadata.size > 0 && metadata.get('disk')?.includes(disk) !== true) {
        wrong.push(`${unit} on the ${disk} of ${id}`);
      }
    }
  }
  return wrong;
}

/** Units that a plan gives a machine on which one that they replace has not ended. */
function tooEarly(found: PlannedCluster, model: Model, plan: Plan): string[] {
  return plan.changes.flatMap(({ assign }) =>
    assign.flatMap(({ unit, machine: id }) => {
      if (found.assignments.get(unit)?.has(id) === true) return [];
      const replacer = model.candidates.get(unit);
      const there = names.filter((other) => found.states.get(other)?.has(id) === true);
      return there
        .filter((other) => replacer && model.replacements.patternFor(replacer, other) !== null)
        .map((other) => `${unit} beside ${other} on ${id}`);
    }),
  );
}

test('a global unit that no longer is one has to end where it is not kept before anybody has that machine', () => {
  const found = cluster('m1', 'm2', 'm3');
  for (const unit of names) found.unit(unit);
  found.rest();
  found.unit('d.service', 'Global=true').report().rest();
  for (const unit of ['c.service', 'a.service']) {
    found.unit(unit, 'Replaces=[cd].service').report().rest();
  }
  found.unit('d.service');
  const model = buildModel(found.snapshot(), new Map());
  expect(tooEarly(found, model, found.plan())).toEqual([]);
  found.settle();
  found.report().rest();
  expect(breaches(found, buildModel(found.snapshot(), new Map()))).toEqual([]);
  expect(found.where()['c.service']).toHaveLength(1);
});

test('nor has one that conflicts with it', () => {
  const found = cluster('m1', 'm2').unit('a.service', 'Global=true');
  found.report().rest();
  found.unit('b.service', 'Conflicts=a.service').report().rest();
  found.unit('a.service').settle();
  expect(found.where()).not.toHaveProperty('b.service');
  found.report().rest();
  const { 'a.service': a, 'b.service': b } = found.where();
  expect([a, b]).toEqual([['m1'], ['m2']]);
});

test('whatever happens and whoever leads: it comes to rest, nobody starts beside what it replaces, and all are where they may be', () => {
  let replaced = 0;
  const property = fc.property(
    fc.array(fc.record({ step, agentsAre: fc.constantFrom('quick', 'slow') }), {
      maxLength: 25,
      size: 'max',
    }),
    (steps) => {
      const found = cluster('m1', 'm2', 'm3');
      for (const unit of names) found.unit(unit);
      found.rest();
      const settle = (): number => {
        const model = buildModel(found.snapshot(), new Map());
        const plan = found.plan();
        expect(tooEarly(found, model, plan)).toEqual([]);
        expect(found.planBackwards()).toEqual(plan);
        const reasons = plan.changes.flatMap(({ assign }) => assign.map((a) => a.reason));
        replaced += reasons.filter((reason) => reason.startsWith('replaced by')).length;
        return found.settle().changes.length;
      };
      for (const { step: s, agentsAre } of steps) {
        take(found, s);
        settle();
        if (agentsAre === 'slow') continue;
        let rounds = 0;
        for (found.report(); settle() > 0; found.report()) {
          rounds += 1;
          if (rounds > 30) throw new Error(`no rest: ${JSON.stringify(found.where())}`);
        }
        expect(breaches(found, buildModel(found.snapshot(), new Map()))).toEqual([]);
        found.underway = new Map();
        expect(found.plan().changes).toEqual([]);
      }
    },
  );
  // Until it has tried often enough what it is about.
  for (let batch = 1; batch <= 5 && replaced <= 50; batch += 1) {
    fc.assert(property, { numRuns: 200 });
  }
  expect(replaced).toBeGreaterThan(50);
});
