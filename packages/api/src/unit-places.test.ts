import type { Assignment, Unit, UnitState } from '@muster/core';
import { failureOf } from './unit-failure.ts';
import { state as up } from './testing/active-unit.ts';
import { placesOf } from './unit-places.ts';

const unit: Unit = {
  name: 'a.service',
  hash: 'h',
  desiredState: 'launched',
  restarts: 1,
  perMachine: { m1: { restarts: 1, starts: 2 } },
  origin: { by: 'x' },
  createRevision: 5,
  modRevision: 20,
};
const assignment: Assignment = {
  unit: 'a.service',
  machine: 'm1',
  hash: 'h',
  desiredState: 'launched',
  restarts: 2,
  starts: 2,
  incarnation: 5,
  role: 'holder',
  reason: '',
  modRevision: 21,
};
const state: UnitState = { ...up, activeState: 'failed', subState: 'failed', result: 'exit-code' };

interface Row {
  assignment?: Partial<Assignment>;
  state?: Partial<UnitState> | null;
}

function places(row: Row): string {
  const placed = { ...assignment, ...row.assignment };
  const said = row.state === null ? [] : [{ ...state, ...row.state }];
  const { holders, failed } = placesOf({
    unit,
    assignments: new Map([[placed.machine, placed]]),
    states: new Map(said.map((each) => [each.machine, each])),
  });
  return `${[...holders].join()} failed: ${[...failed].join()}`;
}

const inactive = { activeState: 'inactive', subState: 'dead' };

test.each<[string, Row, string]>([
  ['it failed', {}, 'm1 failed: m1'],
  ['it runs', { state: { activeState: 'active' } }, 'm1 failed: '],
  ['it is starting', { state: { activeState: 'activating', result: null } }, 'm1 failed: '],
  ['it ran to its end', { state: { ...inactive, result: 'success' } }, 'm1 failed: '],
  ['nobody knows yet', { state: { ...inactive, result: null } }, 'm1 failed: '],
  ['its start never ran it', { state: { ...inactive, result: 'dependency' } }, 'm1 failed: m1'],
  ['nobody will know', { state: { ...inactive, result: 'unknown' } }, 'm1 failed: m1'],
  ['refused', { state: { ...inactive, result: null, problem: 'no' } }, 'm1 failed: m1'],
  ['no answer', { state: null }, 'm1 failed: '],
  ['an answer to what was wanted before', { state: { answers: 20 } }, 'm1 failed: '],
  ['a restart is on its way', { assignment: { restarts: 1 } }, 'm1 failed: '],
  ['a start is on its way', { assignment: { starts: 1 } }, 'm1 failed: '],
  ['new content is on its way', { assignment: { hash: 'g' } }, 'm1 failed: '],
  ['launching it is on its way', { assignment: { desiredState: 'loaded' } }, 'm1 failed: '],
  ['a unit of the same name that is gone', { assignment: { incarnation: 4 } }, ' failed: '],
  ['a machine that may only keep it', { assignment: { role: 'released' } }, ' failed: '],
])('%s', (_, row, expected) => {
  expect(places(row)).toBe(expected);
});

test.each<[Partial<UnitState>, string]>([
  [{}, 'it failed (exit-code)'],
  [{ result: null, subState: 'failed' }, 'it failed (failed)'],
  [{ problem: 'the host has it' }, 'the host has it'],
  [{ loadState: 'bad-setting', activeState: 'inactive' }, 'systemd says of its file: bad-setting'],
  [{ ...inactive, result: 'skipped' }, 'it is inactive (skipped)'],
])('%j: %s', (more, expected) => {
  expect(failureOf({ ...state, ...more })).toBe(expected);
});
