import { wrote } from './testing/history.ts';
import { underWay } from './under-way.ts';

const leader = wrote(2, 'leader', {});
const wanted = { hash: 'h', desiredState: 'launched', restarts: 0 };
const unit = wrote(3, 'unit/a.service', wanted);
const holder = { ...wanted, role: 'holder' };
const assignment = wrote(4, 'assignment/id1/a.service', holder);
const state = wrote(5, 'state/id1/a.service', { answers: 4 });

test('all is done', () => {
  expect(underWay([leader, unit, assignment, state])).toEqual([]);
});

test.each([
  ['nobody leads', [unit, assignment, state]],
  ['a.service: it has no place', [leader, unit]],
  [
    'a.service: a machine has not carried out what it is assigned',
    [leader, unit, { ...assignment, revision: 6 }, state],
  ],
  ['a.service: it has not been taken away', [leader, assignment, state]],
  [
    'a.service: it has not been taken away',
    [
      leader,
      wrote(3, 'unit/a.service', { hash: 'h', desiredState: 'inactive' }),
      assignment,
      state,
    ],
  ],
  [
    'a.service: its assignment is not what is wanted yet',
    [leader, wrote(6, 'unit/a.service', { hash: 'h', desiredState: 'loaded' }), assignment, state],
  ],
  [
    'a.service: its assignment is not what is wanted yet',
    [leader, wrote(6, 'unit/a.service', { ...wanted, restarts: 1 }), assignment, state],
  ],
  [
    'a.service: it is moving',
    [leader, unit, { ...assignment, record: { ...holder, isLeaving: true } }, state],
  ],
  [
    'a.service: it is moving',
    [leader, unit, { ...assignment, record: { ...holder, role: 'released' } }, state],
  ],
])('%s', (text, records) => {
  expect(underWay(records)).toEqual([text]);
});
