import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { KnownStore, KnownStoreRecord } from '@muster/core';
import { isRecord, StateFile, StateFileDamagedError } from './state-file.ts';

/** Remembers the store across restarts, so that a wiped or wrong one is noticed. */
export class FileKnownStore implements KnownStore {
  readonly #file: StateFile<KnownStoreRecord>;

  constructor(stateDirectory: string) {
    this.#file = new StateFile(join(stateDirectory, 'known-store.json'), parseKnown);
  }

  /**
   * null: this machine has not seen a store yet.
   * @throws {StateFileDamagedError} what it knew is lost; that is never the same as null
   */
  async load(): Promise<KnownStoreRecord | null> {
    try {
      return await this.#file.load();
    } catch (error) {
      if (!(error instanceof StateFileDamagedError)) throw error;
      const why = 'it cannot be told whether the store is still the one this machine belongs to';
      const remedy = 'start musterd once with --accept-store to accept the store as it is now';
      throw new StateFileDamagedError(error.path, `${error.problem}; ${why}; ${remedy}`, {
        cause: error,
      });
    }
  }

  async save(state: KnownStoreRecord): Promise<void> {
    await this.#file.save(state);
  }

  /** For `--accept-store`: the store found next is accepted as it is. */
  async forget(): Promise<void> {
    await rm(this.#file.path, { force: true });
  }
}

function parseKnown(value: unknown): KnownStoreRecord | null {
  if (!isRecord(value)) return null;
  const { clusterId, revision } = value;
  if (typeof clusterId !== 'string' || clusterId === '') return null;
  if (typeof revision !== 'number' || !Number.isSafeInteger(revision) || revision < 0) return null;
  return { clusterId, revision };
}
