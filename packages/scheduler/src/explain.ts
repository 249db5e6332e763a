import { parseUnitName } from '@muster/core';
import type {
  Assignment,
  ClusterSnapshot,
  Explanation,
  MachineVerdict,
  PlacementChange,
  Unit,
} from '@muster/core';
import type { Candidate, Host } from './eligibility.ts';
import { failureNote } from './explain-failure.ts';
import type { Foresight } from './foresee.ts';
import { describeLoad } from './load.ts';
import { holdsPlace } from './model.ts';
import { refusal } from './refusal.ts';

/** Pure. null: nothing is stored of such a unit. */
export function explainUnit(
  foresight: Foresight,
  snapshot: ClusterSnapshot,
  name: string,
): Explanation | null {
  const { untouchable } = foresight.model;
  const unit = snapshot.units.get(name);
  const corrupt = untouchable.get(name);
  const places = storedPlaces(foresight, snapshot, name);
  const stored = { unit: name, notes: [], machines: byMachine(places) };
  if (corrupt !== undefined) {
    const reason = `${corrupt}; it is left exactly as it is`;
    return { ...stored, status: 'unreadable', reason };
  }
  if (unit === undefined) {
    if (places.length === 0) return null;
    return { ...stored, status: 'inactive', reason: 'it was destroyed and has still to end' };
  }
  if (parseUnitName(name).isTemplate) {
    return { ...stored, status: 'template', reason: 'a template does not run, its instances do' };
  }
  if (unit.desiredState === 'inactive') {
    const reason = `nobody wants it: ${unit.origin.by} has it inactive`;
    return { ...stored, status: 'inactive', reason };
  }
  return explainWanted(foresight, snapshot, { unit, places });
}

function explainWanted(
  foresight: Foresight,
  snapshot: ClusterSnapshot,
  { unit, places }: { readonly unit: Unit; readonly places: readonly MachineVerdict[] },
): Explanation {
  const { name } = unit;
  const candidate = foresight.model.candidates.get(name);
  const others = candidate === undefined ? [] : otherPlaces(foresight, candidate, places);
  const machines = byMachine([...places, ...others]);
  const holders = machines.filter(({ verdict }) => verdict === 'holds');
  const isGlobal = candidate?.requirements.isGlobal === true;
  const notes = notesOn(foresight, snapshot, { unit, candidate: candidate ?? null, holders });
  const [holder] = holders;
  if (holder === undefined) {
    const reason = whyPending(foresight, snapshot, { name, places });
    return { unit: name, status: 'pending', reason, notes, machines };
  }
  const reason = isGlobal
    ? `it is global, and on ${holders.length} of ${foresight.model.hosts.size} machines`
    : `it is on ${holder.machine}: ${holder.reason}`;
  return { unit: name, status: 'placed', reason, notes, machines };
}

/** Why a unit that is wanted is on no machine that is there, one phrase. @param places - its own */
export function whyPending(
  { held, unplaced }: Foresight,
  { brake, leader }: ClusterSnapshot,
  { name, places }: { readonly name: string; readonly places: readonly MachineVerdict[] },
): string {
  const absent = places.find(({ verdict }) => verdict === 'absent');
  const taker = places.find(({ verdict }) => verdict === 'takes');
  const gone = absent === undefined ? '' : `its machine ${absent.machine} is absent`;
  if (absent !== undefined && held.has(absent.machine)) {
    return `${gone} and the brake is on (${brake?.reason ?? ''}): it stays there until it is back or its loss is accepted`;
  }
  const entry = unplaced.get(name);
  if (entry !== undefined) {
    return gone === '' || entry.reason.includes(gone) ? entry.reason : `${gone}; ${entry.reason}`;
  }
  if (leader === null) return 'there is no leader, and nothing is placed until there is one';
  if (taker === undefined) return gone === '' ? 'the leader has not decided yet' : gone;
  if (gone === '') return `the leader is about to put it on ${taker.machine}`;
  return `${gone}; it goes to ${taker.machine} when the leader has seen that for long enough`;
}

