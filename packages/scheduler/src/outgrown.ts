import { amountOn } from '@muster/core';
import type { Assignment, Resources } from '@muster/core';
import { assignmentsOf, leave } from './draft.ts';
import type { Draft } from './draft.ts';
import { isOlder } from './eligibility.ts';
import type { Candidate, Host } from './eligibility.ts';
import { movesElsewhere } from './make-room.ts';
import { readTaker } from './other-content.ts';
import { isUpWith } from './port-conflict.ts';
import { leaveFor } from './place.ts';
import { hasPort, portPhrase, portTaken, shortage } from './resources.ts';

/**
 * A unit whose new content asks for more than its machine has left goes where there is more, if
 * there is such a machine; otherwise it stays, for it is better there than nowhere. One that now wants a
 * port that another unit there has leaves in any case: it could not run there.
 */
export function moveOutgrown(
  draft: Draft,
  { unit, host, stored }: { unit: Candidate; host: Host; stored: Assignment },
): void {
  const { resources } = unit.requirements;
  if (resources === null || !hasChanged(draft, unit.name, stored)) return;
  const before = resourcesBefore(draft, stored);
  if (before === undefined) return;
  const clash = portClash(draft, { unit, host, before });
  const reason = clash ?? lack(draft, { unit, host, before });
  if (reason === null) return;
  const moves = movesElsewhere(draft, unit, host);
  if (moves === null) {
    if (clash !== null) leave(draft, { unit, host, reason });
    return;
  }
  for (const move of moves) {
    const why = move.unit === unit ? reason : `follows ${unit.name}`;
    leaveFor(draft, { ...move, host, reason: why });
  }
}

function hasChanged({ model }: Draft, name: string, stored: Assignment): boolean {
  return model.snapshot.units.get(name)?.hash !== stored.hash;
}

/**
 * Of several units that want a port at once the oldest stays; who had it before, or runs with it,
 * stays in any case.
 */
function portClash(
  draft: Draft,
  { unit, host, before }: { unit: Candidate; host: Host; before: Resources | null },
): string | null {
  const { resources } = unit.requirements;
  if (resources === null) return null;
  const ports = resources.ports.filter((port) => !hasPort(before, port));
  const counts = (name: string): boolean => {
    const other = host.residents.get(name);
    if (other === undefined || isOlder(other, unit)) return true;
    const stored = draft.model.snapshot.assignments.get(name)?.get(host.id);
    const theirs = stored === undefined ? null : resourcesBefore(draft, stored);
    return ports.some(
      (claim) =>
        hasPort(theirs ?? null, claim) || isUpWith(draft.model, host, { name, claim }) === true,
    );
  };
  const asked = { name: unit.name, requirements: { resources: { ...resources, ports } } };
  const taken = portTaken(host.ledger, asked, { counts });
  return taken && portPhrase(taken.claim, taken.by, !host.residents.has(taken.by));
}

/** Of several units that grew at once the oldest are let grow. */
function lack(
  draft: Draft,
  { unit, host, before }: { unit: Candidate; host: Host; before: Resources | null },
): string | null {
  const { resources } = unit.requirements;
  if (resources === null) return null;
  const had = (kind: string): number => {
    const need = before?.needs.find((each) => each.kind === kind);
    return need === undefined ? 0 : amountOn(host.ledger.total, need);
  };
  const needs = resources.needs.filter(
    (need) => amountOn(host.ledger.total, need) > had(need.kind),
  );
  const isSameCpus = resources.allowedCpus?.option === before?.allowedCpus?.option;
  const allowedCpus = isSameCpus ? null : resources.allowedCpus;
  const younger = [...host.residents.values()]
    .filter((other) => isOlder(unit, other) && isChangedOn(draft, other.name, host))
    .map(({ name }) => name);
  const asked = {
    name: unit.name,
    requirements: { resources: { ...resources, needs, allowedCpus } },
  };
  return shortage(host.ledger, asked, new Set(younger));
}

function isChangedOn(draft: Draft, name: string, host: Host): boolean {
  const stored = assignmentsOf(draft, name).find(({ machine }) => machine === host.id);
  return stored !== undefined && hasChanged(draft, name, stored);
}

/** What it took by its content before; undefined: nobody knows any more. */
function resourcesBefore(
  { model }: Draft,
  { unit, hash }: Assignment,
): Resources | null | undefined {
  const taker = readTaker(unit, model.snapshot.files.get(hash));
  return taker === null ? undefined : taker.requirements.resources;
}
