import type { DesiredState, Revision, Unit, UnitWrite } from '@muster/core';

/** A launched unit was made `loaded` by a PUT through this server. */
export interface Lowering {
  /** The unit's, as that PUT wrote it. */
  readonly revision: Revision;
  /** When a GET first found it carried out, in ms of the boot clock; null: none has. */
  readonly doneSince: number | null;
}

/** What a GET of the unit has found. */
export interface Found {
  readonly modRevision: Revision;
  /** How far the unit has come in fleet's words. */
  readonly currentState: DesiredState;
  /** The machine that has the unit has answered: it is `loaded` there. */
  readonly isDone: boolean;
  /** Milliseconds of the boot clock. */
  readonly now: number;
}

export interface Shown {
  /** null: none. */
  readonly currentState: DesiredState | null;
  /** For the next GET; null: nobody has to be shown anything but what is. */
  readonly lowering: Lowering | null;
}

/** Twice the 250 ms at which fleetctl asks, so that it asks within this time whoever asked first. */
const stillLaunchedMs = 500;

export function isLowering(before: Unit | null, { set }: UnitWrite): boolean {
  return before?.desiredState === 'launched' && set?.desiredState === 'loaded';
}

/**
 * What a GET says of a unit that was lowered. fleetctl restarts a unit by making it `loaded`,
 * waiting for it to be `launched` (a mistake: it means `loaded`), and making it `launched`. So it is
 * shown `launched` not before the stop has been carried out, for then nothing would be stopped, but
 * for a while after that. Who waits for `loaded`, as its stop does, gets it when that while is over.
 * Whatever else is written to the unit, by whomever, puts an end to it.
 */
export function showLowering(lowering: Lowering, found: Found): Shown {
  const { modRevision, currentState, isDone, now } = found;
  if (modRevision > lowering.revision) return { currentState, lowering: null };
  const isReadBefore = modRevision < lowering.revision;
  if (isReadBefore || currentState === 'inactive') return { currentState, lowering };
  if (!isDone) return { currentState: null, lowering: { ...lowering, doneSince: null } };
  const doneSince = lowering.doneSince ?? now;
  if (now - doneSince >= stillLaunchedMs) return { currentState, lowering: null };
  return { currentState: 'launched', lowering: { ...lowering, doneSince } };
}
