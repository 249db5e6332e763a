import { VirtualClock } from '@muster/core/testing';
import type { KeyEvent } from '@muster/registry';
import { FakeSystemd } from '@muster/systemd';
import { Checker } from './checker.ts';
import type { Invariant } from './invariants.ts';
import { Random } from './random.ts';
import { differences, WritesAtRest } from './rest.ts';
import { drawRepertoire } from './specs.ts';
import type { Repertoire } from './specs.ts';
import { Trouble } from './trouble.ts';
import { World } from './world.ts';

const machines = ['m1', 'm2', 'm3'];

/** One that has units of every group. */
function wholeRepertoire(): Repertoire {
  for (let seed = 1; ; seed += 1) {
    const drawn = drawRepertoire(new Random(seed), machines);
    const names = ['bound1.service', 'all.service', 'pin.service', 'new.service', 'web@1.service'];
    if (names.every((name) => drawn.specs.has(name))) return drawn;
  }
}

/** A world that is made up, in which the leader is `m3.1`. */
class Planted {
  now = 1_000_000;
  readonly repertoire = wholeRepertoire();
  readonly world = new World({
    now: () => this.now,
    repertoire: this.repertoire,
    prefix: '/muster/',
  });
  readonly trouble = new Trouble(() => this.now);
  readonly checker = new Checker({
    now: () => this.now,
    world: this.world,
    trouble: this.trouble,
  });
  readonly clock = new VirtualClock({ turns: 1 });
  /** With systemds that know nothing of what is told to the checker. */
  readonly machines = machines.map((id) => ({
    id,
    metadata: { region: 'eu' },
    systemd: new FakeSystemd(this.clock),
    noted: [] as string[],
    notes(): Promise<string[]> {
      return Promise.resolve(this.noted);
    },
  }));
  readonly writes = new WritesAtRest(this.world);
  #revision = 1;

  constructor() {
    this.put('leader', { machine: 'm3' }, 'm3.1');
  }

  /** One transaction: each key with its value; null removes it. */
  commit(values: Readonly<Record<string, object | null>>, by: string | null = 'm3.1'): void {
    this.#revision += 1;
    const modRevision = this.#revision;
    const events = Object.entries(values).map(([path, value]): KeyEvent => {
      const key = `/muster/${path}`;
      if (value === null) return { type: 'delete', key, modRevision };
      const text = JSON.stringify(value);
      return {
        type: 'put',
        stored: { key, value: text, createRevision: 1, modRevision, lease: null },
      };
    });
    this.writes.committed(Object.keys(values).map((path) => `/muster/${path}`));
    this.checker.committed(this.world.commit(events, by), by);
  }

  put(path: string, value: object | null, by: string | null = 'm3.1'): void {
    this.commit({ [path]: value }, by);
  }

  hash(unit: string, version = 0): string {
    const spec = this.repertoire.specs.get(unit)?.[version];
    if (spec === undefined) throw new Error(`there is no ${unit}`);
    return spec.hash;
  }

  wish(unit: string, desiredState = 'launched', version = 0): void {
    this.put(`unit/${unit}`, { hash: this.hash(unit, version), desiredState }, 'm1.1');
  }

  given(unit: string, more: object = {}): object {
    const hash = this.hash(unit);
    const asked = { hash, desiredState: 'launched', restarts: 0, incarnation: 1 };
    return { ...asked, role: 'holder', ...more };
  }

  give(machine: string, unit: string, more: object = {}): void {
    this.put(`assignment/${machine}/${unit}`, this.given(unit, more));
  }

  start(machine: string, unit: string): void {
    this.checker.asked(machine, unit, 'start');
    this.note(machine, unit);
    this.checker.state(machine, unit, 'active');
  }

  stop(machine: string, unit: string): void {
    this.checker.asked(machine, unit, 'stop');
    this.checker.state(machine, unit, 'inactive');
  }

