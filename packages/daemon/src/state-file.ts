import { MusterError } from '@muster/core';
import { readFileIfPresent, writeFileAtomically } from './atomic-file.ts';

/** A file in the state directory is damaged. */
export class StateFileDamagedError extends MusterError {
  readonly code = 'state-file-damaged';
  readonly path: string;
  readonly problem: string;

  constructor(path: string, problem: string, options?: { cause?: unknown }) {
    super(`${path} is damaged: ${problem}`, options);
    this.path = path;
    this.problem = problem;
  }
}

/** A small JSON file with one record, readable by its owner only. */
export class StateFile<T> {
  readonly path: string;
  readonly #parse: (value: unknown) => T | null;
  #lastWrite: Promise<void> = Promise.resolve();

  /** @param parse — null: the value is not such a record */
  constructor(path: string, parse: (value: unknown) => T | null) {
    this.path = path;
    this.#parse = parse;
  }

  /**
   * null: there is no file.
   * @throws {StateFileDamagedError}
   */
  async load(): Promise<T | null> {
    const text = await readFileIfPresent(this.path);
    if (text === null) return null;
    if (text === '') throw new StateFileDamagedError(this.path, 'it is empty');
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw new StateFileDamagedError(this.path, 'it is not JSON', { cause: error });
    }
    const record = this.#parse(value);
    if (record === null) throw new StateFileDamagedError(this.path, 'fields are missing or wrong');
    return record;
  }

  /** Writes happen in the order of the calls. */
  async save(record: T): Promise<void> {
    const write = this.#lastWrite.then(() =>
      writeFileAtomically(this.path, `${JSON.stringify(record)}\n`, 0o600),
    );
    // The caller is told of a failure; the next write must not fail for it.
    this.#lastWrite = write.catch(() => undefined);
    await write;
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
