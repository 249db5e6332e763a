import type { Assignment, Unit, UnitState } from '@muster/core';
import { deriveCurrentState } from './current-state.ts';
import { assignment, state, unit } from './testing/active-unit.ts';
import { waitOutcome } from './wait-outcome.ts';
import type { WaitSubject } from './wait-outcome.ts';
import type { WaitTarget } from './wire.ts';

interface Row {
  unit?: Partial<Unit> | null;
  assignments?: Partial<Assignment>[];
  states?: Partial<UnitState>[];
  isGlobal?: boolean;
  noMachine?: boolean;
  /** Default: all. */
  only?: string[];
  /** Default: m1 and m2. */
  present?: string[];
  away?: string[];
}

function records(row: Row) {
  const assignments = (row.assignments ?? []).map((more) => ({ ...assignment, ...more }));
  const states = (row.states ?? []).map((more) => ({ ...state, ...more }));
  return {
    assignments: new Map(assignments.map((a) => [a.machine, a])),
    states: new Map(states.map((s) => [s.machine, s])),
  };
}

function machinesOf({ present = ['m1', 'm2'], away = [] }: Row): WaitSubject['machines'] {
  return new Map(present.map((id) => [id, { awaySince: away.includes(id) ? 1 : null }]));
}

function look(until: WaitTarget, row: Row, afterRevision = 20): string {
  const outcome = waitOutcome(
    {
      ...records(row),
      unit: row.unit === null ? null : { ...unit, ...row.unit },
      isGlobal: row.isGlobal ?? false,
      hasMatchingMachine: row.noMachine !== true,
      machines: machinesOf(row),
    },
    { until, machines: row.only ?? null, afterRevision },
  );
  switch (outcome.type) {
    case 'done':
      return [
        outcome.hasEnded ? 'ended' : 'done',
        ...outcome.machines,
        ...(outcome.note === null ? [] : [outcome.note]),
      ].join(' ');
    case 'failed':
      return `failed ${outcome.machine ?? '-'}: ${outcome.reason}`;
    case 'pending':
      return `pending: ${outcome.why}`;
  }
}

const loaded = { desiredState: 'loaded' } as const;
const idle = { activeState: 'inactive', subState: 'dead', result: null };

