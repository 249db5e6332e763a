import { hasCountsOf } from '@muster/core';
import type { Unit, UnitRegistry } from '@muster/core';
import { doesAnswer, holders } from './current-state.ts';
import type { UnitRecords } from './current-state.ts';
import { failureOf } from './unit-failure.ts';

/** Where a stored unit is, as far as a request for it needs that. */
export interface UnitPlaces {
  /** Machines that hold it. */
  readonly holders: ReadonlySet<string>;
  /** Those of them that answered what is wanted now with a failure. */
  readonly failed: ReadonlySet<string>;
}

export const nowhere: UnitPlaces = { holders: new Set(), failed: new Set() };

/** Beyond this many units a picture of the whole cluster is cheaper. */
const maxPointReads = 10;
/** How long the picture may take to show what was just read of the units. */
const catchUpMs = 5000;

const none: ReadonlyMap<string, never> = new Map<string, never>();

/**
 * What the records say of a unit. An assignment that does not say yet what is wanted of the unit
 * has no failures: what is wanted is still to be tried.
 * @param records - of which `unit` may be newer than the others, but not of another incarnation
 */
export function placesOf(records: UnitRecords): UnitPlaces {
  const { unit, states } = records;
  const held = holders(records);
  const failed = held.filter((assignment) => {
    const state = states.get(assignment.machine);
    const isUpToDate =
      assignment.hash === unit.hash &&
      assignment.desiredState === unit.desiredState &&
      hasCountsOf(unit, assignment);
    return isUpToDate && doesAnswer(state, assignment) && failureOf(state) !== null;
  });
  return {
    holders: new Set(held.map(({ machine }) => machine)),
    failed: new Set(failed.map(({ machine }) => machine)),
  };
}

/**
 * Reads where units are: what becomes of them by themselves does not change `unit/<name>`, so a
 * write that is decided from this may come a moment late. It then asks for what is done already.
 * @param units - as they were just read
 */
export async function readPlaces(
  registry: UnitRegistry,
  units: readonly Unit[],
): Promise<ReadonlyMap<string, UnitPlaces>> {
  if (units.length > maxPointReads) return placesInView(registry, units);
  const details = await Promise.all(units.map(({ name }) => registry.detail(name)));
  const places = new Map<string, UnitPlaces>();
  for (const [i, unit] of units.entries()) {
    const detail = details[i];
    if (detail == null) continue;
    const assignments = new Map(detail.assignments.map((each) => [each.machine, each]));
    const states = new Map(detail.states.map((each) => [each.machine, each]));
    places.set(unit.name, placesOf({ unit, assignments, states }));
  }
  return places;
}

async function placesInView(
  registry: UnitRegistry,
  units: readonly Unit[],
): Promise<ReadonlyMap<string, UnitPlaces>> {
  const view = await registry.cluster();
  const latest = units.reduce((max, { modRevision }) => Math.max(max, modRevision), 0);
  const snapshot = await view.atLeast(latest, catchUpMs);
  return new Map(
    units.map((unit) => {
      const assignments = snapshot.assignments.get(unit.name) ?? none;
      const states = snapshot.states.get(unit.name) ?? none;
      return [unit.name, placesOf({ unit, assignments, states })];
    }),
  );
}
