import fc from 'fast-check';
import { PlannedCluster } from './testing/planned-cluster.ts';

const machines = ['m1', 'm2', 'm3', 'm4'];
/** What else a unit asks for. */
const units = new Map([
  ['a.service', ''],
  ['b.service', 'MachineMetadata=disk=ssd'],
  ['c.service', 'Conflicts=a.service'],
  ['global.service', 'Global=true'],
  ['pinned.service', 'MachineID=m1'],
]);
const disks: Readonly<Record<string, string>> = { m1: 'ssd', m2: 'ssd', m3: 'hdd', m4: 'hdd' };
const movable = ['a.service', 'b.service', 'c.service'];

type Activity = 'activating' | 'active' | 'failed';

/** What really runs, also on machines that nobody can see now. */
class World {
  readonly cluster = new PlannedCluster();
  /** machine → unit → how it is there */
  readonly copies = new Map(machines.map((id) => [id, new Map<string, Activity>()]));

  constructor(wishes: ReadonlyMap<string, string>) {
    for (const id of machines) this.#join(id);
    for (const [unit, fleet] of wishes) this.cluster.unit(unit, fleet);
    for (let i = 0; i < 3; i += 1) {
      this.cluster.settle();
      for (const id of machines) this.act(id, 'active');
    }
  }

  #join(id: string): void {
    this.cluster.machine(id, { disk: disks[id] ?? '' });
  }

  #on(id: string): Map<string, Activity> {
    const copies = this.copies.get(id);
    if (copies === undefined) throw new Error(`there is no ${id}`);
    return copies;
  }

  /** Cut off: everything runs on there, and nothing is heard of it. */
  vanish(id: string): void {
    this.cluster.lose(id);
  }

  back(id: string): void {
    if (!this.cluster.machines.has(id)) this.#join(id);
  }

  reboot(id: string): void {
    this.#on(id).clear();
    this.cluster.lose(id).reboot(id);
    this.#join(id);
  }

  /** Its agent does what is assigned and says what it sees. @param outcome - of what it is starting */
  act(id: string, outcome: Activity): void {
    if (!this.cluster.machines.has(id)) return;
    const copies = this.#on(id);
    for (const unit of units.keys()) {
      const role = this.cluster.assignments.get(unit)?.get(id)?.role;
      const copy = copies.get(unit);
      if (role === undefined) {
        copies.delete(unit);
        this.cluster.states.get(unit)?.delete(id);
        continue;
      }
      if (copy === 'activating') copies.set(unit, outcome);
      else if (role === 'holder' && copy === undefined) copies.set(unit, 'activating');
      this.cluster.state(unit, id, copies.get(unit) ?? 'inactive');
    }
  }

  /** A unit that is up fails; its agent says so at once, if it can. */
  crash(id: string, unit: string): void {
    if (!this.#on(id).has(unit)) return;
    this.#on(id).set(unit, 'failed');
    const isAssigned = this.cluster.assignments.get(unit)?.has(id) === true;
    if (this.cluster.machines.has(id) && isAssigned) this.cluster.state(unit, id, 'failed');
  }

  active(unit: string): string[] {
    return machines.filter((id) => this.#on(id).get(unit) === 'active');
  }
}

const machine = fc.constantFrom(...machines);
const step = fc.oneof(
  fc.record({ type: fc.constant('vanish' as const), machine }),
  fc.record({ type: fc.constant('back' as const), machine }),
  fc.record({ type: fc.constant('reboot' as const), machine }),
  fc.record({
    type: fc.constant('act' as const),
    machine,
    outcome: fc.constantFrom<Activity>('activating', 'active', 'active', 'failed'),
  }),
  fc.record({
    type: fc.constant('crash' as const),
    machine,
    unit: fc.constantFrom(...units.keys()),
  }),
  fc.record({ type: fc.constant('plan' as const), mayDeclareAbsent: fc.boolean() }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Does a step, and says what was wrong with it: one sentence each. */
function take(world: World, one: Step): string[] {
  switch (one.type) {
    case 'vanish':
      world.vanish(one.machine);
      return [];
    case 'back':
      world.back(one.machine);
      return [];
    case 'reboot':
      world.reboot(one.machine);
      return [];
    case 'act':
      world.act(one.machine, one.outcome);
      return [];
    case 'crash':
      world.crash(one.machine, one.unit);
      return [];
    case 'plan':
      return plan(world, one.mayDeclareAbsent);
  }
}

function plan(world: World, mayDeclareAbsent: boolean): string[] {
  const { changes } = world.cluster.settle(mayDeclareAbsent);
  const wrong: string[] = [];
  for (const { unit, withdraw } of changes) {
    for (const { machine: id, reason } of withdraw) {
      const others = world.active(unit).filter((other) => other !== id);
      const wasActive = world.active(unit).includes(id);
      const holders = [...(world.cluster.assignments.get(unit)?.values() ?? [])].filter(
        ({ role }) => role === 'holder',
      );
      const isReplaced = holders.some((holder) => others.includes(holder.machine));
      if (!movable.includes(unit)) wrong.push(`${unit} was withdrawn from ${id}: ${reason}`);
      if (wasActive && !isReplaced) {
        wrong.push(`${unit} was withdrawn from ${id}, where it was active: ${reason}`);
      }
    }
  }
  for (const unit of movable) {
    const records = [...(world.cluster.assignments.get(unit)?.values() ?? [])];
    const holders = records.filter(({ role }) => role === 'holder').length;
    if (holders > 1) wrong.push(`${unit} has ${holders} holders`);
    if (records.length === 0 && world.active(unit).length > 0) {
      wrong.push(`${unit} runs on ${world.active(unit).join()} and has no record`);
    }
  }
  return wrong;
}

/** A conflict is a reason to leave that has nothing to do with machines that vanish. */
const withoutConflicts = new Map([...units, ['c.service', '']]);

test('whatever vanishes, is back, is ready or fails: one holder, nothing that runs is given up before there is another', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
      const world = new World(withoutConflicts);
      for (const [i, one] of steps.entries()) {
        expect({ after: i, wrong: take(world, one) }).toEqual({ after: i, wrong: [] });
      }
    }),
    { numRuns: 500 },
  );
});

test('when everybody is back and well, exactly one copy of each unit is left', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
      const world = new World(units);
      for (const one of steps) take(world, one);
      for (let i = 0; i < 6; i += 1) {
        for (const id of machines) {
          world.back(id);
          // Someone repairs what failed.
          for (const unit of units.keys()) {
            if (world.copies.get(id)?.get(unit) === 'failed') world.copies.get(id)?.delete(unit);
          }
          world.act(id, 'active');
        }
        world.cluster.settle();
      }
      const left = Object.fromEntries(
        [...units.keys()].map((unit) => [unit, world.active(unit).length]),
      );
      expect(left).toEqual({
        'a.service': 1,
        'b.service': 1,
        'c.service': 1,
        'global.service': 4,
        'pinned.service': 1,
      });
      expect(world.cluster.plan().changes).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
