import { failureText, hasCountsOf, parseUnitName, rescheduleDelayMs } from '@muster/core';
import type { Assignment, PlacementFailures, Reschedule, Unit, UnitState } from '@muster/core';
import type { Model } from './model.ts';
import { answer } from './readiness.ts';

/** What this leader has seen of units with Reschedule=on-failure; another leader begins anew. */
export type Sightings = ReadonlyMap<string, Sighting>;

interface Sighting {
  /** `failed`: for good, as far as its machine goes. `up`: also when it has run to its end. */
  readonly condition: 'failed' | 'up';
  /** Which assignment, and which run, that is an answer to. */
  readonly of: string;
  /** Boot-clock ms since when this leader has seen it like that. */
  readonly since: number;
}

/** A unit that is to leave the machine on which it has failed. */
interface FailedMove {
  readonly machine: string;
  /** One phrase for people. */
  readonly reason: string;
  /** To be stored with it. */
  readonly failures: PlacementFailures;
}

export interface ReschedulePlan {
  readonly sightings: Sightings;
  readonly moves: ReadonlyMap<string, FailedMove>;
  /** Units that have been up long enough for earlier failures to be forgotten. */
  readonly forgiven: ReadonlySet<string>;
  /** Units that have failed and may not be tried anew any more, and where they are; sorted. */
  readonly givenUp: readonly { readonly unit: string; readonly machine: string }[];
  /** Boot-clock ms at which there is more to decide if nothing changes until then. */
  readonly deadlines: readonly number[];
}

const mostMachines = 64;

/**
 * Which units that have failed are to be tried elsewhere now. Pure. A delay counts from when this
 * leader first saw the failure; no clock of another machine, and no earlier leader's, has a say.
 */
export function planReschedules(
  model: Model,
  { now, before }: { readonly now: number; readonly before: Sightings },
): ReschedulePlan {
  const sightings = new Map<string, Sighting>();
  const moves = new Map<string, FailedMove>();
  const forgiven = new Set<string>();
  const givenUp: { unit: string; machine: string }[] = [];
  const deadlines: number[] = [];
  for (const name of model.failing) {
    const reschedule = model.candidates.get(name)?.requirements.reschedule ?? null;
    const copy = onlyCopy(model, name);
    if (reschedule === null || copy === null) continue;
    const { assignment, state } = copy;
    const condition = conditionOf(state);
    const failures = failuresOf(model, name);
    if (condition === null || (condition === 'up' && failures === null)) continue;
    const of = `${assignment.machine} ${assignment.modRevision} ${state.invocationId ?? ''}`;
    const seen = before.get(name);
    const isSame = seen?.condition === condition && seen.of === of;
    const sighting = isSame ? seen : { condition, of, since: now };
    sightings.set(name, sighting);
    const due = dueAt(reschedule, sighting, failures);
    if (due === null) {
      const { machine } = copy.assignment;
      if (condition === 'failed') givenUp.push({ unit: name, machine });
    } else if (now < due) deadlines.push(due);
    else if (condition === 'up') forgiven.add(name);
    else moves.set(name, moveOf({ reschedule, failures, ...copy }));
  }
  givenUp.sort((a, b) => (a.unit < b.unit ? -1 : 1));
  return { sightings, moves, forgiven, givenUp, deadlines };
}

/** Whether planReschedules has a word to say about the unit, now or later. */
export function isFailing(model: Model, name: string): boolean {
  if (model.candidates.get(name)?.requirements.reschedule == null) return false;
  const copy = onlyCopy(model, name);
  const condition = copy && conditionOf(copy.state);
  return condition === 'failed' || (condition === 'up' && failuresOf(model, name) !== null);
}

/** What is stored of a unit's failures, and still holds; null: nothing. */
export function failuresOf({ snapshot }: Model, name: string): PlacementFailures | null {
  const failures = snapshot.placements.get(name)?.failures;
  return failures?.unitRevision === snapshot.units.get(name)?.modRevision
    ? (failures ?? null)
    : null;
}

/** Boot-clock ms; null: never. */
function dueAt(
  reschedule: Reschedule,
  { condition, since }: Sighting,
  failures: PlacementFailures | null,
): number | null {
  if (condition === 'up') return failures === null ? null : since + reschedule.resetMs;
  const attempts = failures?.attempts ?? 0;
  if (attempts >= reschedule.limit) return null;
  return since + rescheduleDelayMs(reschedule, attempts);
}

interface Copy {
  readonly unit: Unit;
  readonly assignment: Assignment;
  readonly state: UnitState;
}

/** The unit where it is held, if its machine is there and has done what is wanted now; else null. */
function onlyCopy(model: Model, name: string): Copy | null {
  const { snapshot, untouchable } = model;
  const unit = snapshot.units.get(name);
  const byMachine = snapshot.assignments.get(name);
  if (unit?.desiredState !== 'launched' || byMachine === undefined) return null;
  if (untouchable.has(name) || parseUnitName(name).isTemplate) return null;
  const [assignment, ...others] = [...byMachine.values()].filter(({ role }) => role === 'holder');
  if (assignment === undefined || others.length > 0) return null;
  const isCurrent =
    assignment.hash === unit.hash &&
    assignment.incarnation === unit.createRevision &&
    assignment.desiredState === 'launched' &&
    hasCountsOf(unit, assignment);
  const state = answer(model, name, assignment.machine);
  if (!isCurrent || state === null) return null;
  // Where musterd was stopped nobody could take it away.
  const isThere = snapshot.machines.get(assignment.machine)?.awaySince === null;
  return isThere ? { unit, assignment, state } : null;
}

/** Ends of start jobs that never ran the unit, for reasons of the machine. */
const failedJobs = ['dependency', 'failed', 'timeout', 'assert', 'unsupported'];

/** null: it is neither, or nobody can tell yet. */
function conditionOf(state: UnitState): Sighting['condition'] | null {
  const { activeState, result, problem, flapping } = state;
  if (problem !== null || activeState === 'failed') return 'failed';
  if (activeState === 'active') return flapping === undefined ? 'up' : null;
  if (activeState !== 'inactive' || result === null) return null;
  if (failedJobs.includes(result)) return 'failed';
  return result === 'success' ? 'up' : null;
}

function moveOf({
  reschedule,
  failures,
  unit,
  assignment: { machine },
  state,
}: Copy & {
  readonly reschedule: Reschedule;
  readonly failures: PlacementFailures | null;
}): FailedMove {
  const attempts = (failures?.attempts ?? 0) + 1;
  const others = (failures?.machines ?? []).filter((each) => each !== machine);
  const machines = [...others, machine].slice(-mostMachines);
  const why = state.problem ?? failureText(state.result ?? state.subState, state.exit ?? null);
  const of = reschedule.limit === Infinity ? '' : ` of ${reschedule.limit}`;
  return {
    machine,
    reason: `it failed on ${machine}: ${why}; attempt ${attempts}${of}`,
    failures: { attempts, machines, unitRevision: unit.modRevision },
  };
}
