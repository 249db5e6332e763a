import { invariants } from './invariants.ts';
import { faultKinds } from './plan.ts';
import type { FaultKind } from './plan.ts';
import type { Outcome } from './simulation.ts';
import { formatTime } from './trace.ts';

/** What a seed that failed did, and how to see it again. */
export function renderViolation(outcome: Outcome, command: string): string {
  const { seed, violation, trace } = outcome;
  if (violation === null) throw new Error(`seed ${seed} did not fail`);
  const { invariant, at, seen } = violation;
  return [
    `seed ${seed}: ${invariant} at ${formatTime(at)}: ${invariants[invariant]}`,
    `  seen: ${seen}`,
    ...trace.map((line) => `  | ${line.slice(0, 220)}`),
    `  again: ${command}`,
    '',
  ].join('\n');
}

/** The command that does to this seed what was done to it. */
export function commandFor(
  seed: number,
  { minutes, without }: { minutes: number; without: ReadonlySet<FaultKind> },
): string {
  const all = Object.keys(faultKinds) as FaultKind[];
  const left = all.filter((kind) => !without.has(kind));
  const faults =
    without.size === 0
      ? ''
      : without.size > left.length
        ? ` --faults ${left.join(',')}`
        : ` --without ${[...without].join(',')}`;
  return `npm run sim -- --first ${seed} --seeds 1 --minutes ${minutes}${faults} --trace`;
}

/** Everything that was done and seen over all seeds. */
export class Totals {
  seeds = 0;
  violations = 0;
  #virtualMs = 0;
  readonly #counts = new Map<string, number>();

  add({ violation, virtualMs, counts }: Outcome): void {
    this.seeds += 1;
    this.violations += violation === null ? 0 : 1;
    this.#virtualMs += virtualMs;
    for (const [what, count] of Object.entries(counts)) {
      this.#counts.set(what, (this.#counts.get(what) ?? 0) + count);
    }
  }

  /** @param seconds - that it took */
  render(seconds: number): string {
    const hours = this.#virtualMs / 3_600_000;
    const lines = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
    return [
      `${this.seeds} seeds, ${hours.toFixed(1)} hours of cluster time in ${seconds.toFixed(0)} s`,
      ...lines.map(([what, count]) => `${String(count).padStart(10)} ${what}`),
      `${String(this.violations).padStart(10)} violations`,
    ].join('\n');
  }
}
