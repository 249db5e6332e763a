import type { ClusterSnapshot } from '@muster/core';
import { endLingering, linger, settle, vacate } from './eligibility.ts';
import type { Candidate, Host } from './eligibility.ts';
import { holdsPlace } from './model.ts';
import { bookOtherContent } from './other-content.ts';

/**
 * Brings up to date what a machine holds of a unit, and what runs there without a place or with other
 * content than it has.
 * @param unit - undefined: it cannot be read, or is none
 */
export function noteWhatRuns(
  host: Host,
  snapshot: ClusterSnapshot,
  { name, unit }: { readonly name: string; readonly unit: Candidate | undefined },
): void {
  const assignment = snapshot.assignments.get(name)?.get(host.id);
  const isKnown = assignment !== undefined || snapshot.states.get(name)?.has(host.id) === true;
  const holds = assignment !== undefined && holdsPlace(assignment) && unit !== undefined;
  if (holds) settle(host, unit);
  else vacate(host, name);
  if (isKnown && !holds) linger(host, name, unit ?? null);
  else endLingering(host, name);
  bookOtherContent(host.ledger, snapshot, { unit: name, machine: host.id });
  host.index.reweigh(host);
}

/** Whether what is stored there is of other content than the unit has. */
export function hasOtherContent(
  { units, assignments, states }: ClusterSnapshot,
  name: string,
  machine: string,
): boolean {
  const present = units.get(name)?.hash;
  return [assignments, states].some((records) => {
    const hash = records.get(name)?.get(machine)?.hash;
    return hash !== undefined && hash !== present;
  });
}