/** Machines that have something of the unit, or are to get it. */
export function storedPlaces(
  { model, plan, changes, unplaced }: Foresight,
  { assignments }: ClusterSnapshot,
  name: string,
): MachineVerdict[] {
  const change = changes.get(name) ?? null;
  const current = assignments.get(name) ?? new Map<string, Assignment>();
  const places = [...current.values()].map((stored): MachineVerdict => {
    const { machine, role } = stored;
    const leaving = isThere(model, machine) ? leavingReason(stored, change) : null;
    if (leaving !== null) return { machine, verdict: 'leaves', reason: leaving };
    const isAbsent = model.absent.has(machine);
    if (role === 'released') {
      const reason = `${stored.reason}: a copy runs on until it is up elsewhere`;
      return { machine, verdict: 'released', reason };
    }
    return { machine, verdict: isAbsent ? 'absent' : 'holds', reason: stored.reason };
  });
  for (const { machine, role, reason, isLeaving } of change?.assign ?? []) {
    const held = current.get(machine);
    const isNew = role === 'holder' && isLeaving !== true;
    if (isNew && (held === undefined || !holdsPlace(held))) {
      places.push({ machine, verdict: 'takes', reason });
    }
  }
  const to = plan.underway.get(name)?.to ?? null;
  if (to !== null && !places.some(({ machine }) => machine === to)) {
    const reason = unplaced.get(name)?.reason ?? 'it waits for others to end there';
    places.push({ machine: to, verdict: 'takes', reason });
  }
  return places;
}

function isThere({ absent }: Foresight['model'], machine: string): boolean {
  return !absent.has(machine);
}

/** Why the unit is to end on a machine; null: it is not. */
function leavingReason(stored: Assignment, change: PlacementChange | null): string | null {
  if (stored.isLeaving === true) return stored.reason;
  const withdrawn = change?.withdraw.find(({ machine }) => machine === stored.machine);
  if (withdrawn !== undefined) return withdrawn.reason;
  const next = change?.assign.find(({ machine }) => machine === stored.machine);
  return next?.isLeaving === true ? next.reason : null;
}

/** What machines that have nothing of the unit say of it. */
function otherPlaces(
  { model, unplaced }: Foresight,
  unit: Candidate,
  places: readonly MachineVerdict[],
): MachineVerdict[] {
  const known = new Set(places.map(({ machine }) => machine));
  const said = new Map(
    (unplaced.get(unit.name)?.machines ?? []).map(({ machine, reason }) => [machine, reason]),
  );
  const others: MachineVerdict[] = [...model.obscure]
    .filter((machine) => !known.has(machine))
    .map((machine) => {
      return { machine, verdict: 'unreadable', reason: 'its record does not parse' };
    });
  const open = new Set(model.open.map(({ id }) => id));
  for (const host of model.hosts.values()) {
    if (known.has(host.id)) continue;
    if (!open.has(host.id)) {
      others.push({ machine: host.id, verdict: 'away', reason: 'musterd was stopped there' });
      continue;
    }
    const reason = said.get(host.id) ?? refusal({ model }, unit, host);
    others.push(
      reason === null
        ? { machine: host.id, verdict: 'able', reason: ableReason(host) }
        : { machine: host.id, verdict: 'refuses', reason },
    );
  }
  return others;
}

function ableReason(host: Host): string {
  const load = describeLoad(host);
  return `it could run there as well${load === null ? '' : ` (${load})`}`;
}

function notesOn(
  { model, plan }: Foresight,
  snapshot: ClusterSnapshot,
  {
    unit,
    candidate,
    holders,
  }: {
    readonly unit: Unit;
    readonly candidate: Candidate | null;
    readonly holders: readonly MachineVerdict[];
  },
): string[] {
  const notes: string[] = [];
  for (const { machine } of holders) {
    const failure = candidate && failureNote(model, candidate, machine);
    if (failure !== null) notes.push(failure);
    if (snapshot.machines.get(machine)?.awaySince != null) {
      notes.push(`musterd was stopped on ${machine}: nobody watches it there`);
    }
  }
  for (const circle of plan.circles) {
    if (!circle.includes(unit.name)) continue;
    const others = circle.filter((other) => other !== unit.name).join(', ');
    notes.push(`Replaces= has no effect between it and ${others}: they replace each other`);
  }
  if (snapshot.leader === null && holders.length > 0) {
    notes.push('there is no leader: nothing is moved until there is one');
  }
  return notes;
}

function byMachine(verdicts: readonly MachineVerdict[]): MachineVerdict[] {
  return [...verdicts].sort((a, b) => (a.machine < b.machine ? -1 : 1));
}
