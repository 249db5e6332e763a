import type { Clock } from '@muster/core';

/**
 * Sleeps until the time is over or one of the signals aborts. Unlike AbortSignal.any on Node 20 it
 * leaves nothing behind on signals that live as long as the process.
 */
export async function sleepUnless(
  clock: Clock,
  ms: number,
  signals: readonly AbortSignal[],
): Promise<void> {
  const woken = new AbortController();
  const wake = (): void => woken.abort();
  if (signals.some((signal) => signal.aborted)) return;
  for (const signal of signals) signal.addEventListener('abort', wake);
  await clock.sleep(ms, woken.signal);
  for (const signal of signals) signal.removeEventListener('abort', wake);
}
