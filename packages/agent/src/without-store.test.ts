import { VirtualClock } from '@muster/core/testing';
import { StoreUnavailableError } from '@muster/core';
import type { Assignment, UnitNote } from '@muster/core';
import fc from 'fast-check';
import { planUnit } from './plan.ts';
import type { MachineFacts, UnitInput } from './plan.ts';
import { Silence } from './silence.ts';
import { planWithoutStore, whyBarred, WithoutStore } from './without-store.ts';

const facts: MachineFacts = {
  bootId: 'b',
  isStopping: false,
  isToStayUp: () => true,
  isHeld: false,
  fenced: new Set(),
};

const assignment: Assignment = {
  unit: 'a.service',
  machine: 'm',
  hash: 'h1',
  desiredState: 'launched',
  restarts: 0,
  incarnation: 5,
  role: 'holder',
  reason: 'test',
  modRevision: 10,
};
const note: UnitNote = {
  unit: 'a.service',
  bootId: 'b',
  answers: 10,
  incarnation: 5,
  hash: 'h1',
  desiredState: 'launched',
  restarts: 0,
  pending: null,
  wasStarted: true,
  jobResult: 'done',
};
const up = {
  name: 'a.service',
  loadState: 'loaded',
  activeState: 'active',
  subState: '',
  job: null,
};
const fresh: UnitInput = {
  unit: 'a.service',
  assignment,
  note: null,
  fileHash: null,
  loaded: null,
};
const running: UnitInput = { ...fresh, note, fileHash: 'h1', loaded: up };

test.each<[string, UnitInput, string | null]>([
  ['a unit that was assigned here is started', fresh, 'start'],
  ['one that was started runs on', running, null],
  [
    'a start that was begun is begun again',
    {
      ...running,
      note: { ...note, answers: 0, hash: '', desiredState: 'loaded', pending: 'start' },
      loaded: null,
    },
    'start',
  ],
  [
    'one that is only loaded gets its file',
    { ...fresh, assignment: { ...assignment, desiredState: 'loaded' } },
    'none',
  ],
  ['one with Restart=always that is down is put right', { ...running, loaded: null }, 'start'],
  ['one that is not assigned is left alone', { ...running, assignment: null }, null],
  [
    'a released one is not started',
    { ...fresh, assignment: { ...assignment, role: 'released' } },
    null,
  ],
  [
    'one that is to leave is not started',
    { ...fresh, assignment: { ...assignment, isLeaving: true } },
    null,
  ],
  [
    'one that must not run twice is not started',
    { ...fresh, assignment: { ...assignment, onPartition: 'stop' } },
    null,
  ],
  [
    'a successor is not started',
    { ...fresh, assignment: { ...assignment, role: 'successor' } },
    null,
  ],
  [
    'one that was given something newer to do in this boot is left alone',
    { ...running, note: { ...note, answers: 11, desiredState: 'loaded' }, loaded: null },
    null,
  ],
  [
    'a restart that was begun is none of its business',
    { ...running, note: { ...note, pending: 'restart' } },
    null,
  ],
])('%s', (_, input, job) => {
  const task = planWithoutStore(input, facts);
  expect(task === null ? null : (task.job ?? 'none')).toBe(job);
});

test('nothing is ever stopped, restarted, or taken away', () => {
  const assignments = fc.option(
    fc.record({
      hash: fc.constantFrom('h1', 'h2'),
      desiredState: fc.constantFrom('loaded' as const, 'launched' as const),
      restarts: fc.nat(2),
      incarnation: fc.nat(2),
      role: fc.constantFrom('holder' as const, 'successor' as const, 'released' as const),
      modRevision: fc.integer({ min: 1, max: 3 }),
    }),
  );
  const notes = fc.option(
    fc.record({
      answers: fc.nat(3),
      incarnation: fc.nat(2),
      hash: fc.constantFrom('', 'h1', 'h2'),
      desiredState: fc.constantFrom('loaded' as const, 'launched' as const),
      restarts: fc.nat(2),
      pending: fc.constantFrom(null, 'start' as const, 'stop' as const, 'restart' as const),
      wasStarted: fc.boolean(),
    }),
  );
  const states = fc.option(fc.constantFrom('active', 'inactive', 'failed', 'deactivating'));
  fc.assert(
    fc.property(assignments, notes, states, (assigned, noted, activeState) => {
      const task = planWithoutStore(
        {
          unit: 'a.service',
          assignment: assigned === null ? null : { ...assignment, ...assigned },
          note: noted === null ? null : { ...note, ...noted },
          fileHash: 'h1',
          loaded: activeState === null ? null : { ...up, activeState },
        },
        facts,
      );
      expect(task?.remove ?? false).toBe(false);
      expect(['start', null]).toContain(task?.job ?? null);
    }),
    { numRuns: 2_000 },
  );
});

