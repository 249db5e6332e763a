import fc from 'fast-check';
import type { PlacementFailures, UnitState } from '@muster/core';
import type { Plan } from './plan.ts';
import { PlannedCluster as Cluster } from './testing/planned-cluster.ts';

const name = 'a.service';
const onFailure = 'Reschedule=on-failure\nRescheduleDelaySec=10s\nRescheduleMaxDelaySec=35s\n';
const missing: Partial<UnitState> = {
  result: 'exit-code',
  exit: { code: 'exited', status: 203 },
};

const three = (): Cluster => new Cluster().machine('m1').machine('m2').machine('m3');

/** A unit that has just been placed on m1. */
function placed(fleet = onFailure): Cluster {
  const cluster = three().unit(name, fleet);
  cluster.settle();
  return cluster;
}

function where(cluster: Cluster): string {
  return cluster.where()[name]?.join(' ') ?? 'nowhere';
}

function failures(cluster: Cluster): PlacementFailures | undefined {
  return cluster.placements.get(name)?.failures;
}

/** It fails where it is, and time passes until it leaves. @returns ms; null: it stays for a day */
function fail(cluster: Cluster, how = missing): number | null {
  const machine = where(cluster);
  cluster.state(name, machine, 'failed', how);
  const { lookAgainAt, changes } = cluster.settle();
  expect(changes).toEqual([]);
  const waited = lookAgainAt === null ? null : lookAgainAt - cluster.now;
  cluster.now += waited === null ? 24 * 3_600_000 : waited - 1;
  expect(cluster.settle().changes).toEqual([]);
  if (waited === null) return null;
  cluster.now += 1;
  const moved = cluster.settle();
  expect(moved.changes).toHaveLength(1);
  expect(where(cluster)).toBe('nowhere');
  return waited;
}

/** Its machine has ended it, and it is placed. @returns the plan that does */
function ended(cluster: Cluster): Plan {
  expect(cluster.settle().changes).toEqual([]);
  cluster.states.delete(name);
  return cluster.settle();
}

test('a unit that failed for good is taken off its machine first, and then tried on another', () => {
  const cluster = placed();
  expect(fail(cluster)).toBe(10_000);
  expect(failures(cluster)).toMatchObject({ attempts: 1, machines: ['m1'] });
  const [change] = ended(cluster).changes;
  expect(change?.assign).toMatchObject([
    { machine: 'm2', role: 'holder', reason: 'it failed on m1: 203/EXEC; attempt 1 of 5' },
  ]);
  expect(failures(cluster)).toMatchObject({ attempts: 1, machines: ['m1'] });
});

test('each delay is twice the one before up to the longest, and the limit is the end of it', () => {
  const cluster = placed(`${onFailure}RescheduleLimit=4\n`);
  const waits: (number | null)[] = [];
  const machines: string[] = [];
  for (let i = 0; i < 5; i += 1) {
    waits.push(fail(cluster));
    if (where(cluster) === 'nowhere') ended(cluster);
    machines.push(where(cluster));
  }
  expect(waits).toEqual([10_000, 20_000, 35_000, 35_000, null]);
  // Where it has not failed yet, then where that is longest ago.
  expect(machines).toEqual(['m2', 'm3', 'm1', 'm2', 'm2']);
  expect(cluster.settle().givenUp).toEqual([{ unit: name, machine: 'm2' }]);
});

test('where no other machine can take it, it is begun anew where it failed', () => {
  const cluster = three().unit('peer.service').unit(name, `MachineOf=peer.service\n${onFailure}`);
  cluster.settle();
  const home = where(cluster);
  fail(cluster);
  ended(cluster);
  expect(where(cluster)).toBe(home);
  expect(failures(cluster)).toMatchObject({ attempts: 1, machines: [home] });
});

test('units that follow it come along', () => {
  const cluster = placed().unit('with.service', `MachineOf=${name}`);
  cluster.rest();
  expect(cluster.where()['with.service']).toEqual(['m1']);
  fail(cluster);
  ended(cluster);
  cluster.rest();
  expect(cluster.where()).toEqual({ [name]: ['m2'], 'with.service': ['m2'] });
});

test.each<[what: string, activeState: string, change: Partial<UnitState>]>([
  ['systemd gave up', 'failed', { result: 'start-limit-hit' }],
  ['the machine refuses it', 'inactive', { problem: 'this machine has a unit of its own' }],
  ['a unit that it requires failed', 'inactive', { result: 'dependency' }],
])('it counts as failed: %s', (_, activeState, change) => {
  const cluster = placed().state(name, 'm1', activeState, change);
  expect(cluster.settle().lookAgainAt).toBe(10_000);
});

