import type { Clock } from '@muster/core';
import type { Notifier } from './notify.ts';

/** What `systemctl status` shows of musterd. */
export interface StatusFacts {
  readonly machine: string;
  /** Where the API listens. */
  readonly bound: readonly string[];
  readonly isLeading: boolean;
  readonly isRegistered: boolean;
  /** `untrusted`: it is not the store this machine belongs to. */
  readonly store: 'answers' | 'silent' | 'untrusted';
  /** Units that are assigned to this machine; null: not known. */
  readonly units: number | null;
  /** Units that follow what was assigned before the boot, because etcd was not reached since; else null. */
  readonly unitsWithoutStore: number | null;
}

/** One line, what matters most first. */
export function statusText(facts: StatusFacts): string {
  const { machine, bound, isLeading, isRegistered, store, units, unitsWithoutStore } = facts;
  const parts: string[] = [];
  if (unitsWithoutStore !== null) {
    const which = `${countOf(unitsWithoutStore)} started as assigned before this boot`;
    parts.push(`etcd does not answer, ${which}`);
  } else if (store === 'untrusted') parts.push('the store is not trusted, nothing is touched');
  else if (store === 'silent') parts.push('etcd does not answer, units are left as they are');
  else if (!isRegistered) parts.push('not registered');
  if (store === 'answers' && isLeading) parts.push('leads the cluster');
  if (units !== null) parts.push(countOf(units));
  parts.push(`API on ${bound.join(', ')}`);
  return `Machine ${machine.slice(0, 8)}: ${parts.join('; ')}`;
}

function countOf(units: number): string {
  return units === 1 ? '1 unit' : `${units} units`;
}

export interface StatusLineOptions {
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly facts: () => StatusFacts;
}

/** Telling it costs a process: it is done when the line differs, and not more often than this. */
const everyMs = 5_000;

/** Keeps the line right. Nothing happens by itself: whoever knows of a change says so. */
export class StatusLine {
  readonly #options: StatusLineOptions;
  readonly #over = new AbortController();
  #told = '';
  #isDirty = false;
  #isTelling = false;

  constructor(options: StatusLineOptions) {
    this.#options = options;
  }

  /** The line as it is now, which the caller tells. */
  text(): string {
    this.#told = statusText(this.#options.facts());
    return this.#told;
  }

  /** Something it says may have changed. */
  changed(): void {
    this.#isDirty = true;
    if (!this.#isTelling && !this.#over.signal.aborted) void this.#tell();
  }

  close(): void {
    this.#over.abort();
  }

  async #tell(): Promise<void> {
    const { notifier, clock } = this.#options;
    const { signal } = this.#over;
    this.#isTelling = true;
    while (this.#isDirty && !signal.aborted) {
      this.#isDirty = false;
      const before = this.#told;
      const text = this.text();
      if (text === before) continue;
      await notifier.status(text);
      await clock.sleep(everyMs, signal);
    }
    this.#isTelling = false;
  }
}
