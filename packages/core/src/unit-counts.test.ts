import fc from 'fast-check';
import type { Assignment } from './model.ts';
import { countOn, countRestart, countsOn, hasCountsOf } from './unit-counts.ts';
import type { UnitCounts } from './unit-counts.ts';

const machines = ['m1', 'm2', 'm3'];
const all = new Set(machines);
const on = (...ids: string[]) => ({ machines: ids, kept: all });

function shown(counts: UnitCounts): string {
  return machines
    .map((id) => countsOn(counts, id))
    .map(({ restarts, starts }) => `${restarts}/${starts}`)
    .join(' ');
}

const fresh: UnitCounts = { restarts: 2 };
const uneven = countOn('restarts', countOn('restarts', fresh, on('m1')), on('m1', 'm3'));

test.each<[string, UnitCounts, string]>([
  ['nothing', fresh, '2/0 2/0 2/0'],
  ['a restart everywhere', countRestart(fresh), '3/0 3/0 3/0'],
  ['restarts of single machines', uneven, '4/0 2/0 3/0'],
  ['a restart everywhere after them', countRestart(uneven), '5/0 5/0 5/0'],
  ['a start of one machine', countOn('starts', uneven, on('m3')), '4/0 2/0 3/1'],
  [
    'a restart of one that was started: the start is part of it',
    countOn('restarts', countOn('starts', uneven, on('m3')), on('m3')),
    '4/0 2/0 4/0',
  ],
  [
    'a machine that has it no more is forgotten',
    countOn('restarts', uneven, { machines: ['m3'], kept: new Set(['m2', 'm3']) }),
    '2/0 2/0 4/0',
  ],
  [
    'nothing is left to remember',
    countOn('starts', uneven, { machines: [], kept: new Set() }),
    '2/0 2/0 2/0',
  ],
])('%s', (_, counts, expected) => {
  expect(shown(counts)).toBe(expected);
});

test('a machine whose id is a word of JavaScript was asked for nothing', () => {
  expect(countsOn({ restarts: 1, perMachine: {} }, 'constructor')).toEqual({
    restarts: 1,
    starts: 0,
  });
});

const step = fc.oneof(
  fc.constant({ type: 'all' } as const),
  fc.record({
    type: fc.constantFrom('restarts' as const, 'starts' as const),
    machines: fc.uniqueArray(fc.constantFrom(...machines)),
  }),
);

test('no number goes back while the machine has the unit, and each that is asked grows', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      let counts: UnitCounts = { restarts: 0 };
      for (const each of steps) {
        const next =
          each.type === 'all'
            ? countRestart(counts)
            : countOn(each.type, counts, on(...each.machines));
        for (const id of machines) {
          const [before, after] = [countsOn(counts, id), countsOn(next, id)];
          const isAsked = each.type === 'all' || each.machines.includes(id);
          const isRestart = each.type !== 'starts';
          expect({
            id,
            restarts: after.restarts - before.restarts > 0,
            starts: isRestart && isAsked ? after.starts : after.starts - before.starts,
          }).toEqual({
            id,
            restarts: isAsked && isRestart,
            starts: isAsked && !isRestart ? 1 : 0,
          });
        }
        counts = next;
      }
    }),
  );
});

test.each<[string, Partial<Assignment>, boolean]>([
  ['as counted', { restarts: 4 }, true],
  ['before a restart', { restarts: 3 }, false],
  ['before a start', { machine: 'm3', restarts: 3 }, false],
  ['after it', { machine: 'm3', restarts: 3, starts: 1 }, true],
  ['of a machine that nothing was asked of', { machine: 'm2', restarts: 2, starts: 0 }, true],
])('an assignment %s', (_, more, expected) => {
  const assignment: Assignment = {
    unit: 'a.service',
    machine: 'm1',
    hash: 'h',
    desiredState: 'launched',
    restarts: 0,
    incarnation: 1,
    role: 'holder',
    reason: '',
    modRevision: 1,
    ...more,
  };
  expect(hasCountsOf(countOn('starts', uneven, on('m3')), assignment)).toBe(expected);
});