  note(machine: string, unit: string, answers = 0): void {
    this.checker.noted(machine, {
      unit,
      answers,
      bootId: `${machine}-boot-1`,
      incarnation: 1,
      hash: '',
      desiredState: 'launched',
      restarts: 0,
      pending: null,
      wasStarted: true,
      jobResult: null,
    });
  }

  /** A unit that has run on a machine for a long while. */
  running(machine: string, unit: string): void {
    this.wish(unit);
    this.give(machine, unit);
    this.now += 1_000;
    this.start(machine, unit);
    this.now += 600_000;
  }

  /** A unit that has run on a machine for a long while, as systemd and the store say as well. */
  async settled(number: number, unit: string): Promise<void> {
    const machine = this.machine(number);
    this.running(machine.id, unit);
    const text = this.repertoire.specs.get(unit)?.[0]?.text ?? '';
    await machine.systemd.writeFile(unit, { hash: this.hash(unit), text });
    await machine.systemd.start(unit);
    await this.clock.advance(1_000);
    const answers = this.world.given.get(`${machine.id}/${unit}`)?.revision;
    this.put(`state/${machine.id}/${unit}`, { activeState: 'active', answers });
    this.put(`placement/${unit}`, {});
  }

  machine(number: number): Planted['machines'][number] {
    const found = this.machines[number - 1];
    if (found === undefined) throw new Error(`there is no machine ${number}`);
    return found;
  }

  seen(): Invariant[] {
    return this.checker.violations.map(({ invariant }) => invariant);
  }
}

const plain = 'plain1.service';
const bound = 'bound1.service';

