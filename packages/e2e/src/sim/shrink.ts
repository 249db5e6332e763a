import type { Arguments } from './arguments.ts';
import { commandFor } from './report.ts';
import { simulate } from './simulation.ts';
import type { Invariant } from './invariants.ts';
import type { Outcome } from './simulation.ts';

/**
 * Leaves out single faults of a seed that fails, as long as the same invariant is still violated.
 * @returns what is left, as text
 */
export async function shrink({ first, minutes, without }: Arguments): Promise<string> {
  const run = (skip: ReadonlySet<number>): Promise<Outcome> =>
    simulate({ seed: first, minutes, without, print: null, skip });
  const whole = await run(new Set());
  if (whole.violation === null) return `seed ${first} does not fail`;
  const { invariant } = whole.violation;
  const left = await reduce(
    Array.from({ length: whole.faults }, (_, i) => i),
    async (kept) => fails(await run(skipping(whole.faults, kept)), invariant),
  );
  const small = await run(skipping(whole.faults, left));
  return [
    `seed ${first} violates ${invariant} with ${left.length} of its ${whole.faults} faults:`,
    `  ${small.violation?.seen ?? ''}`,
    ...small.trace.map((line) => `  | ${line.slice(0, 220)}`),
    `  faults that are needed: ${left.join(',')}`,
    `  again, whole: ${commandFor(first, { minutes, without })}`,
  ].join('\n');
}

function fails(outcome: Outcome, invariant: Invariant): boolean {
  return outcome.violation?.invariant === invariant;
}

function skipping(count: number, kept: readonly number[]): Set<number> {
  const all = new Set(Array.from({ length: count }, (_, i) => i));
  for (const index of kept) all.delete(index);
  return all;
}

/** Leaves out halves, then quarters, and so on, of what is left, while it still fails. */
async function reduce(
  all: readonly number[],
  stillFails: (kept: readonly number[]) => Promise<boolean>,
): Promise<readonly number[]> {
  let kept = all;
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : size >> 1) {
    for (let from = 0; from < kept.length;) {
      const fewer = [...kept.slice(0, from), ...kept.slice(from + size)];
      if (await stillFails(fewer)) kept = fewer;
      else from += size;
    }
  }
  return kept;
}
