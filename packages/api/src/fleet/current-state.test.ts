import type { Assignment, UnitState } from '@muster/core';
import { fleetCurrentState } from './current-state.ts';

const unit = {
  name: 'a.service',
  hash: 'f'.repeat(40),
  desiredState: 'launched' as const,
  restarts: 0,
  origin: { by: 'x' },
  createRevision: 10,
  modRevision: 20,
};
const assignment: Assignment = {
  unit: unit.name,
  machine: 'm',
  hash: unit.hash,
  desiredState: 'launched',
  restarts: 0,
  incarnation: 10,
  role: 'holder',
  reason: 'test',
  modRevision: 21,
};
const state: UnitState = {
  unit: unit.name,
  machine: 'm',
  loadState: 'loaded',
  activeState: 'active',
  subState: 'running',
  result: null,
  problem: null,
  since: 0,
  bootId: 'b',
  invocationId: null,
  hash: unit.hash,
  answers: 21,
  modRevision: 22,
};

test.each<[string, Partial<Assignment> | null, Partial<UnitState> | null, string]>([
  ['placed nowhere', null, {}, 'inactive'],
  ['placed, and its machine has not said anything', {}, null, 'inactive'],
  ['its machine has answered: launched', {}, {}, 'launched'],
  ['launched, and the process has ended since', {}, { activeState: 'failed' }, 'launched'],
  ['loaded', { desiredState: 'loaded' }, { activeState: 'inactive' }, 'loaded'],
  ['loaded, and something else has started it', { desiredState: 'loaded' }, {}, 'loaded'],
  ['being stopped', { desiredState: 'loaded' }, { answers: 15 }, 'launched'],
  [
    'being stopped, and its processes take their time',
    { desiredState: 'loaded' },
    { answers: 15, activeState: 'deactivating' },
    'launched',
  ],
  ['being started', {}, { answers: 15, activeState: 'inactive' }, 'loaded'],
  ['being started again after it failed', {}, { answers: 15, activeState: 'failed' }, 'loaded'],
  ['a state of an earlier unit of the name', {}, { answers: 9 }, 'inactive'],
  ['an assignment of an earlier unit of the name', { incarnation: 9 }, {}, 'inactive'],
  ['only released there', { role: 'released' }, {}, 'inactive'],
  ['getting ready there', { role: 'successor' }, {}, 'inactive'],
])('%s: %j, %j: %s', (_what, assigned, said, expected) => {
  const assignments = new Map(assigned === null ? [] : [['m', { ...assignment, ...assigned }]]);
  const states = new Map(said === null ? [] : [['m', { ...state, ...said }]]);
  expect(fleetCurrentState({ unit, assignments, states })).toBe(expected);
});
