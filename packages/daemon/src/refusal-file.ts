import { join } from 'node:path';
import type { Log } from '@muster/core';
import { isRecord, StateFile, StateFileDamagedError } from './state-file.ts';

/**
 * Remembers, in the runtime directory, that another machine was found alive under the id of this
 * one: which of the two is the clone cannot be told later, when the store is away.
 */
export class RefusalFile {
  readonly #file: StateFile<{ readonly bootId: string }>;
  readonly #log: Log;

  constructor(runtimeDirectory: string, log: Log) {
    this.#file = new StateFile(join(runtimeDirectory, 'refused.json'), (value) => {
      const bootId = isRecord(value) ? value['bootId'] : null;
      return typeof bootId === 'string' ? { bootId } : null;
    });
    this.#log = log;
  }

  /**
   * The boot in which it was refused; null: in none.
   * @param bootId - of the present boot; what cannot be read any more was written in it
   */
  async load(bootId: string): Promise<string | null> {
    try {
      return (await this.#file.load())?.bootId ?? null;
    } catch (err) {
      if (!(err instanceof StateFileDamagedError)) throw err;
      this.#log.warn({ err }, 'this machine was refused by its cluster in this boot');
      return bootId;
    }
  }

  /** Never rejects. */
  async save(bootId: string): Promise<void> {
    try {
      await this.#file.save({ bootId });
    } catch (err) {
      this.#log.error({ err }, 'could not note that this machine was refused');
    }
  }
}