test('the store is back with the same assignment: there is nothing to do', () => {
  const task = planWithoutStore(fresh, facts);
  if (task?.note == null) throw new Error('nothing is noted of the start');
  const after: UnitInput = { ...running, note: { ...task.note, jobResult: 'done' } };
  expect(planUnit(after, facts)).toBeNull();
});

const lease = { leaseId: '1', bootId: 'b', token: 't' };

test.each<[string, Parameters<typeof whyBarred>[0], RegExp]>([
  ['a machine that never had a lease', { bootId: 'b', lease: null, refusedIn: null }, /it may/],
  [
    'one that had it in an earlier boot',
    { bootId: 'b', lease: { ...lease, bootId: 'a' }, refusedIn: 'a' },
    /it may/,
  ],
  ['one that has it in this boot', { bootId: 'b', lease, refusedIn: null }, /registered/],
  ['one that was refused in this boot', { bootId: 'b', lease: null, refusedIn: 'b' }, /another/],
])('%s', (_, records, why) => {
  expect(whyBarred(records) ?? 'it may').toMatch(why);
});

describe('silence', () => {
  let clock: VirtualClock;
  let answeredAt: number | null;
  let silence: Silence;
  beforeEach(() => {
    clock = new VirtualClock();
    answeredAt = null;
    const contact = { unbrokenSince: () => null, answeredAt: () => answeredAt };
    silence = new Silence(contact, clock);
  });

  async function pass(seconds: number): Promise<number> {
    let ms = silence.ms();
    for (let i = 0; i < seconds; i += 1) {
      await clock.advance(1_000);
      ms = silence.ms();
    }
    return ms;
  }

  test('is counted from the beginning, and from the last answer', async () => {
    expect(await pass(60)).toBe(60_000);
    answeredAt = clock.monotonic();
    expect(await pass(0)).toBe(0);
    expect(await pass(30)).toBe(30_000);
  });

  test('is not what nobody listened to', async () => {
    await pass(60);
    await clock.jump(3_600_000);
    expect(silence.ms()).toBe(0);
    expect(await pass(5)).toBe(5_000);
  });
});

test('a picture that is in use ends with the first answer of the store', async () => {
  const clock = new VirtualClock();
  let answeredAt: number | null = null;
  const say = (): void => undefined;
  const withoutStore = new WithoutStore({
    contact: { unbrokenSince: () => null, answeredAt: () => answeredAt },
    assignments: {
      load: () =>
        Promise.resolve({ assignments: [assignment], files: new Map([['h1', '[Service]\n']]) }),
      save: () => Promise.reject(new Error('it is not to be written')),
    },
    clock,
    log: { debug: say, info: say, warn: say, error: say },
    afterMs: 5_000,
    barred: null,
  });
  const over = new AbortController();
  const running = withoutStore.run(over.signal);
  await clock.advance(4_000);
  expect(await withoutStore.picture()).toBeNull();
  await clock.advance(2_000);
  const picture = await withoutStore.picture();
  expect(picture?.snapshot().assignments).toEqual([assignment]);
  expect(withoutStore.units()).toBe(1);
  answeredAt = clock.monotonic();
  expect(() => picture?.snapshot()).toThrow(StoreUnavailableError);
  await clock.advance(1_000);
  expect(withoutStore.units()).toBeNull();
  over.abort();
  await running;
});
