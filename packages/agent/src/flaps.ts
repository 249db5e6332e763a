/** Restarts of one unit that nobody asked for. Times are of the boot clock. */
export interface Flaps {
  /** How many systemd had counted when it was last asked; null: it was not yet. */
  readonly counted: number | null;
  readonly askedAt: number;
  /** Those of the last 10 minutes, as they were noticed. */
  readonly noticed: readonly { readonly at: number; readonly restarts: number }[];
}

const windowMs = 10 * 60_000;
const flapsFrom = 5;
/** A unit that is known to flap is asked about only this often. */
const askEveryMs = 10_000;

export const noFlaps: Flaps = { counted: null, askedAt: -Infinity, noticed: [] };

/** @param counted - since the last start that was asked for, when it begins at 0 again */
export function noteCounted(flaps: Flaps, counted: number, now: number): Flaps {
  const before = flaps.counted ?? Math.max(0, counted - 1);
  const restarts = counted >= before ? counted - before : counted;
  return { ...noteRestarts(flaps, restarts, now), counted, askedAt: now };
}

/** Restarts that systemd does not count. */
export function noteRestarts(flaps: Flaps, restarts: number, now: number): Flaps {
  const recent = flaps.noticed.filter(({ at }) => now - at < windowMs);
  return { ...flaps, noticed: restarts === 0 ? recent : [...recent, { at: now, restarts }] };
}

/** How many there were in the last 10 minutes; null: too few to call it flapping. */
export function flapping(flaps: Flaps | undefined, now: number): number | null {
  let sum = 0;
  for (const { at, restarts } of flaps?.noticed ?? []) if (now - at < windowMs) sum += restarts;
  return sum >= flapsFrom ? sum : null;
}

/** Whether it is worth a call to ask how often the unit has been restarted by now. */
export function isWorthAsking(flaps: Flaps | undefined, now: number): boolean {
  return flaps === undefined || flapping(flaps, now) === null || now - flaps.askedAt >= askEveryMs;
}
