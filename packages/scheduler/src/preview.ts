import type {
  Assignment,
  ClusterSnapshot,
  Explainer,
  Explanation,
  MachineVerdict,
  Placement,
  PlacementChange,
  Preview,
  SideEffect,
} from '@muster/core';
import { explainUnit } from './explain.ts';
import { foresee } from './foresee.ts';
import type { Foresight } from './foresee.ts';
import { holdsPlace } from './model.ts';
import type { CandidateCache } from './model.ts';

/** What was asked for, as it would be stored. */
export type Asked = Parameters<Explainer['preview']>[1];

/** More plans in a row than any cluster needs that only has to wait for units to end. */
const mostPlans = 12;

/** A cluster when everything that was decided has been carried out. */
interface Rest {
  readonly snapshot: ClusterSnapshot;
  readonly foresight: Foresight;
}

/**
 * What would become of units if they were stored like this. Pure: the plans of the leader are
 * carried out on a copy, and what is to end somewhere has ended, until nothing changes any more.
 */
export function previewUnits(
  snapshot: ClusterSnapshot,
  asked: Asked,
  cache: CandidateCache,
): Preview {
  const names = new Set([...asked.units.map(({ name }) => name), ...asked.destroyed]);
  const before = comeToRest(snapshot, cache, new Set());
  const after = comeToRest(withUnits(snapshot, asked), cache, names);
  return {
    units: asked.units.flatMap(({ name }) => {
      const said = explainUnit(after.foresight, after.snapshot, name);
      return said === null ? [] : [withNews(said, snapshot, name)];
    }),
    others: sideEffects(before, after, names),
  };
}

/** The cluster as it is asked for, as nobody has acted on it yet. */
function withUnits(snapshot: ClusterSnapshot, { units, files, destroyed }: Asked): ClusterSnapshot {
  const wanted = new Map(snapshot.units);
  for (const name of destroyed) wanted.delete(name);
  for (const unit of units) wanted.set(unit.name, unit);
  return { ...snapshot, units: wanted, files: new Map([...files, ...snapshot.files]) };
}

/** @param askAll - see foresee */
function comeToRest(
  snapshot: ClusterSnapshot,
  cache: CandidateCache,
  askAll: ReadonlySet<string>,
): Rest {
  let now = snapshot;
  let foresight = foresee(now, cache, { askAll });
  for (let plans = 1; plans < mostPlans && foresight.plan.changes.length > 0; plans += 1) {
    now = carryOut(now, foresight.plan.changes);
    foresight = foresee(now, cache, { underway: foresight.plan.underway, askAll });
  }
  return { snapshot: now, foresight };
}

/** The snapshot after changes were written, and what is to end or is given up has ended. */
function carryOut(snapshot: ClusterSnapshot, changes: readonly PlacementChange[]): ClusterSnapshot {
  const assignments = new Map(snapshot.assignments);
  const placements = new Map(snapshot.placements);
  const states = new Map(snapshot.states);
  for (const { unit, assign, withdraw, placement } of changes) {
    const byMachine = new Map(snapshot.assignments.get(unit));
    for (const { machine } of withdraw) byMachine.delete(machine);
    for (const each of assign) byMachine.set(each.machine, writtenAssignment(each, snapshot));
    for (const stored of byMachine.values()) {
      if (stored.isLeaving === true) byMachine.delete(stored.machine);
    }
    setOrDelete(assignments, unit, byMachine);
    const reported = [...(states.get(unit) ?? [])].filter(([machine]) => byMachine.has(machine));
    setOrDelete(states, unit, new Map(reported));
    const kept = placement && placementWithout(placement, byMachine, snapshot.revision);
    if (kept === null) placements.delete(unit);
    else placements.set(unit, kept);
  }
  return { ...snapshot, assignments, placements, states };
}

function writtenAssignment(
  assignment: Omit<Assignment, 'modRevision'>,
  { revision }: ClusterSnapshot,
): Assignment {
  return { ...assignment, modRevision: revision + 1 };
}

function placementWithout(
  placement: Omit<Placement, 'modRevision'>,
  byMachine: ReadonlyMap<string, Assignment>,
  revision: number,
): Placement {
  const machines = placement.machines.filter(({ machine }) => byMachine.has(machine));
  return { ...placement, machines, modRevision: revision + 1 };
}

function setOrDelete<T>(
  map: Map<string, ReadonlyMap<string, T>>,
  name: string,
  inner: ReadonlyMap<string, T>,
): void {
  if (inner.size === 0) map.delete(name);
  else map.set(name, inner);
}

/** What it would come to hold is told apart from what it holds already. */
function withNews(said: Explanation, { assignments }: ClusterSnapshot, name: string): Explanation {
  const current = assignments.get(name);
  const isNews = ({ machine, verdict }: MachineVerdict): boolean => {
    const stored = current?.get(machine);
    return verdict === 'holds' && (stored === undefined || !holdsPlace(stored));
  };
  const machines = said.machines.map((each): MachineVerdict => {
    return isNews(each) ? { ...each, verdict: 'takes' } : each;
  });
  return { ...said, machines };
}

function sideEffects(before: Rest, after: Rest, asked: ReadonlySet<string>): SideEffect[] {
  const names = new Set([
    ...before.snapshot.assignments.keys(),
    ...after.snapshot.assignments.keys(),
  ]);
  const effects: SideEffect[] = [];
  for (const name of names) {
    if (asked.has(name)) continue;
    const was = placesOf(before, name);
    const is = placesOf(after, name);
    if (was.size === is.size && [...was.keys()].every((machine) => is.has(machine))) continue;
    const leaves = [...was.keys()].filter((machine) => !is.has(machine)).sort();
    const takes = [...is.keys()].filter((machine) => !was.has(machine)).sort();
    const reason =
      (takes[0] === undefined ? undefined : is.get(takes[0])) ??
      after.foresight.unplaced.get(name)?.reason ??
      'it is not wanted there any more';
    effects.push({ unit: name, leaves, takes, reason });
  }
  return effects.sort((a, b) => (a.unit < b.unit ? -1 : 1));
}

/** machine → why it is there */
function placesOf({ snapshot: { assignments } }: Rest, name: string): Map<string, string> {
  const stored = [...(assignments.get(name)?.values() ?? [])].filter(holdsPlace);
  return new Map(stored.map(({ machine, reason }) => [machine, reason]));
}
