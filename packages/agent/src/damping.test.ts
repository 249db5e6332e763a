import fc from 'fast-check';
import type { StateReport } from '@muster/core';
import { tellNow } from './damping.ts';
import type { Told } from './damping.ts';

const up: StateReport = {
  unit: 'a.service',
  loadState: 'loaded',
  activeState: 'active',
  subState: 'running',
  result: 'success',
  problem: null,
  since: 0,
  bootId: 'boot',
  invocationId: null,
  hash: '',
  answers: 7,
};
const flaps = { ...up, flapping: 5 };

/** What is written of a unit that looks different each time; in ms of the boot clock. */
function written(reports: readonly { at: number; report: StateReport }[]): number[] {
  const times: number[] = [];
  let told: Told | undefined;
  for (const { at, report } of reports) {
    const next = tellNow(told, report, { now: at, unchangedSince: at });
    if (next === null) continue;
    told = next;
    times.push(at);
  }
  return times;
}

function every(ms: number, untilMs: number, report = up): { at: number; report: StateReport }[] {
  return Array.from({ length: untilMs / ms }, (_, i) => ({ at: i * ms, report }));
}

const hour = 3_600_000;

test('a burst is told at once, what follows once a second', () => {
  expect(written(every(100, 3_000))).toEqual([0, 100, 200, 1_000, 2_000]);
});

test('a unit that is noisy for an hour is written about ever less', () => {
  const times = written(every(1_000, hour));
  expect(times.length).toBeLessThanOrEqual(20 + hour / 20_000 + 1);
  expect(times.length).toBeGreaterThan(100);
});

test('one that flaps for a day is written about once in five minutes', () => {
  const times = written(every(1_000, 24 * hour, flaps));
  expect(times.length).toBeLessThanOrEqual(20 + (24 * hour) / 300_000 + 1);
  expect(times.at(-1)).toBeGreaterThan(24 * hour - 300_000);
});

/** Of a unit whose credit is used up. */
const spent: Told = { report: flaps, credit: { short: 3, long: 0, at: 0 } };

test.each<[what: string, report: Partial<StateReport>, unchangedSince: number]>([
  ['it answers another assignment', { answers: 8 }, 0],
  ['muster could not do what was asked', { problem: 'the host has it' }, 0],
  ['it has failed', { activeState: 'failed' }, 0],
  ['it runs with other content', { hash: 'new' }, 0],
  ['it has been like that for a minute', { subState: 'other' }, -60_000],
])('told at once although the unit flaps: %s', (_, change, unchangedSince) => {
  const now = 0;
  expect(tellNow(spent, { ...flaps, ...change }, { now, unchangedSince })).not.toBeNull();
  expect(tellNow(spent, { ...flaps, subState: 'other' }, { now, unchangedSince: 0 })).toBeNull();
});

test('that it flaps, and that it no longer does, is told at once', () => {
  const { credit } = spent;
  const sight = { now: 0, unchangedSince: 0 };
  expect(tellNow({ report: up, credit }, flaps, sight)).not.toBeNull();
  expect(tellNow({ report: flaps, credit }, up, sight)).not.toBeNull();
});

test('whatever happens, never more than a burst and one a second', () => {
  const states = fc.record({
    pauseMs: fc.integer({ min: 0, max: 3_000 }),
    activeState: fc.constantFrom('active', 'activating', 'failed'),
    answers: fc.integer({ min: 1, max: 3 }),
    flapping: fc.constantFrom(undefined, 5),
  });
  fc.assert(
    fc.property(fc.array(states, { maxLength: 200 }), (steps) => {
      let at = 0;
      const reports = steps.map(({ pauseMs, flapping, ...change }) => {
        at += pauseMs;
        const more = flapping === undefined ? {} : { flapping };
        return { at, report: { ...up, ...change, ...more } };
      });
      const times = written(reports);
      for (const [i, first] of times.entries()) {
        const inside = times.slice(i).filter((time) => time <= first + 10_000).length;
        expect(inside).toBeLessThanOrEqual(3 + 10);
      }
    }),
  );
});
