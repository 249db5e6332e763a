import type { Assignment } from '@muster/core';
import { isForgotten } from './draft.ts';
import type { Draft, Wanted } from './draft.ts';
import { settle, shortfall, vacate } from './eligibility.ts';
import type { Candidate, Host } from './eligibility.ts';
import { hasFailed, isReady, presentState } from './readiness.ts';
import { refusal } from './refusal.ts';

/**
 * A released copy keeps its record as long as it may run: while its machine is absent, and until that
 * says that it does not run (any more). A released copy is never started, so nothing is lost then.
 */
export function keepReleased(draft: Draft, wanted: Wanted, assignment: Assignment): void {
  const { unit, machine } = assignment;
  const leaves = (reason: string): void => void draft.left.set(`${unit} on ${machine}`, reason);
  if (!draft.model.hosts.has(machine)) {
    if (isForgotten(draft, machine)) return leaves('its machine was forgotten');
  } else if (isDown(draft, unit, machine)) return leaves('it does not run there any more');
  wanted.set(machine, assignment);
}

function isDown({ model }: Draft, unit: string, machine: string): boolean {
  const state = presentState(model, unit, machine);
  return state !== null && ['inactive', 'failed'].includes(state.activeState);
}

/**
 * What becomes of released copies of a unit whose holder is on a machine that is there: nothing while
 * musterd is stopped on that, for what it said last may be over, and it could end nothing.
 */
export function settleReleased(
  draft: Draft,
  { unit, wanted, holder }: { unit: Candidate; wanted: Wanted; holder: string },
): void {
  const released = [...wanted.values()].filter(({ role }) => role === 'released');
  if (released.length === 0 || openHost(draft, holder) === null) return;
  if (draft.held.has(unit.name)) return;
  if (isReady(draft.model, unit.name, holder)) {
    for (const { machine } of released) wanted.delete(machine);
    return;
  }
  if (!hasFailed(draft.model, unit.name, holder)) return;
  const runs = released.find(({ machine }) => canTakeBack(draft, unit, machine));
  if (runs !== undefined) giveBack(draft, { unit, wanted, from: holder, to: runs.machine });
}

function canTakeBack(draft: Draft, unit: Candidate, machine: string): boolean {
  const host = openHost(draft, machine);
  const state = presentState(draft.model, unit.name, machine);
  if (host === null || state?.activeState !== 'active') return false;
  return refusal(draft, unit, host) === null && shortfall(unit, host) === null;
}

function openHost({ model }: Draft, machine: string): Host | null {
  const host = model.hosts.get(machine);
  return host === undefined || host.rank < 0 ? null : host;
}

/** A copy that runs is better than one that does not: it is the holder again. */
function giveBack(
  draft: Draft,
  { unit, wanted, from, to }: { unit: Candidate; wanted: Wanted; from: string; to: string },
): void {
  const { hosts } = draft.model;
  const [failed, runs] = [hosts.get(from), hosts.get(to)];
  if (failed !== undefined) vacate(failed, unit.name);
  if (runs !== undefined) settle(runs, unit);
  wanted.delete(from);
  wanted.set(to, { machine: to, role: 'holder', reason: `it runs there and failed on ${from}` });
  draft.left.set(`${unit.name} on ${from}`, `it failed there and runs on ${to}`);
}
