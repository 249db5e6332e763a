import { parseUnitName, refusalsInShort } from '@muster/core';
import type { ClusterSnapshot, MachineVerdict, PendingUnit, Unit } from '@muster/core';
import { storedPlaces, whyPending } from './explain.ts';
import { mostForeseenReasons } from './foresee.ts';
import type { Foresight } from './foresee.ts';
import { holdsPlace } from './model.ts';

/** Units that are wanted and that no machine that is there holds; nothing is planned for this. */
export function unitsWithoutPlace(snapshot: ClusterSnapshot): Unit[] {
  const found: Unit[] = [];
  for (const unit of snapshot.units.values()) {
    const isWanted = unit.desiredState !== 'inactive';
    if (!isWanted || isHeld(snapshot, unit.name) || parseUnitName(unit.name).isTemplate) continue;
    found.push(unit);
  }
  return found;
}

function isHeld({ assignments, machines }: ClusterSnapshot, name: string): boolean {
  const byMachine = assignments.get(name);
  if (byMachine === undefined) return false;
  for (const stored of byMachine.values()) {
    if (holdsPlace(stored) && machines.has(stored.machine)) return true;
  }
  return false;
}

/** Why each of these is nowhere, in short; those that have a place after all are left out. By unit. */
export function pendingUnits(
  foresight: Foresight,
  snapshot: ClusterSnapshot,
  units: readonly Unit[],
): PendingUnit[] {
  const { untouchable } = foresight.model;
  const pending: PendingUnit[] = [];
  for (const { name } of units) {
    const places = storedPlaces(foresight, snapshot, name);
    if (places.some(({ verdict }) => verdict === 'holds')) continue;
    const machine = places.find(({ verdict }) => verdict === 'absent')?.machine ?? null;
    const unit = { name, places };
    const reason = untouchable.get(name) ?? shortReason(foresight, snapshot, unit);
    pending.push({ unit: name, machine, reason });
  }
  return pending.sort((a, b) => (a.unit < b.unit ? -1 : 1));
}

function shortReason(
  foresight: Foresight,
  snapshot: ClusterSnapshot,
  unit: { readonly name: string; readonly places: readonly MachineVerdict[] },
): string {
  const why = whyPending(foresight, snapshot, unit);
  const refusals = foresight.unplaced.get(unit.name)?.machines ?? [];
  if (refusals.length === 0) return why;
  const said = `${why}: ${refusalsInShort(refusals)}`;
  const all = foresight.model.open.length;
  if (refusals.length < mostForeseenReasons || refusals.length === all) return said;
  return `${said} (the first ${refusals.length} of ${all} were asked)`;
}