test.each<[what: string, activeState: string, change: Partial<UnitState>]>([
  ['it is up', 'active', {}],
  ['systemd restarts it', 'activating', { subState: 'auto-restart', ...missing }],
  ['it has run to its end', 'inactive', { result: 'success' }],
  ['a condition did not hold', 'inactive', { result: 'skipped' }],
  ['its job was cancelled', 'inactive', { result: 'canceled' }],
  ['nobody knows how it ended', 'inactive', { result: 'unknown' }],
  ['it answers an earlier assignment', 'failed', { ...missing, answers: 1 }],
])('it does not count as failed: %s', (_, activeState, change) => {
  const cluster = placed().state(name, 'm1', activeState, change);
  expect(cluster.settle().lookAgainAt).toBeNull();
  cluster.now += 24 * 3_600_000;
  expect(cluster.settle().changes).toEqual([]);
});

test.each([
  ['nothing asks for it', 'Replaces=x.service'],
  ['it runs everywhere', `Global=true\n${onFailure}`],
  ['it may run on no other machine', `MachineID=m1\n${onFailure}`],
  ['no attempt is allowed', `${onFailure}RescheduleLimit=0`],
])('it stays where it failed: %s', (_, fleet) => {
  const cluster = new Cluster().machine('m1').unit(name, fleet);
  cluster.settle();
  expect(fail(cluster)).toBeNull();
  expect(where(cluster)).toBe('m1');
});

test('where musterd was stopped in order it stays: nobody there could end it', () => {
  const cluster = placed().machine('m1', {}, 5).state(name, 'm1', 'failed', missing);
  expect(cluster.settle().lookAgainAt).toBeNull();
});

test('a new leader begins the delay anew, but not the attempts', () => {
  const cluster = placed();
  fail(cluster);
  ended(cluster);
  cluster.state(name, where(cluster), 'failed', missing).settle();
  cluster.now += 19_999;
  cluster.sightings = new Map();
  expect(cluster.settle()).toMatchObject({ changes: [], lookAgainAt: cluster.now + 20_000 });
});

test('one that knows nothing of the move that is under way places it elsewhere as well', () => {
  const cluster = placed();
  fail(cluster);
  cluster.sightings = new Map();
  cluster.underway = new Map();
  const [change] = ended(cluster).changes;
  expect(change?.assign).toMatchObject([{ machine: 'm2', reason: 'it failed on m1' }]);
});

test('a machine that vanishes meanwhile is no failure', () => {
  const cluster = placed();
  fail(cluster);
  ended(cluster);
  cluster.lose('m2').machine('m1');
  cluster.settle();
  expect(cluster.where()[name]).toEqual(['m2:released', 'm3']);
  expect(failures(cluster)).toMatchObject({ attempts: 1, machines: ['m1'] });
});

test('a unit that stays up long enough is forgiven, with one write', () => {
  const cluster = placed(`${onFailure}RescheduleResetSec=1min\n`);
  fail(cluster);
  ended(cluster);
  cluster.state(name, 'm2', 'active').settle();
  cluster.now += 30_000;
  // It was down in between.
  cluster.state(name, 'm2', 'activating').settle();
  cluster.state(name, 'm2', 'active');
  expect(cluster.settle().lookAgainAt).toBe(cluster.now + 60_000);
  cluster.now += 60_000;
  expect(cluster.settle().changes).toMatchObject([{ assign: [], withdraw: [] }]);
  expect(cluster.placements.get(name)).toMatchObject({ machines: [{ machine: 'm2' }] });
  expect(failures(cluster)).toBeUndefined();
  expect(cluster.settle().changes).toEqual([]);
});

test.each<[what: string, change: (cluster: Cluster) => void]>([
  ['is restarted', (cluster) => cluster.ask(name, { restarts: 1 })],
  [
    'is started again',
    (cluster) => cluster.ask(name, { restarts: 0, perMachine: { m2: { restarts: 0, starts: 1 } } }),
  ],
  ['gets new content', (cluster) => cluster.unit(name, `${onFailure}RescheduleLimit=2`)],
])('a unit that %s by somebody has all its attempts again', (_, change) => {
  const cluster = placed(`${onFailure}RescheduleLimit=1`);
  fail(cluster);
  ended(cluster);
  expect(fail(cluster)).toBeNull();
  change(cluster);
  cluster.settle();
  expect(failures(cluster)).toBeUndefined();
  expect(fail(cluster)).toBe(10_000);
});