test.each<[string, Invariant[], (planted: Planted) => void]>([
  [
    'a unit starts beside a copy of itself on a machine that was never away',
    ['I2', 'I1'],
    (p) => {
      p.running('m1', plain);
      p.give('m2', plain);
      p.start('m2', plain);
    },
  ],
  [
    'a unit starts beside a copy of itself that was cut off',
    [],
    (p) => {
      p.running('m1', plain);
      p.trouble.begin('m1', 'cut');
      p.now += 11_000;
      p.commit({
        [`assignment/m1/${plain}`]: p.given(plain, { role: 'released' }),
        [`assignment/m2/${plain}`]: p.given(plain),
      });
      p.start('m2', plain);
    },
  ],
  [
    'a global unit starts everywhere',
    [],
    (p) => {
      p.running('m1', 'all.service');
      p.give('m2', 'all.service');
      p.start('m2', 'all.service');
    },
  ],
  [
    'an agent stops a unit whose assignment stands',
    ['I2'],
    (p) => {
      p.running('m1', plain);
      p.stop('m1', plain);
    },
  ],
  [
    'an agent stops a unit that is to be inactive',
    [],
    (p) => {
      p.running('m1', plain);
      p.wish(plain, 'inactive');
      p.put(`assignment/m1/${plain}`, null);
      p.stop('m1', plain);
    },
  ],
  [
    'the leader takes a unit away that nobody asked anything of',
    ['I2'],
    (p) => {
      p.running('m1', plain);
      p.put(`assignment/m1/${plain}`, null);
    },
  ],
  [
    'the leader moves a unit because the store was away for everybody',
    ['I2'],
    (p) => {
      p.running('m1', plain);
      p.trouble.begin('store', 'away')();
      p.commit({
        [`assignment/m1/${plain}`]: p.given(plain, { role: 'released' }),
        [`assignment/m2/${plain}`]: p.given(plain),
      });
    },
  ],
  [
    'a released copy is taken away before the other one is up',
    ['I3'],
    (p) => {
      p.running('m1', plain);
      p.trouble.begin('m1', 'cut')();
      p.commit({
        [`assignment/m1/${plain}`]: p.given(plain, { role: 'released' }),
        [`assignment/m2/${plain}`]: p.given(plain),
      });
      p.now += 120_000;
      p.put(`assignment/m1/${plain}`, null);
    },
  ],
  [
    'a pinned unit is given to another machine',
    ['I4'],
    (p) => {
      p.wish('pin.service');
      const pinnedTo = p.repertoire.specs.get('pin.service')?.[0]?.machineId;
      p.give(pinnedTo === 'm1' ? 'm2' : 'm1', 'pin.service');
    },
  ],
  [
    'one who led before changes an assignment',
    ['I5'],
    (p) => {
      p.wish(plain);
      p.put('leader', { machine: 'm2' }, 'm2.1');
      p.commit({ [`assignment/m1/${plain}`]: p.given(plain) }, 'm3.1');
    },
  ],
  [
    'a machine is away in order, and its states end',
    ['S1'],
    (p) => {
      p.put('machine/m1', { awaySince: 5 }, 'm1.1');
      p.checker.ended(`state/m1/${plain}`);
    },
  ],
  [
    'a unit that must not run twice starts beside a copy that was cut off',
    ['I1'],
    (p) => {
      p.running('m1', 'bound1.service');
      p.trouble.begin('m1', 'cut');
      p.now += 11_000;
      p.commit({
        'assignment/m1/bound1.service': null,
        'assignment/m2/bound1.service': p.given('bound1.service'),
      });
      p.start('m2', 'bound1.service');
    },
  ],
  [
    'an agent carries out an older assignment after a newer one',
    ['I9'],
    (p) => {
      p.note('m1', plain, 12);
      p.note('m1', plain, 11);
    },
  ],
  [
    'an agent that stood still starts what was taken away from it meanwhile',
    ['I9'],
    (p) => {
      p.put('machine/m1', {}, 'm1.1');
      p.wish(plain);
      p.give('m1', plain);
      p.wish(plain, 'inactive');
      p.put(`assignment/m1/${plain}`, null);
      p.now += 60_000;
      p.checker.asked('m1', plain, 'start');
    },
  ],
  [
    'a machine that booted without the store starts what it had last',
    [],
    (p) => {
      p.put('machine/m1', {}, 'm1.1');
      p.wish(plain);
      p.give('m1', plain);
      p.now += 1_000;
      p.checker.rebooted('m1');
      p.wish(plain, 'inactive');
      p.put(`assignment/m1/${plain}`, null);
      p.now += 60_000;
      p.checker.asked('m1', plain, 'start');
    },
  ],
  [
    'a finished oneshot is started again',
    ['E1'],
    (p) => {
      p.running('m1', plain);
      p.checker.state('m1', plain, 'inactive');
      p.checker.asked('m1', plain, 'start');
    },
  ],
  [
    'a start that was asked for and never noted is asked for again',
    [],
    (p) => {
      p.wish(plain);
      p.give('m1', plain);
      p.now += 1_000;
      p.trouble.begin('m1', 'crash');
      p.checker.asked('m1', plain, 'start');
      p.checker.asked('m1', plain, 'start');
    },
  ],
  [
    'a musterd that comes back restarts what it had started',
    ['I2'],
    (p) => {
      p.wish(plain);
      p.give('m1', plain);
      p.now += 3;
      p.trouble.begin('m1', 'crash');
      p.checker.asked('m1', plain, 'start');
      p.checker.state('m1', plain, 'active');
      p.now += 1_000;
      p.checker.asked('m1', plain, 'restart');
    },
  ],
  [
    'a start that was never noted is asked for again by a musterd that did not crash',
    ['E1'],
    (p) => {
      p.wish(plain);
      p.give('m1', plain);
      p.now += 1_000;
      p.checker.asked('m1', plain, 'start');
      p.checker.asked('m1', plain, 'start');
    },
  ],
  [
    'a start that the guard refused is asked for again, long after the lease is back',
    [],
    (p) => {
      p.running('m1', bound);
      p.checker.state('m1', bound, 'inactive');
      p.trouble.begin('m1', 'bus-noise')();
      p.checker.asked('m1', bound, 'start');
      p.note('m1', bound);
      p.now += 60_000;
      p.checker.asked('m1', bound, 'start');
    },
  ],
  [
    'a unit that is bound to the lease, and was up, is started again long after the lease is back',
    ['E1'],
    (p) => {
      p.running('m1', bound);
      p.checker.state('m1', bound, 'inactive');
      p.checker.asked('m1', bound, 'start');
    },
  ],
  [
    'it is started again after its machine has booted',
    [],
    (p) => {
      p.running('m1', plain);
      p.checker.state('m1', plain, 'inactive');
      p.checker.rebooted('m1');
      p.checker.asked('m1', plain, 'start');
    },
  ],
])('%s: %j', (_name, expected, plant) => {
  const planted = new Planted();
  plant(planted);
  expect(planted.seen()).toEqual(expected);
});

