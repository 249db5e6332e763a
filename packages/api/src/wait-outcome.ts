import type { Assignment, Machine, Revision, UnitState } from '@muster/core';
import { doesAnswer, holders } from './current-state.ts';
import type { UnitRecords } from './current-state.ts';
import type { WaitTarget } from './wire.ts';

/** `machines`: where the unit is, sorted. `note`: something worth telling, else null. */
export type WaitOutcome =
  | { readonly type: 'done'; readonly machines: readonly string[]; readonly note: string | null }
  | { readonly type: 'failed'; readonly machine: string | null; readonly reason: string }
  | { readonly type: 'pending'; readonly why: string };

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
 * @param afterRevision - what the wait is about was written then; 0: not known
 */
export function waitOutcome(
  subject: WaitSubject,
  until: WaitTarget,
  afterRevision: Revision,
): WaitOutcome {
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
      return whenPlaced(subject, until);
  }
}

function whenGone({ assignments, states }: WaitSubject): WaitOutcome {
  for (const machine of assignments.keys()) return pending(`still assigned to ${machine}`);
  for (const machine of states.keys()) return pending(`still known to ${machine}`);
  return { type: 'done', machines: [], note: null };
}

function whenPlaced(subject: WaitSubject, until: 'loaded' | 'launched'): WaitOutcome {
  const { unit } = subject;
  if (unit === null) return failed(null, 'it does not exist');
  if (unit.desiredState !== until) {
    return failed(null, `its desired state is ${unit.desiredState} now`);
  }
  const all = holders({ ...subject, unit });
  // A global unit keeps its place on a machine that is gone; nobody there can answer.
  const placed = subject.isGlobal ? all.filter((each) => isThere(subject, each.machine)) : all;
  const note = noteOn(all.filter((each) => !placed.includes(each)));
  if (placed.length === 0) {
    if (subject.isGlobal && !subject.hasMatchingMachine) {
      return { type: 'done', machines: [], note: note ?? 'no machine matches it' };
    }
    return pending('not placed on any machine yet');
  }
  let waiting: WaitOutcome | null = null;
  for (const assignment of placed) {
    const outcome = onMachine(assignment, { ...subject, unit }, until);
    if (outcome?.type === 'failed') return outcome;
    waiting ??= outcome;
  }
  const machines = placed.map(({ machine }) => machine).sort();
  return waiting ?? { type: 'done', machines, note };
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
    assignment.restarts === unit.restarts;
  if (!isUpToDate) return pending('the scheduler has not seen the change yet');
  const state = states.get(assignment.machine);
  if (!doesAnswer(state, assignment)) {
    return pending(`${assignment.machine} has not carried it out yet`);
  }
  if (state.problem !== null) return failed(state.machine, state.problem);
  if (['error', 'bad-setting', 'masked'].includes(state.loadState)) {
    return failed(state.machine, `systemd says of its file: ${state.loadState}`);
  }
  return until === 'launched' ? launchedOutcome(state) : loadedOutcome(state);
}

function launchedOutcome(state: UnitState): WaitOutcome | null {
  const { activeState, subState, result, machine } = state;
  switch (activeState) {
    case 'active':
    case 'reloading':
    case 'refreshing':
      return null;
    case 'failed':
      return failed(machine, `it failed (${result ?? subState})`);
    case 'inactive':
      if (result === null) return pending(`inactive (${subState}) on ${machine}`);
      // Ran and finished, as a oneshot does.
      return result === 'success' ? null : failed(machine, `it is inactive (${result})`);
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

function pending(why: string): WaitOutcome {
  return { type: 'pending', why };
}
