import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';

/** One line of what happened. */
export type Say = (who: string, what: string) => void;

const keep = 400;

/**
 * Everything that happened, in order. It keeps the last lines, and a hash of all of them: the same
 * seed gives the same hash.
 */
export class Trace {
  readonly #now: () => number;
  readonly #print: ((line: string) => void) | null;
  readonly #last: string[] = [];
  readonly #hash: Hash = createHash('sha256');

  /** @param print - told every line; null: nobody wants them */
  constructor(now: () => number, print: ((line: string) => void) | null) {
    this.#now = now;
    this.#print = print;
  }

  readonly say: Say = (who, what) => {
    const line = `${formatTime(this.#now())} ${who.padEnd(7)} ${what}`;
    this.#hash.update(line).update('\n');
    this.#last.push(line);
    if (this.#last.length > 2 * keep) this.#last.splice(0, keep);
    this.#print?.(line);
  };

  /** At most so many lines that have one of the words in them, the newest last. */
  last(count: number, words: readonly string[] = []): readonly string[] {
    const wanted =
      words.length === 0
        ? this.#last
        : this.#last.filter((line) => words.some((word) => line.includes(word)));
    return wanted.slice(-count);
  }

  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}

/** `hh:mm:ss.mmm` of virtual time. */
export function formatTime(ms: number): string {
  const whole = Math.floor(ms);
  const part = (value: number, width: number): string => String(value).padStart(width, '0');
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor(whole / 60_000) % 60;
  const seconds = Math.floor(whole / 1_000) % 60;
  return `${part(hours, 2)}:${part(minutes, 2)}:${part(seconds, 2)}.${part(whole % 1_000, 3)}`;
}
