import fc from 'fast-check';
import { PlannedCluster } from './testing/planned-cluster.ts';

const G = 1024 ** 3;
const machines = ['m1', 'm2'];
const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((letter) => `${letter}.service`);

/** What a unit asks for, as numbers and as text. */
interface Content {
  readonly memory: number;
  readonly cpu: number;
  readonly port: number | null;
  readonly extra: string;
}

function textOf({ memory, cpu, port, extra }: Content): string {
  return [
    `MemoryReservation=${memory}G`,
    `CPUReservation=${cpu}`,
    ...(port === null ? [] : [`Ports=${port}`]),
    extra,
  ].join('\n');
}

const content: fc.Arbitrary<Content> = fc.record({
  memory: fc.nat({ max: 5 }),
  cpu: fc.nat({ max: 3 }),
  port: fc.constantFrom(null, 80, 81),
  extra: fc.constantFrom(
    '',
    '',
    'Global=true',
    'MachineOf=a.service',
    'Conflicts=b.service',
    'Replaces=c.service',
  ),
});

const step = fc.oneof(
  fc.record({ type: fc.constant('submit' as const), unit: fc.constantFrom(...names), content }),
  fc.record({ type: fc.constant('submit' as const), unit: fc.constantFrom(...names), content }),
  fc.record({ type: fc.constant('stop' as const), unit: fc.constantFrom(...names) }),
  fc.record({ type: fc.constant('destroy' as const), unit: fc.constantFrom(...names) }),
  fc.record({ type: fc.constant('vanish' as const), machine: fc.constantFrom(...machines) }),
  fc.record({ type: fc.constant('back' as const), machine: fc.constantFrom(...machines) }),
  fc.record({
    type: fc.constant('resize' as const),
    machine: fc.constantFrom(...machines),
    memory: fc.integer({ min: 2, max: 8 }),
  }),
  fc.record({
    type: fc.constant('act' as const),
    machine: fc.constantFrom(...machines),
    restarts: fc.boolean(),
  }),
  fc.record({ type: fc.constant('plan' as const), isNewLeader: fc.boolean() }),
  fc.record({ type: fc.constant('plan' as const), isNewLeader: fc.constant(false) }),
  fc.record({
    type: fc.constant('act' as const),
    machine: fc.constantFrom(...machines),
    restarts: fc.constant(true),
  }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What really runs, also on machines that nobody can see now. */
class World {
  readonly cluster = new PlannedCluster();
  /** hash → what it asks for */
  readonly contents = new Map<string, Content>();
  /** machine → unit → hash of what runs */
  readonly copies = new Map(machines.map((id) => [id, new Map<string, string>()]));
  /** machine → GiB that it has */
  readonly memory = new Map(machines.map((id) => [id, 8]));
  /** What was wrong of ports on a machine that was just back, before anybody could see to it. */
  readonly foundSo = new Set<string>();

  constructor() {
    for (const id of machines) this.#join(id);
  }

  #join(id: string): void {
    const memoryBytes = (this.memory.get(id) ?? 0) * G;
    this.cluster.machine(id).capacity(id, { cpus: 4, memoryBytes });
  }

  take(one: Step): string[] {
    const { cluster } = this;
    switch (one.type) {
      case 'submit': {
        const fleet = textOf(one.content);
        if (one.unit === 'a.service' && one.content.extra.startsWith('MachineOf')) return [];
        cluster.unit(one.unit, fleet);
        this.contents.set(cluster.units.get(one.unit)?.hash ?? '', one.content);
        return [];
      }
      case 'stop': {
        const unit = cluster.units.get(one.unit);
        if (unit !== undefined) {
          cluster.units.set(one.unit, {
            ...unit,
            desiredState: 'inactive',
            modRevision: cluster.revision++,
          });
        }
        return [];
      }
      case 'destroy':
        cluster.units.delete(one.unit);
        return [];
      case 'vanish':
        cluster.lose(one.machine);
        return [];
      case 'back':
        if (cluster.machines.has(one.machine)) return [];
        this.#join(one.machine);
        // What units have come to ask for while it was away is seen to by the first plan that sees it.
        this.foundSo.clear();
        for (const wrong of this.#act(one.machine, false)) this.foundSo.add(wrong);
        return [...this.#plan(false), ...this.#act(one.machine, false)];
      case 'resize':
        this.memory.set(one.machine, one.memory);
        if (cluster.machines.has(one.machine)) {
          cluster.capacity(one.machine, { memoryBytes: one.memory * G });
        }
        return [];
      case 'act':
        return cluster.machines.has(one.machine) ? this.#act(one.machine, one.restarts) : [];
      case 'plan':
        return this.#plan(one.isNewLeader);
    }
  }

  /** The agent does what is assigned, and says what runs. @param restarts - with new content, too */
  #act(id: string, restarts: boolean): string[] {
    const { cluster } = this;
    const copies = this.copies.get(id) ?? new Map<string, string>();
    for (const unit of names) {
      const assignment = cluster.assignments.get(unit)?.get(id);
      if (assignment === undefined) {
        copies.delete(unit);
        cluster.states.get(unit)?.delete(id);
        continue;
      }
      const isDown = !copies.has(unit);
      if (assignment.isLeaving === true) copies.delete(unit);
      else if (assignment.role === 'holder' && (isDown || restarts))
        copies.set(unit, assignment.hash);
      const hash = copies.get(unit);
      cluster.state(
        unit,
        id,
        hash === undefined ? 'inactive' : 'active',
        hash === undefined ? {} : { hash },
      );
    }
    return this.#portsTwice(id, copies);
  }

  #portsTwice(id: string, copies: ReadonlyMap<string, string>): string[] {
    const owner = new Map<number, string>();
    const wrong: string[] = [];
    for (const [unit, hash] of copies) {
      const port = this.contents.get(hash)?.port ?? null;
      if (port === null) continue;
      const other = owner.get(port);
      const clash = `${unit} and ${other} run on ${id} with port ${port}`;
      if (other !== undefined && !this.#passesByItself(clash, id, [unit, other])) wrong.push(clash);
      owner.set(port, unit);
    }
    return wrong;
  }

  /** Nobody leaves for the sake of a copy that is kept only until its replacement is up elsewhere. */
  #passesByItself(clash: string, id: string, units: readonly string[]): boolean {
    const isReleased = (unit: string): boolean =>
      this.cluster.assignments.get(unit)?.get(id)?.role === 'released';
    return this.foundSo.has(clash) && units.some(isReleased);
  }

  #plan(isNewLeader: boolean): string[] {
    const { cluster } = this;
    if (isNewLeader) {
      cluster.underway = new Map();
      cluster.sightings = new Map();
    }
    const hashes = new Map(
      [...cluster.assignments].map(([unit, of]) => [
        unit,
        new Map([...of].map(([id, { hash }]) => [id, hash])),
      ]),
    );
    const leaving = new Set(
      [...cluster.assignments.values()]
        .flatMap((of) => [...of.values()])
        .filter(({ isLeaving }) => isLeaving === true)
        .map(({ unit, machine }) => `${unit} ${machine}`),
    );
    const { changes } = cluster.settle();
    const wrong: string[] = [];
    for (const { unit, assign, withdraw } of changes) {
      for (const { machine, reason } of withdraw) {
        // What it was leaving already says why it did then.
        if (leaving.has(`${unit} ${machine}`)) continue;
        const before = this.contents.get(hashes.get(unit)?.get(machine) ?? '');
        const now = this.contents.get(cluster.units.get(unit)?.hash ?? '');
        if (before === undefined || now === undefined) continue;
        const asksForMore = now.memory > before.memory || now.cpu > before.cpu;
        if (/^(Memory|CPU)Reservation=/.test(reason) && !asksForMore) {
          wrong.push(`${unit} was taken off ${machine} though it asks for no more: ${reason}`);
        }
      }
      for (const { machine, role } of assign) {
        const isNew = hashes.get(unit)?.has(machine) !== true;
        if (isNew && role === 'holder') wrong.push(...this.#tooMuchOn(machine, unit));
      }
    }
    return wrong;
  }

  /** What units on the machine are promised, and what is still ending there, in numbers of this test. */
  #tooMuchOn(id: string, newcomer: string): string[] {
    const { cluster } = this;
    const sum = { memory: 0, cpu: 0 };
    for (const unit of names) {
      const assigned = cluster.assignments.get(unit)?.get(id)?.hash;
      // What it had there before ends before it begins.
      const runs = unit === newcomer ? undefined : cluster.states.get(unit)?.get(id)?.hash;
      const both = [assigned, runs].flatMap((hash) => this.contents.get(hash ?? '') ?? []);
      sum.memory += Math.max(0, ...both.map(({ memory }) => memory));
      sum.cpu += Math.max(0, ...both.map(({ cpu }) => cpu));
    }
    const asks = this.contents.get(cluster.units.get(newcomer)?.hash ?? '');
    const memory = this.memory.get(id) ?? 0;
    const isOver = (sum.memory > memory && asks?.memory !== 0) || (sum.cpu > 4 && asks?.cpu !== 0);
    const has = `${sum.memory}G of ${memory}G and ${sum.cpu} of 4 CPUs`;
    return isOver ? [`${newcomer} came to ${id}, which has promised ${has}`] : [];
  }
}

test('no machine is promised more than it has, no port is had twice, nobody is moved for the load', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 100 }), (steps) => {
      const world = new World();
      for (const [i, one] of steps.entries()) {
        expect({ after: i, wrong: world.take(one) }).toEqual({ after: i, wrong: [] });
      }
    }),
    { numRuns: 200 },
  );
});
