import { formatTimeSpan, parseTimeSpan } from './time-span.ts';

/** When a unit that has failed for good on its machine is tried on another. */
export interface Reschedule {
  /** From when the failure is seen; doubled with each further attempt, at most `maxDelayMs`. */
  readonly delayMs: number;
  readonly maxDelayMs: number;
  /** Attempts; Infinity: there is no end. */
  readonly limit: number;
  /** After it has been up for so long, earlier failures are forgotten. */
  readonly resetMs: number;
}

const defaults: Reschedule = {
  delayMs: 30_000,
  maxDelayMs: 15 * 60_000,
  limit: 5,
  resetMs: 10 * 60_000,
};

/** A shorter delay would let the leader write without pause. */
const shortestMs = 1_000;

const spans = {
  RescheduleDelaySec: 'delayMs',
  RescheduleMaxDelaySec: 'maxDelayMs',
  RescheduleResetSec: 'resetMs',
} as const;

export const rescheduleOptions = [
  'Reschedule',
  ...(Object.keys(spans) as (keyof typeof spans)[]),
  'RescheduleLimit',
] as const;

/** @param valueOf - the last value of an option; null: it is not given */
export function readReschedule(valueOf: (option: string) => string | null): {
  /** null: a unit that fails stays where it is. */
  readonly reschedule: Reschedule | null;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
} {
  const problems: string[] = [];
  const mode = valueOf('Reschedule');
  if (mode !== null && mode !== 'never' && mode !== 'on-failure') {
    problems.push(`Reschedule=${mode} is neither never nor on-failure`);
  }
  const read: Record<string, number> = {};
  for (const [option, field] of Object.entries(spans)) {
    const text = valueOf(option);
    const ms = text === null ? null : parseTimeSpan(text);
    if (text === null) continue;
    if (ms === null) problems.push(`${option}=${text} is no time span, such as 30s or 5min`);
    else if (ms < shortestMs) {
      problems.push(`${option}=${text} is too short; the least is ${formatTimeSpan(shortestMs)}`);
    } else read[field] = ms;
  }
  const limit = valueOf('RescheduleLimit');
  if (limit === 'infinity') read['limit'] = Infinity;
  else if (limit !== null && /^\d{1,6}$/.test(limit)) read['limit'] = Number(limit);
  else if (limit !== null) {
    problems.push(`RescheduleLimit=${limit} is neither a number of attempts nor infinity`);
  }
  if (mode === 'on-failure') {
    const chosen = { ...defaults, ...read };
    const maxDelayMs = Math.max(chosen.delayMs, chosen.maxDelayMs);
    return { reschedule: { ...chosen, maxDelayMs }, problems, warnings: [] };
  }
  const idle = rescheduleOptions.filter((each) => each !== 'Reschedule' && valueOf(each) !== null);
  const warnings = idle.map((option) => `${option} has no effect without Reschedule=on-failure`);
  return { reschedule: null, problems, warnings };
}

/** How long to wait before the attempt that follows so many others. */
export function rescheduleDelayMs({ delayMs, maxDelayMs }: Reschedule, attempts: number): number {
  return Math.min(maxDelayMs, delayMs * 2 ** Math.min(30, attempts));
}