test('nothing is left of a unit that is destroyed or stopped between two machines', () => {
  const stopped = placed();
  fail(stopped);
  stopped.unit(name, onFailure, 'inactive').settle();
  expect([...stopped.placements]).toEqual([]);
  const destroyed = placed();
  fail(destroyed);
  destroyed.units.delete(name);
  destroyed.settle();
  expect([...destroyed.placements]).toEqual([]);
});

// What happens to one unit and to the leader, step by step.
const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant('fails' as const) },
  { weight: 1, arbitrary: fc.constant('comes up' as const) },
  { weight: 6, arbitrary: fc.constantFrom(1, 5_000, 9_999, 10_000, 20_000, 35_000, 60_000) },
  { weight: 1, arbitrary: fc.constant('new leader' as const) },
  { weight: 1, arbitrary: fc.constant('asked' as const) },
);
type Step = number | 'fails' | 'comes up' | 'new leader' | 'asked';

const limit = 3;
const delays = [10_000, 20_000, 35_000];
const resetMs = 60_000;

/** A unit in a cluster, and what may be done with it by the letter of its options. */
class Trial {
  readonly cluster = placed(`${onFailure}RescheduleLimit=${limit}\nRescheduleResetSec=1min\n`);
  readonly broken: string[] = [];
  #restarts = 0;
  #attempts = 0;
  /** As the present leader has seen it, and since when. */
  #seen = { condition: '', since: 0 };

  take(each: Step): void {
    const machine = where(this.cluster);
    if (machine === 'nowhere') {
      this.cluster.states.delete(name);
      this.#see('');
    } else if (each === 'fails') {
      this.cluster.state(name, machine, 'failed', missing);
      this.#see('failed');
    } else if (each === 'comes up') {
      this.cluster.state(name, machine, 'active');
      this.#see('up');
    } else if (each === 'asked') {
      this.#restarts += 1;
      this.#attempts = 0;
      this.cluster.ask(name, { restarts: this.#restarts });
      this.#see('');
    }
    if (typeof each === 'number') this.cluster.now += each;
    if (each === 'new leader') {
      this.cluster.sightings = new Map();
      this.cluster.underway = new Map();
      this.#seen = { ...this.#seen, since: this.cluster.now };
    }
    this.#plan(each, machine);
  }

  #see(condition: string): void {
    if (this.#seen.condition !== condition) this.#seen = { condition, since: this.cluster.now };
  }

  #plan(each: Step, machine: string): void {
    const { cluster } = this;
    const { changes } = cluster.plan();
    for (const other of [cluster.plan(), cluster.planBackwards()]) {
      this.#must(JSON.stringify(other.changes) === JSON.stringify(changes), 'two plans differ');
    }
    const before = failures(cluster);
    cluster.settle();
    const waitedMs = cluster.now - this.#seen.since;
    if (machine !== 'nowhere' && where(cluster) === 'nowhere') {
      const is = JSON.stringify({ ...this.#seen, waitedMs, attempts: this.#attempts });
      this.#must(this.#seen.condition === 'failed', `moved though it had not failed: ${is}`);
      this.#must(waitedMs >= (delays[this.#attempts] ?? Infinity), `moved too early: ${is}`);
      this.#attempts += 1;
      this.#must(failures(cluster)?.attempts === this.#attempts, `not counted: ${is}`);
    } else if (before !== undefined && failures(cluster) === undefined && each !== 'asked') {
      const isDue = this.#seen.condition === 'up' && waitedMs >= resetMs;
      this.#must(isDue, `forgiven too early: ${JSON.stringify({ ...this.#seen, waitedMs })}`);
      this.#attempts = 0;
    }
  }

  #must(holds: boolean, otherwise: string): void {
    if (!holds) this.broken.push(otherwise);
  }
}

test('it never moves before its time, nor more often than it may, whatever happens', () => {
  let moves = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
      const trial = new Trial();
      for (const each of steps) trial.take(each);
      expect(trial.broken).toEqual([]);
      moves += failures(trial.cluster)?.attempts ?? 0;
    }),
  );
  expect(moves).toBeGreaterThan(0);
});
