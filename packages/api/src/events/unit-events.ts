import type { Assignment, AuditEntry, RecordChange, Unit, UnitState } from '@muster/core';
import type { AssignmentFacts, EventContent, StateFacts, UnitFacts } from './event.ts';
import { badEnd, flapsPhrase } from '../unit-failure.ts';
import { shortHash, shortId, transition } from './transition.ts';

type Change<T extends RecordChange['type']> = Extract<RecordChange, { readonly type: T }>;

/** What else a transaction did, as far as it explains one of its changes. */
export interface Transaction {
  readonly audit: readonly AuditEntry[];
  /** Machines whose presence ended in it. */
  readonly left: ReadonlySet<string>;
}

/** null: nothing that was asked for has changed. */
export function unitEvent(change: Change<'unit'>, { audit }: Transaction): EventContent | null {
  const { unit, before, after } = change;
  const details = transition(change, unitFacts);
  const common = { unit, machine: null, reason: null, details };
  if (after === null) {
    const entry = audit.find((each) => each.type === 'destroyed' && each.unit === unit);
    const origin = entry?.type === 'destroyed' ? entry.origin : null;
    const by = origin?.by ?? null;
    const text = sentence(`${unit} was destroyed`, [], by);
    return { ...common, type: 'unit-destroyed', time: origin?.at ?? null, by, text };
  }
  const { by, at: time = null } = after.origin;
  if (before === null) {
    const wish = after.desiredState === 'inactive' ? [] : [`to be ${after.desiredState}`];
    const text = sentence(`${unit} was submitted`, wish, by);
    return { ...common, type: 'unit-submitted', time, by, text };
  }
  if (details.changed.length === 0) return null;
  const machines = machinesAsked(before, after);
  const text = sentence(`${unit}:`, wishes(before, after, machines), by);
  const [only, ...others] = machines;
  const machine = only !== undefined && others.length === 0 ? only.machine : null;
  return { ...common, type: 'unit-changed', time, by, machine, text };
}

function unitFacts({ hash, desiredState, restarts, perMachine }: Unit): UnitFacts {
  return { hash, desiredState, restarts, ...(perMachine === undefined ? {} : { perMachine }) };
}

interface Asked {
  readonly machine: string;
  readonly what: 'restart' | 'start';
}

/** Machines of which something was asked that was not asked of all. */
function machinesAsked(before: Unit, after: Unit): Asked[] {
  const asked: Asked[] = [];
  for (const [machine, now] of Object.entries(after.perMachine ?? {})) {
    const then = before.perMachine?.[machine] ?? { restarts: 0, starts: 0 };
    if (now.restarts > then.restarts) asked.push({ machine, what: 'restart' });
    else if (now.starts > then.starts) asked.push({ machine, what: 'start' });
  }
  return asked.sort((a, b) => (a.machine < b.machine ? -1 : 1));
}

function wishes(before: Unit, after: Unit, machines: readonly Asked[]): string[] {
  return [
    ...contentPhrase(before, after),
    ...(before.desiredState === after.desiredState
      ? []
      : [`to be ${after.desiredState} (was ${before.desiredState})`]),
    ...(after.restarts > before.restarts ? ['restart asked for'] : []),
    ...machines.map(({ machine, what }) => `${what} asked for on ${shortId(machine)}`),
  ];
}

function contentPhrase(before: { hash: string }, after: { hash: string }): string[] {
  if (before.hash === after.hash) return [];
  return [`other content ${shortHash(after.hash)} (was ${shortHash(before.hash)})`];
}

/** null: only what is noted beside it has changed. */
export function assignmentEvent(
  change: Change<'assignment'>,
  { audit }: Transaction,
): EventContent | null {
  const { unit, machine, before, after } = change;
  const details = transition(change, assignmentFacts);
  const common = { unit, machine, by: null, details };
  const place = shortId(machine);
  if (after === null) {
    const entry = audit.find((each) => {
      return each.type === 'withdrawn' && each.unit === unit && each.machine === machine;
    });
    const withdrawn = entry?.type === 'withdrawn' ? entry : null;
    const reason = withdrawn?.reason ?? null;
    const text = because(`${unit} is taken off ${place}`, reason);
    return { ...common, type: 'unit-withdrawn', time: withdrawn?.at ?? null, reason, text };
  }
  const { reason, at: time = null } = after;
  if (before === null) {
    const as = after.role === 'holder' ? '' : ` as ${after.role}`;
    const text = because(`${unit} goes to ${place}${as}`, reason);
    return { ...common, type: 'unit-assigned', time, reason, text };
  }
  if (details.changed.length === 0) return null;
  const what = reassigned(before, after);
  const isMove = before.role !== after.role || isToEnd(before, after);
  const told = `${unit} on ${place}: ${what.join(', ')}`;
  return {
    ...common,
    type: 'unit-reassigned',
    time,
    // Otherwise it is still the reason of the role, and not of this change.
    reason: isMove ? reason : null,
    text: isMove ? because(told, reason) : told,
  };
}