test.each<[string, WaitTarget, Row, string]>([
  ['active', 'launched', { assignments: [{}], states: [{}] }, 'done m1'],
  ['not placed', 'launched', {}, 'pending: not placed on any machine yet'],
  ['not there', 'launched', { unit: null }, 'failed -: it does not exist'],
  [
    'changed by somebody else',
    'launched',
    { unit: loaded },
    'failed -: its desired state is loaded now',
  ],
  [
    'assigned before the change',
    'launched',
    { unit: { restarts: 1 }, assignments: [{}], states: [{}] },
    'pending: the scheduler has not seen the change yet',
  ],
  [
    'an assignment of a unit of the same name that is gone',
    'launched',
    { assignments: [{ incarnation: 4 }], states: [{}] },
    'pending: not placed on any machine yet',
  ],
  [
    'a state from before the assignment says nothing',
    'launched',
    { assignments: [{}], states: [{ answers: 20 }] },
    'pending: m1 has not carried it out yet',
  ],
  [
    'still starting',
    'launched',
    {
      assignments: [{}],
      states: [{ activeState: 'activating', subState: 'start', result: null }],
    },
    'pending: activating (start) on m1',
  ],
  [
    'failed',
    'launched',
    { assignments: [{}], states: [{ activeState: 'failed', result: 'exit-code' }] },
    'failed m1: it failed (exit-code)',
  ],
  [
    'ran and finished',
    'launched',
    { assignments: [{}], states: [{ ...idle, result: 'success' }] },
    'ended m1',
  ],
  [
    'finished on one machine, up on another',
    'launched',
    {
      isGlobal: true,
      assignments: [{}, { machine: 'm2' }],
      states: [{ ...idle, result: 'success' }, { machine: 'm2' }],
    },
    'done m1 m2',
  ],
  [
    'restarted on one machine: others do not count',
    'launched',
    {
      isGlobal: true,
      only: ['m2'],
      unit: { perMachine: { m2: { restarts: 1, starts: 0 } } },
      assignments: [{}, { machine: 'm2', restarts: 1 }],
      states: [{ activeState: 'failed' }, { machine: 'm2' }],
    },
    'done m2',
  ],
  [
    'to be restarted on one machine',
    'launched',
    {
      only: ['m1'],
      unit: { perMachine: { m1: { restarts: 1, starts: 0 } } },
      assignments: [{}],
      states: [{}],
    },
    'pending: the scheduler has not seen the change yet',
  ],
  [
    'to be started again on one machine',
    'launched',
    {
      unit: { perMachine: { m1: { restarts: 0, starts: 2 } } },
      assignments: [{ starts: 1 }],
      states: [{ activeState: 'failed' }],
    },
    'pending: the scheduler has not seen the change yet',
  ],
  [
    'moved away from the only machine that is asked about',
    'launched',
    { only: ['m1'], assignments: [{ machine: 'm2' }], states: [{ machine: 'm2' }] },
    'failed -: it is not on m1 any more',
  ],
  [
    'the only machine that is asked about is away',
    'launched',
    { only: ['m2'], isGlobal: true, away: ['m2'], assignments: [{}, { machine: 'm2' }] },
    'pending: m2 is absent or away',
  ],
  [
    'inactive, and nobody knows yet why',
    'launched',
    { assignments: [{}], states: [idle] },
    'pending: inactive (dead) on m1',
  ],
  [
    'its start job never ran it',
    'launched',
    { assignments: [{}], states: [{ ...idle, result: 'dependency' }] },
    'failed m1: it is inactive (dependency)',
  ],
  [
    'refused by the machine',
    'launched',
    { assignments: [{}], states: [{ ...idle, problem: 'the host has a unit of this name' }] },
    'failed m1: the host has a unit of this name',
  ],
  [
    'a file that systemd cannot read',
    'launched',
    { assignments: [{}], states: [{ ...idle, loadState: 'bad-setting' }] },
    'failed m1: systemd says of its file: bad-setting',
  ],
  [
    'a global unit is there when it is everywhere',
    'launched',
    {
      isGlobal: true,
      assignments: [{ machine: 'm2' }, { machine: 'm1' }],
      states: [{ machine: 'm1' }, { machine: 'm2' }],
    },
    'done m1 m2',
  ],
  [
    'and not before',
    'launched',
    {
      isGlobal: true,
      assignments: [{ machine: 'm2' }, { machine: 'm1' }],
      states: [{ machine: 'm1' }],
    },
    'pending: m2 has not carried it out yet',
  ],
  [
    'a failure anywhere ends the wait',
    'launched',
    {
      isGlobal: true,
      assignments: [{ machine: 'm2' }, { machine: 'm1' }],
      states: [{ machine: 'm1', activeState: 'failed', result: 'signal' }],
    },
    'failed m1: it failed (signal)',
  ],
  [
    'a global unit that fits nowhere',
    'launched',
    { isGlobal: true, noMachine: true },
    'done no machine matches it',
  ],
  [
    'a global unit does not wait for a machine that is absent',
    'launched',
    {
      isGlobal: true,
      present: ['m1'],
      assignments: [{ machine: 'm2', restarts: 7 }, { machine: 'm1' }],
      states: [{ machine: 'm1' }],
    },
    'done m1 not waited for, because absent or away: m2',
  ],
  [
    'nor for one that is away, whatever that last said',
    'launched',
    {
      isGlobal: true,
      away: ['m2'],
      assignments: [{ machine: 'm1' }, { machine: 'm2' }],
      states: [{ machine: 'm1' }, { machine: 'm2', activeState: 'failed' }],
    },
    'done m1 not waited for, because absent or away: m2',
  ],
  [
    'but for those that are there, even if they have no place yet',
    'launched',
    { isGlobal: true, away: ['m2'], assignments: [{ machine: 'm2' }], states: [] },
    'pending: not placed on any machine yet',
  ],
  [
    'a global unit whose machines are all gone',
    'launched',
    { isGlobal: true, noMachine: true, present: [], assignments: [{}] },
    'done not waited for, because absent or away: m1',
  ],
  [
    'a global unit is stopped without a machine that is absent',
    'loaded',
    {
      unit: loaded,
      isGlobal: true,
      present: ['m1'],
      assignments: [loaded, { machine: 'm2' }],
      states: [idle],
    },
    'done m1 not waited for, because absent or away: m2',
  ],
  [
    'a unit that is not global waits for its machine, or for another one',
    'launched',
    { present: ['m2'], assignments: [{}] },
    'pending: m1 has not carried it out yet',
  ],
  [
    'a machine that may only keep it does not count',
    'launched',
    { assignments: [{ role: 'released' }], states: [{}] },
    'pending: not placed on any machine yet',
  ],
  ['loaded', 'loaded', { unit: loaded, assignments: [loaded], states: [idle] }, 'done m1'],
  [
    'loaded, but started by its timer',
    'loaded',
    { unit: loaded, assignments: [loaded], states: [{}] },
    'done m1',
  ],
  [
    'still stopping',
    'loaded',
    { unit: loaded, assignments: [loaded], states: [{ activeState: 'deactivating' }] },
    'pending: deactivating (running) on m1',
  ],
  [
    'still to be stopped',
    'loaded',
    { unit: loaded, assignments: [{}], states: [{}] },
    'pending: the scheduler has not seen the change yet',
  ],
  ['nowhere', 'inactive', { unit: { desiredState: 'inactive' } }, 'done'],
  [
    'still assigned',
    'inactive',
    { unit: { desiredState: 'inactive' }, assignments: [{}] },
    'pending: still assigned to m1',
  ],
  [
    'still known to systemd',
    'inactive',
    { unit: { desiredState: 'inactive' }, states: [{}] },
    'pending: still known to m1',
  ],
  ['wanted again', 'inactive', {}, 'failed -: its desired state is launched now'],
  ['gone', 'absent', { unit: null }, 'done'],
  ['gone, but not yet there', 'absent', { unit: null, states: [{}] }, 'pending: still known to m1'],
  ['not destroyed yet', 'absent', {}, 'pending: it exists'],
  ['created again', 'absent', { unit: { createRevision: 30 } }, 'failed -: it was created again'],
])('%s (until %s)', (_, until, row, expected) => {
  expect(look(until, row)).toBe(expected);
});

test.each<[string, Row, string]>([
  ['no machine has it', {}, 'inactive'],
  ['the machine has not answered', { assignments: [{}] }, 'inactive'],
  ['launched', { assignments: [{}], states: [{}] }, 'launched'],
  [
    'launched counts, whatever systemd says of it',
    { assignments: [{}], states: [{ activeState: 'failed' }] },
    'launched',
  ],
  ['loaded', { assignments: [loaded], states: [idle] }, 'loaded'],
  ['an old answer', { assignments: [{}], states: [{ answers: 3 }] }, 'inactive'],
  [
    'of several the least advanced',
    {
      assignments: [{}, { machine: 'm2', ...loaded }],
      states: [{}, { machine: 'm2' }],
    },
    'loaded',
  ],
])('currentState: %s', (_, row, expected) => {
  expect(deriveCurrentState({ ...records(row), unit })).toBe(expected);
});
