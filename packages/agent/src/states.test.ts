import type { LoadedUnit, UnitNote, UnitRun } from '@muster/core';
import { deriveState } from './states.ts';

const note = (unit: string): UnitNote => ({
  unit,
  bootId: 'boot',
  answers: 7,
  incarnation: 5,
  hash: 'hash',
  desiredState: 'launched',
  restarts: 0,
  pending: null,
  wasStarted: true,
  jobResult: 'done',
});
const loaded = (name: string, activeState: string): LoadedUnit => ({
  name,
  loadState: 'loaded',
  activeState,
  subState: activeState,
  job: null,
});
const run = (result: string | null): UnitRun => ({
  result,
  exit: null,
  invocationId: 'a'.repeat(32),
});

test.each<[what: string, unit: string, activeState: string | null, UnitRun | null, string | null]>([
  ['a service that is up', 'a.service', 'active', run('success'), 'success'],
  ['a service that failed', 'a.service', 'failed', run('exit-code'), 'exit-code'],
  ['a target that is up has none', 'a.target', 'active', run(null), null],
  ['nor has a slice, also when nothing was asked', 'a.slice', 'active', null, null],
  ['a target that was taken down had been reached', 'a.target', 'inactive', run(null), 'success'],
  ['and is forgotten then', 'a.target', null, null, 'success'],
])('result: %s', (_what, unit, activeState, asked, expected) => {
  const input = {
    unit,
    assignment: null,
    note: note(unit),
    fileHash: 'hash',
    loaded: activeState === null ? null : loaded(unit, activeState),
  };
  const evidence = {
    bootId: 'boot',
    now: 1,
    run: asked,
    problem: null,
    awaitsJob: false,
    flapping: null,
    previous: null,
  };
  const first = deriveState(input, evidence);
  expect(first.result).toBe(expected);
  // What nobody asked about again stays as it was.
  expect(deriveState(input, { ...evidence, run: null, previous: first }).result).toBe(expected);
});
