import type { ClusterSnapshot } from '@muster/core';
import { parseRequirements, parseUnitFile, UnitFileSyntaxError } from '@muster/core';
import { book, unbook } from './resources.ts';
import type { Ledger, Taker } from './resources.ts';

/**
 * What a unit takes by content that need not be its present one; null: that cannot be told.
 * @param text - undefined: it is not stored (any more)
 */
export function readTaker(name: string, text: string | undefined): Taker | null {
  // Most units take nothing, and need not be parsed.
  if (text === undefined || !/^(?:Memory|CPU|Disk|Tasks|Allowed|Ports|Listen)\w*=/m.test(text)) {
    return text === undefined ? null : { name, requirements: { resources: null } };
  }
  try {
    return { name, requirements: parseRequirements(parseUnitFile(text), name).requirements };
  } catch (error) {
    if (error instanceof UnitFileSyntaxError) return null;
    throw error;
  }
}

/**
 * Notes what a unit takes of a machine by content that it does not have any more: that of its
 * assignment there, and that with which it runs there. Of a unit that was destroyed that is all.
 */
export function bookOtherContent(
  ledger: Ledger,
  { units, files, assignments, states }: ClusterSnapshot,
  { unit, machine }: { readonly unit: string; readonly machine: string },
): void {
  const present = units.get(unit)?.hash;
  for (const [reason, records] of [
    ['assigned', assignments],
    ['running', states],
  ] as const) {
    const hash = records.get(unit)?.get(machine)?.hash;
    const isOther = hash !== undefined && hash !== present;
    const taker = isOther ? readTaker(unit, files.get(hash)) : null;
    if (taker === null) unbook(ledger, reason, unit);
    else book(ledger, reason, taker);
  }
}
