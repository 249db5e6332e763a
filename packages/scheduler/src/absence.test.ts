import { noteAbsences } from './absence.ts';
import type { Absences, AbsenceSight } from './absence.ts';

const matureMs = 10_000;

function look(before: Absences, sight: Partial<AbsenceSight> & { now: number }): Absences {
  return noteAbsences(before, { absent: new Set(['m1']), contactSince: 0, matureMs, ...sight });
}

const none: Absences = new Map();

test('an absence counts from when it was first seen, and ends when the machine is back', () => {
  const first = look(none, { now: 20_000 });
  expect([...first]).toEqual([['m1', 20_000]]);
  const second = look(first, { now: 25_000, absent: new Set(['m1', 'm2']) });
  expect([...second]).toEqual([
    ['m1', 20_000],
    ['m2', 25_000],
  ]);
  const back = look(second, { now: 26_000, absent: new Set(['m2']) });
  expect([...back]).toEqual([['m2', 25_000]]);
  expect([...look(back, { now: 27_000 })]).toEqual([['m1', 27_000]]);
});

test.each([
  ['there is none', null, 20_000],
  ['it is too young', 10_001, 20_000],
])('without mature contact with the store no machine is absent: %s', (_, contactSince, now) => {
  expect([...look(none, { now, contactSince })]).toEqual([]);
  expect([...look(new Map([['m1', 1_000]]), { now, contactSince })]).toEqual([]);
});

test('contact that was lost and found between two looks makes the absence begin anew', () => {
  expect([...look(new Map([['m1', 12_000]]), { now: 60_000, contactSince: 30_000 })]).toEqual([
    ['m1', 40_000],
  ]);
});
