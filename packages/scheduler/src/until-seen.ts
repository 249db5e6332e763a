import type { Clock } from '@muster/core';

/** How long a leader waits for its picture to show what was written. */
export const catchUpMs = 2_000;
const seenEveryMs = 5;

/** Resolves when it is seen, when that takes too long, or when the signal aborts. */
export async function untilSeen(
  clock: Pick<Clock, 'monotonic' | 'sleep'>,
  signal: AbortSignal,
  isSeen: () => boolean,
): Promise<void> {
  const end = clock.monotonic() + catchUpMs;
  while (!signal.aborted && !isSeen() && clock.monotonic() < end) {
    await clock.sleep(seenEveryMs, signal);
  }
}
