import type { Machine, MachineSettings, Metadata } from '@muster/core';
import type { Host } from './eligibility.ts';
import { book, openLedger } from './resources.ts';
import type { Ledger } from './resources.ts';

/** A host as the one who keeps it has it. */
export type OwnHost = Host & { metadata: Metadata; ledger: Ledger };

export function emptyHost(
  { id, capacity }: Machine,
  { index, tallies }: Pick<Host, 'index' | 'tallies'>,
): OwnHost {
  return {
    id,
    index,
    tallies,
    rank: -1,
    metadata: {},
    residents: new Map(),
    picky: new Map(),
    expected: new Set(),
    lingering: new Map(),
    lingeringPicky: new Map(),
    ledger: openLedger(capacity),
  };
}

/** The books of a machine whose capacity may be another now, with all that is in them. */
export function ledgerOf({ capacity }: Machine, { ledger }: Host): Ledger {
  const fresh = openLedger(capacity);
  for (const { unit, reasons } of ledger.takings.values()) {
    for (const [reason, resources] of reasons) {
      book(fresh, reason, { name: unit, requirements: { resources } });
    }
  }
  return fresh;
}

/** The machine's own metadata with the operator's settings laid over it. */
export function effectiveMetadata(
  machine: Machine,
  settings: MachineSettings | undefined,
): Metadata {
  const merged: Record<string, string> = { ...machine.metadata };
  for (const [key, value] of Object.entries(settings?.metadata ?? {})) {
    if (value === null) delete merged[key];
    else merged[key] = value;
  }
  return merged;
}
