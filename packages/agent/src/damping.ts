import type { StateReport } from '@muster/core';

/** What was written of a unit last, and what may still be. Plain data; times are of the boot clock. */
export interface Told {
  readonly report: StateReport;
  readonly credit: Credit;
}

interface Credit {
  readonly short: number;
  readonly long: number;
  /** When that was true. */
  readonly at: number;
}

/** A burst of three writes, then one a second. */
const short = { most: 3, regainMs: 1_000 };
/** Of what is not important: 20 at once, then one in 20 s, and one in 5 minutes of a unit that flaps. */
const long = { most: 20, regainMs: 20_000, flappingRegainMs: 300_000 };
/** A state that has lasted so long is told: it cannot change that way more than once a minute. */
const lastingMs = 60_000;

/**
 * What is to be remembered if this is written now; null: it is too early for that. However noisy a
 * unit is, writes about it become rare, but for those that others wait for.
 * @param told - undefined: nothing was written of it yet
 * @param unchangedSince - since when the report is the same
 */
export function tellNow(
  told: Told | undefined,
  report: StateReport,
  { now, unchangedSince }: { readonly now: number; readonly unchangedSince: number },
): Told | null {
  const { short: few, long: many } = creditAt(told, now);
  const isFree = told === undefined || isAwaited(told.report, report);
  const mayBe = isFree || many >= 1 || now - unchangedSince >= lastingMs;
  if (few < 1 || !mayBe) return null;
  return {
    report,
    credit: { short: few - 1, long: isFree ? many : Math.max(0, many - 1), at: now },
  };
}

function creditAt(told: Told | undefined, now: number): Credit {
  if (told === undefined) return { short: short.most, long: long.most, at: now };
  const { credit, report } = told;
  const passed = now - credit.at;
  const longRegainMs = report.flapping === undefined ? long.regainMs : long.flappingRegainMs;
  return {
    short: Math.min(short.most, credit.short + passed / short.regainMs),
    long: Math.min(long.most, credit.long + passed / longRegainMs),
    at: now,
  };
}

/** It answers what was asked, it is about muster itself, the unit has failed, or begins or ends flapping. */
function isAwaited(told: StateReport, report: StateReport): boolean {
  return (
    told.answers !== report.answers ||
    told.hash !== report.hash ||
    told.problem !== report.problem ||
    (told.flapping === undefined) !== (report.flapping === undefined) ||
    (report.activeState === 'failed' && told.activeState !== 'failed')
  );
}
