/** Exponential delay: `baseMs` after the first failure, doubled for each further one, at most `maxMs`. */
export function backoffMs(failures: number, baseMs = 200, maxMs = 30_000): number {
  return Math.min(maxMs, baseMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
}
