import { readFileSync } from 'node:fs';
import type { Clock, Log } from '@muster/core';

/** The time of this machine. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => Number.parseFloat(readFileSync('/proc/uptime', 'utf8')) * 1_000,
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
    }),
};

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: object;
  readonly message: string;
}

/** A log that only remembers, for a test to look at. */
export function memoryLog(): Log & { readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: LogLine['level']) =>
    (fields: object, message: string): void =>
      void lines.push({ level, fields, message });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/**
 * Waits until `look` gives something other than null.
 * @throws with what `describe` says when that takes longer than 10 s
 */
export async function eventually<T>(
  look: () => Promise<T | null> | T | null,
  describe: () => unknown,
): Promise<T> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() > deadline) {
      throw new Error(`it did not happen within 10 s; last seen: ${JSON.stringify(describe())}`);
    }
    await realClock.sleep(5, new AbortController().signal);
  }
}
