import type { JobEnd } from '@muster/core';

/** A job that was asked for. */
export interface JobAsk {
  readonly unit: string;
  readonly type: JobEnd['type'];
  /** Called once when the job has ended, or is known to be gone. */
  readonly onGone: () => void;
}

/**
 * Which of systemd's jobs are answers to what was asked here. Its end can be heard of before the
 * answer that says which job it is, so ends are remembered while such an answer is outstanding.
 */
export class JobTable {
  /** One job can answer several: systemd merges them. */
  readonly #asked = new Map<string, JobAsk[]>();
  readonly #early = new Map<string, string>();
  #outstanding = 0;

  get size(): number {
    return this.#asked.size;
  }

  /** A job is about to be asked for; exactly one of `accepted` and `refused` follows. */
  asking(): void {
    this.#outstanding += 1;
  }

  /** @returns how it ended, when that is known already */
  accepted(path: string, ask: JobAsk): JobEnd | null {
    const result = this.#early.get(path);
    this.#answered();
    if (result !== undefined) {
      ask.onGone();
      return { unit: ask.unit, type: ask.type, result };
    }
    const asks = this.#asked.get(path);
    if (asks === undefined) this.#asked.set(path, [ask]);
    else asks.push(ask);
    return null;
  }

  refused(): void {
    this.#answered();
  }

  /** JobRemoved: @returns the ends to tell of; none when the job was not asked for here */
  removed(path: string, unit: string, result: string): readonly JobEnd[] {
    if (this.#outstanding > 0) this.#early.set(path, result);
    const asks = this.#asked.get(path) ?? [];
    this.#asked.delete(path);
    for (const ask of asks) ask.onGone();
    // Another unit: the numbers were used again, by a manager that was started anew.
    return asks
      .filter((ask) => ask.unit === unit)
      .map((ask) => ({ unit: ask.unit, type: ask.type, result }));
  }

  /** The jobs known at this moment, to be compared with a list asked for from now on. */
  paths(): readonly string[] {
    return [...this.#asked.keys()];
  }

  /** These jobs are gone though nobody said how they ended. */
  lost(paths: readonly string[]): void {
    for (const path of paths) {
      const asks = this.#asked.get(path) ?? [];
      this.#asked.delete(path);
      for (const ask of asks) ask.onGone();
    }
  }

  #answered(): void {
    this.#outstanding -= 1;
    if (this.#outstanding === 0) this.#early.clear();
  }
}
