import type { PortClaim } from '@muster/core';
import { isOlder } from './eligibility.ts';
import type { Candidate, Host } from './eligibility.ts';
import type { Model } from './model.ts';
import { readTaker } from './other-content.ts';
import { presentState } from './readiness.ts';
import { hasPort, portPhrase, portTaken } from './resources.ts';

/**
 * Why a unit cannot stay on a machine for want of a port that another one there has by its content;
 * null: it can. Who is up with the port stays; when both are, or both are known not to be, the older
 * one. What another one has only until it is restarted makes nobody leave.
 */
export function portConflictOn(model: Model, unit: Candidate, host: Host): string | null {
  const taken = portTaken(host.ledger, unit, {
    counts: (name, claim) => {
      const other = host.residents.get(name);
      if (other === undefined || !hasPort(other.requirements.resources, claim)) return false;
      const theirs = isUpWith(model, host, { name, claim });
      const ours = isUpWith(model, host, { name: unit.name, claim });
      if (theirs === ours) return theirs !== null && isOlder(other, unit);
      return theirs === true;
    },
  });
  return taken && portPhrase(taken.claim, taken.by, false);
}

/** Whether a unit is up on a machine with content that has the port; null: nobody knows. */
export function isUpWith(
  model: Model,
  host: Host,
  { name, claim }: { readonly name: string; readonly claim: PortClaim },
): boolean | null {
  const state = presentState(model, name, host.id);
  if (state === null) return null;
  if (['inactive', 'failed'].includes(state.activeState)) return false;
  const ran = readTaker(name, model.snapshot.files.get(state.hash));
  return ran === null ? null : hasPort(ran.requirements.resources, claim);
}
