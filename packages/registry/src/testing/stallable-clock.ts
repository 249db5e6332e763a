import type { Clock } from '@muster/core';
import { realClock } from '../fake.ts';

/** Sleeps only as long as it is not stalled, as a stopped process does; time goes on. */
export function stallableClock(): Clock & { stall(isOn: boolean): void } {
  const real = realClock();
  let isStalled = false;
  let wake: (() => void)[] = [];
  return {
    now: () => real.now(),
    monotonic: () => real.monotonic(),
    sleep: async (ms, signal) => {
      await real.sleep(ms, signal);
      if (isStalled && !signal.aborted) await new Promise<void>((resolve) => wake.push(resolve));
    },
    stall: (isOn) => {
      isStalled = isOn;
      if (isOn) return;
      for (const resolve of wake) resolve();
      wake = [];
    },
  };
}