function assignmentFacts(assignment: Assignment): AssignmentFacts {
  const { hash, desiredState, restarts, starts, role, incarnation } = assignment;
  const more = starts === undefined ? {} : { starts };
  return { hash, desiredState, restarts, ...more, role, incarnation };
}

function isToEnd(before: Assignment, after: Assignment): boolean {
  return after.isLeaving === true && before.isLeaving !== true;
}

function reassigned(before: Assignment, after: Assignment): string[] {
  if (isToEnd(before, after)) return ['to end there first'];
  const what = [
    ...(before.role === after.role ? [] : [`now ${after.role} (was ${before.role})`]),
    ...contentPhrase(before, after),
    ...(before.desiredState === after.desiredState
      ? []
      : [`to be ${after.desiredState} (was ${before.desiredState})`]),
    ...(after.restarts > before.restarts ? ['to be restarted'] : []),
    ...((after.starts ?? 0) > (before.starts ?? 0) ? ['to be started where it is down'] : []),
  ];
  return what.length > 0 ? what : ['as the unit that was made anew'];
}

/** null: systemd says the same as before. */
export function stateEvent(change: Change<'state'>, { left }: Transaction): EventContent | null {
  const { unit, machine, before, after } = change;
  const details = transition(change, stateFacts);
  const common = { type: 'unit-state' as const, unit, machine, by: null, details };
  const place = `${unit} on ${shortId(machine)}`;
  if (after === null) {
    const was = before === null ? '' : ` (was ${before.activeState})`;
    const reason = left.has(machine) ? 'the machine is gone' : null;
    const what = reason === null ? 'no longer there' : `not known any more, ${reason}`;
    return { ...common, time: null, reason, text: `${place}: ${what}${was}` };
  }
  if (before !== null && !isNews(before, after)) return null;
  const reason = after.problem ?? badEnd(after) ?? flapsPhrase(after);
  const hasBegun = before === null || before.since !== after.since;
  const text = because(`${place}: ${stateWords(before, after)}`, reason);
  return { ...common, time: hasBegun ? after.since : null, reason, text };
}

function stateFacts(state: UnitState): StateFacts {
  const { loadState, activeState, subState, result, exit, flapping } = state;
  const { problem, invocationId, hash, since } = state;
  return {
    loadState,
    activeState,
    subState,
    result,
    ...(exit === undefined ? {} : { exit }),
    ...(flapping === undefined ? {} : { flapping }),
    problem,
    invocationId,
    hash,
    since,
  };
}

/** Becoming known is no change: a result or an invocation that muster was only late to learn. */
function isNews(before: UnitState, after: UnitState): boolean {
  return (
    before.loadState !== after.loadState ||
    before.activeState !== after.activeState ||
    before.subState !== after.subState ||
    before.problem !== after.problem ||
    before.hash !== after.hash ||
    badEnd(before) !== badEnd(after) ||
    (before.flapping === undefined) !== (after.flapping === undefined) ||
    ranAgain(before, after)
  );
}

function ranAgain(before: UnitState, after: UnitState): boolean {
  const then = before.invocationId;
  return then !== null && after.invocationId !== null && then !== after.invocationId;
}

function stateWords(before: UnitState | null, after: UnitState): string {
  const now = shown(after);
  if (before === null) return now;
  const was = shown(before) === now ? '' : `, was ${shown(before)}`;
  const again = ranAgain(before, after) && before.activeState === after.activeState;
  const content = contentPhrase(before, after).map((phrase) => `, ${phrase}`);
  return `${now}${was}${again ? ', ran anew' : ''}${content.join('')}`;
}

function shown({ loadState, activeState, subState }: UnitState): string {
  const load = loadState === 'loaded' ? '' : `${loadState}, `;
  return `${load}${activeState} (${subState})`;
}

function sentence(subject: string, phrases: readonly string[], by: string | null): string {
  const whose = by === null ? [] : [`by ${by}`];
  const [first, ...rest] = [...phrases, ...whose];
  if (first === undefined) return subject;
  const isOpen = subject.endsWith(':') || phrases.length === 0;
  return [`${subject}${isOpen ? ' ' : ', '}${first}`, ...rest].join(', ');
}

function because(text: string, reason: string | null): string {
  return reason === null ? text : `${text}: ${reason}`;
}
