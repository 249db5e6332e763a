import { hasCountsOf } from '@muster/core';
import type { Assignment, Machine, UnitState } from '@muster/core';
import { doesAnswer, holders } from './current-state.ts';
import type { UnitRecords } from './current-state.ts';
import { failureOf, refusalOf } from './unit-failure.ts';
import type { WaitRequest } from './wire.ts';

export type WaitOutcome =
  | {
      readonly type: 'done';
      /** Where the unit is, sorted. */
      readonly machines: readonly string[];
      /** It is launched and has run to its end on all of them. */
      readonly hasEnded: boolean;
      /** Something worth telling, else null. */
      readonly note: string | null;
    }
  | { readonly type: 'failed'; readonly machine: string | null; readonly reason: string }
  | {
      readonly type: 'pending';
      readonly why: string;
      /** No machine has it, for reasons that are not looked into here. */
      readonly isUnplaced?: true;
    };

/** A unit as a wait looks at it; `unit` is null when it does not exist. */
export interface WaitSubject extends Omit<UnitRecords, 'unit'> {
  readonly unit: UnitRecords['unit'] | null;
  readonly isGlobal: boolean;
  /** Whether any machine that is there (present and not away) fits a global unit. */
  readonly hasMatchingMachine: boolean;
  /** Those that are present, by id. */
  readonly machines: ReadonlyMap<string, Pick<Machine, 'awaySince'>>;
}

/**
 * Whether a unit has got where somebody waits for it to be, or never will by itself.
 * @param request - `afterRevision`: what the wait is about was written then; 0: not known
 */
export function waitOutcome(
  subject: WaitSubject,
  request: Pick<Required<WaitRequest>, 'until' | 'machines' | 'afterRevision'>,
): WaitOutcome {
  const { until, machines, afterRevision } = request;
  switch (until) {
    case 'absent':
      if (subject.unit === null) return whenGone(subject);
      return afterRevision > 0 && subject.unit.createRevision > afterRevision
        ? failed(null, 'it was created again')
        : pending('it exists');
    case 'inactive':
      if (subject.unit !== null && subject.unit.desiredState !== 'inactive') {
        return failed(null, `its desired state is ${subject.unit.desiredState} now`);
      }
      return whenGone(subject);
    case 'loaded':
    case 'launched':
      return whenPlaced(subject, until, machines);
  }
}

function whenGone({ assignments, states }: WaitSubject): WaitOutcome {
  for (const machine of assignments.keys()) return pending(`still assigned to ${machine}`);
  for (const machine of states.keys()) return pending(`still known to ${machine}`);
  return { type: 'done', machines: [], hasEnded: false, note: null };
}

function whenPlaced(
  subject: WaitSubject,
  until: 'loaded' | 'launched',
  only: readonly string[] | null,
): WaitOutcome {
  const { unit } = subject;
  if (unit === null) return failed(null, 'it does not exist');
  if (unit.desiredState !== until) {
    return failed(null, `its desired state is ${unit.desiredState} now`);
  }
  const records = { ...subject, unit };
  const all = holders(records);
  if (only !== null) {
    const asked = all.filter(({ machine }) => only.includes(machine));
    if (asked.length === 0) return failed(null, `it is not on ${only.join(', ')} any more`);
    const gone = asked.find(({ machine }) => !isThere(subject, machine));
    if (gone !== undefined) return pending(`${gone.machine} is absent or away`);
    return onMachines(asked, records, until);
  }
  // A global unit keeps its place on a machine that is gone; nobody there can answer.
  const placed = subject.isGlobal ? all.filter((each) => isThere(subject, each.machine)) : all;
  const note = noteOn(all.filter((each) => !placed.includes(each)));
  if (placed.length === 0) {
    if (subject.isGlobal && !subject.hasMatchingMachine) {
      return {
        type: 'done',
        machines: [],
        hasEnded: false,
        note: note ?? 'no machine matches it',
      };
    }
    return { ...pending('not placed on any machine yet'), isUnplaced: true };
  }
  const outcome = onMachines(placed, records, until);
  return outcome.type === 'done' ? { ...outcome, note } : outcome;
}

/** What several machines together have come to: the first failure, else what is not there yet. */
function onMachines(
  assignments: readonly Assignment[],
  records: UnitRecords,
  until: 'loaded' | 'launched',
): WaitOutcome {
  let waiting: WaitOutcome | null = null;
  for (const assignment of assignments) {
    const outcome = onMachine(assignment, records, until);
    if (outcome?.type === 'failed') return outcome;
    waiting ??= outcome;
  }
  if (waiting !== null) return waiting;
  const machines = assignments.map(({ machine }) => machine).sort();
  const hasEnded =
    until === 'launched' &&
    machines.every((machine) => records.states.get(machine)?.activeState === 'inactive');
  return { type: 'done', machines, hasEnded, note: null };
}

function isThere({ machines }: WaitSubject, id: string): boolean {
  return machines.get(id)?.awaySince === null;
}

/** What is said of the machines that were not waited for. */
function noteOn(skipped: readonly Assignment[]): string | null {
  if (skipped.length === 0) return null;
  const names = skipped.map(({ machine }) => machine).sort();
  return `not waited for, because absent or away: ${names.join(', ')}`;
}

/** null: it is there on this machine. */
function onMachine(
  assignment: Assignment,
  { unit, states }: UnitRecords,
  until: 'loaded' | 'launched',
): WaitOutcome | null {
  const isUpToDate =
    assignment.hash === unit.hash &&
    assignment.desiredState === unit.desiredState &&
    hasCountsOf(unit, assignment);
  if (!isUpToDate) return pending('the scheduler has not seen the change yet');
  const state = states.get(assignment.machine);
  if (!doesAnswer(state, assignment)) {
    return pending(`${assignment.machine} has not carried it out yet`);
  }
  const failure = until === 'launched' ? failureOf(state) : refusalOf(state);
  if (failure !== null) return failed(state.machine, failure);
  return until === 'launched' ? launchedOutcome(state) : loadedOutcome(state);
}

function launchedOutcome({
  activeState,
  subState,
  result,
  machine,
}: UnitState): WaitOutcome | null {
  switch (activeState) {
    case 'active':
    case 'reloading':
    case 'refreshing':
      return null;
    case 'inactive':
      // Ran and finished, as a oneshot does; without a result nobody knows yet.
      return result === null ? pending(`inactive (${subState}) on ${machine}`) : null;
    default:
      return pending(`${activeState} (${subState}) on ${machine}`);
  }
}

function loadedOutcome({ activeState, subState, machine }: UnitState): WaitOutcome | null {
  // An active one was started by its timer, socket or another unit, not by us: that is left alone.
  return activeState === 'deactivating'
    ? pending(`${activeState} (${subState}) on ${machine}`)
    : null;
}

function failed(machine: string | null, reason: string): WaitOutcome {
  return { type: 'failed', machine, reason };
}

function pending(why: string): Extract<WaitOutcome, { type: 'pending' }> {
  return { type: 'pending', why };
}