test.each<[string, Invariant[], (planted: Planted) => Promise<void> | void]>([
  ['everything is as it is wished for', [], () => undefined],
  ['a unit is nowhere though there is room', ['I6'], (p) => p.wish('plain2.service')],
  ['a unit that is to be inactive has kept its place', ['I6'], (p) => p.wish(plain, 'inactive')],
  ['a unit has not got its new content', ['I6'], (p) => p.wish(plain, 'launched', 1)],
  [
    'a unit is down that is to be up',
    ['I6', 'S1'],
    async (p) => {
      p.stop('m1', plain);
      await p.machine(1).systemd.stop(plain);
    },
  ],
  [
    'a unit is up where it is not assigned',
    ['I6'],
    async (p) => {
      const { systemd } = p.machine(2);
      await systemd.writeFile(plain, { hash: '', text: '[Service]\nExecStart=/bin/true\n' });
      await systemd.start(plain);
    },
  ],
  [
    'a unit that was destroyed runs on',
    ['I10'],
    (p) => {
      const paths = [`unit/${plain}`, `assignment/m1/${plain}`, `state/m1/${plain}`];
      p.commit(Object.fromEntries([...paths, `placement/${plain}`].map((path) => [path, null])));
    },
  ],
  ['records of a unit that was destroyed are left', ['I10'], (p) => p.put(`unit/${plain}`, null)],
  [
    'a note of a unit that was destroyed is left',
    ['I10'],
    (p) => p.machine(3).noted.push('gone.service'),
  ],
  ['a state of a unit that went elsewhere is left', ['I10'], (p) => p.put(`state/m2/${plain}`, {})],
  [
    'a placement of a unit that is nowhere is left',
    ['I10'],
    (p) => p.put('placement/x.service', {}),
  ],
])('at rest, %s: %j', async (_name, expected, plant) => {
  const planted = new Planted();
  await planted.settled(1, plain);
  await plant(planted);
  await planted.clock.advance(10_000);
  const found = await differences(planted);
  expect(found.map(({ invariant }) => invariant)).toEqual(expected);
});

test.each<[string, Invariant | undefined, (planted: Planted) => void]>([
  ['nothing is written', undefined, () => undefined],
  ['a state is written', 'R1', (p) => p.put(`state/m1/${plain}`, {})],
  ['a machine says the same of itself again', 'R1', (p) => p.put('machine/m1', {})],
  ['a file is removed that nothing refers to', undefined, (p) => p.put('file/0', null)],
  [
    'a unit is not flapping any more',
    undefined,
    (p) => {
      p.put(`state/m1/${plain}`, { flapping: 5 });
      p.writes.begin();
      p.put(`state/m1/${plain}`, {});
    },
  ],
])('at rest, %s: %s', (_name, expected, plant) => {
  const planted = new Planted();
  planted.writes.begin();
  plant(planted);
  expect(planted.writes.difference(45_000)?.invariant).toBe(expected);
});
