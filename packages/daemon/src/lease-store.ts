import { join } from 'node:path';
import type { LeaseRecord, LeaseStore, Log } from '@muster/core';
import { isRecord, StateFile, StateFileDamagedError } from './state-file.ts';

/** Remembers the lease, so that a musterd that comes back takes it up again. */
export class FileLeaseStore implements LeaseStore {
  readonly #file: StateFile<LeaseRecord>;
  readonly #log: Log;

  constructor(stateDirectory: string, log: Log) {
    this.#file = new StateFile(join(stateDirectory, 'lease.json'), parseLeaseRecord);
    this.#log = log;
  }

  /** null: there is none, or it cannot be read any more; a new lease costs little. */
  async load(): Promise<LeaseRecord | null> {
    try {
      return await this.#file.load();
    } catch (err) {
      if (!(err instanceof StateFileDamagedError)) throw err;
      this.#log.warn({ err }, 'lease file is damaged; a new lease will be asked for');
      return null;
    }
  }

  async save(record: LeaseRecord): Promise<void> {
    await this.#file.save(record);
  }
}

function parseLeaseRecord(value: unknown): LeaseRecord | null {
  if (!isRecord(value)) return null;
  const { leaseId, bootId, token } = value;
  if (typeof leaseId !== 'string' || typeof bootId !== 'string' || typeof token !== 'string') {
    return null;
  }
  return [leaseId, bootId, token].includes('') ? null : { leaseId, bootId, token };
}
