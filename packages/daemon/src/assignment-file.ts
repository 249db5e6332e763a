import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Assignment, AssignmentStore, KnownStore, Log, NotedAssignments } from '@muster/core';
import { isRecord, StateFile, StateFileDamagedError } from './state-file.ts';

/** What assignments belong to. Whoever is moved to another cluster must not start those of the old one. */
export interface Home {
  /** machine-id: a cloned disk that was given an id of its own is another machine. */
  readonly machine: string;
  readonly prefix: string;
  readonly endpoints: readonly string[];
}

export interface AssignmentFileOptions {
  readonly directory: string;
  readonly home: Home;
  /** Which cluster this machine belongs to. */
  readonly knownStore: KnownStore;
  readonly log: Log;
}

/** Of what is written here; what another version wrote in another one is not used. */
const format = 1;

interface Content {
  readonly format: typeof format;
  readonly cluster: string;
  readonly home: Home;
  readonly assignments: readonly Assignment[];
  readonly files: Readonly<Record<string, string>>;
}

/** As stored: the content, and its SHA-256 by which damage is told. */
interface Sealed {
  readonly sha256: string;
  readonly content: Content;
}

/** `assignments.json` in the state directory: as large as what is assigned, and no larger. */
export class AssignmentFile implements AssignmentStore {
  readonly #options: AssignmentFileOptions;
  readonly #home: Home;
  readonly #file: StateFile<Sealed>;

  constructor(options: AssignmentFileOptions) {
    const { directory, home } = options;
    this.#options = options;
    this.#home = { ...home, endpoints: home.endpoints.toSorted() };
    this.#file = new StateFile(join(directory, 'assignments.json'), parseSealed);
  }

  async load(): Promise<NotedAssignments | null> {
    const { knownStore, log } = this.#options;
    const content = await this.#read();
    if (content === null) return null;
    const known = await knownStore.load();
    const { cluster, home, assignments, files } = content;
    if (cluster !== known?.clusterId || !isDeepStrictEqual(home, this.#home)) {
      const path = this.#file.path;
      log.info({ path, cluster, home }, 'what was assigned here last is not of this cluster');
      return null;
    }
    return { assignments, files: new Map(Object.entries(files)) };
  }

  async save({ assignments, files }: NotedAssignments): Promise<void> {
    const known = await this.#options.knownStore.load();
    // Nothing can be assigned by a cluster that was never noted.
    if (known === null) return;
    const content: Content = {
      format,
      cluster: known.clusterId,
      home: this.#home,
      assignments,
      files: Object.fromEntries(files),
    };
    await this.#file.save({ sha256: digest(content), content });
  }

  async #read(): Promise<Content | null> {
    try {
      return (await this.#file.load())?.content ?? null;
    } catch (err) {
      if (!(err instanceof StateFileDamagedError)) throw err;
      this.#options.log.warn({ err }, 'what was assigned here last is not used');
      return null;
    }
  }
}

function digest(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}

function parseSealed(value: unknown): Sealed | null {
  return isSealed(value) ? value : null;
}

/** Whoever wrote a right digest wrote the content, too: it is not looked at any closer. */
function isSealed(value: unknown): value is Sealed {
  if (!isRecord(value) || !isRecord(value['content'])) return false;
  return value['content']['format'] === format && value['sha256'] === digest(value['content']);
}
