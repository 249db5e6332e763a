import type { Assignment, Unit, UnitState } from '@muster/core';

/** A unit that is active on m1, as the store has it: its record, … */
export const unit: Unit = {
  name: 'a.service',
  hash: 'h',
  desiredState: 'launched',
  restarts: 0,
  origin: { by: 'x' },
  createRevision: 5,
  modRevision: 20,
};
/** … its assignment, … */
export const assignment: Assignment = {
  unit: 'a.service',
  machine: 'm1',
  hash: 'h',
  desiredState: 'launched',
  restarts: 0,
  incarnation: 5,
  role: 'holder',
  reason: '',
  modRevision: 21,
};
/** … and its state. */
export const state: UnitState = {
  unit: 'a.service',
  machine: 'm1',
  loadState: 'loaded',
  activeState: 'active',
  subState: 'running',
  result: 'success',
  problem: null,
  since: 0,
  bootId: 'b',
  invocationId: null,
  hash: 'h',
  answers: 21,
  modRevision: 22,
};
