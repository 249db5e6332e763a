import { isDeepStrictEqual } from 'node:util';
import { ReconcileLoop } from '@muster/core';
import type {
  AgentRegistry,
  Assignment,
  AssignmentStore,
  Clock,
  Log,
  NotedAssignments,
} from '@muster/core';

export interface AssignmentKeeperOptions {
  readonly registry: AgentRegistry;
  readonly assignments: AssignmentStore;
  readonly clock: Clock;
  readonly log: Log;
}

/** What changes within this time is one write. */
const gatherMs = 2_000;
/** The pause after a write. */
const restMs = 8_000;
const resyncMs = 10 * 60_000;

/**
 * Keeps on disk what this machine is assigned, for a boot in which the store cannot be reached.
 *
 * Nothing is decided from it here. Twice: what is on disk already is not written again. The store
 * cannot be read, is not trusted, or this machine is not registered: what is on disk stays.
 */
export class AssignmentKeeper {
  readonly #options: AssignmentKeeperOptions;
  readonly #loop: ReconcileLoop;
  /** As on disk; null: it has not been looked at. */
  #kept: readonly Assignment[] | null = null;

  constructor(options: AssignmentKeeperOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.#loop = new ReconcileLoop({
      clock,
      pass: (signal) => this.#pass(signal),
      resyncMs,
      maxBackoffMs: 60_000,
      onFailure: (err, failures) => {
        if (failures === 3) log.warn({ err }, 'cannot note what is assigned here, will try again');
      },
    });
  }

  /** Resolves after the signal aborted and the last change was noted. */
  async run(signal: AbortSignal): Promise<void> {
    const unsubscribe = this.#options.registry.onChange(() => this.#loop.kick());
    await this.#loop.run(signal);
    unsubscribe();
    await this.#saveIfChanged().catch((err: unknown) =>
      this.#options.log.warn({ err }, 'what changed last of the assignments was not noted'),
    );
  }

  async #pass(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    if (!this.#hasChanged()) return;
    await clock.sleep(gatherMs, signal);
    if (signal.aborted) return;
    await this.#saveIfChanged();
    await clock.sleep(restMs, signal);
  }

  async #saveIfChanged(): Promise<void> {
    if (this.#hasChanged()) await this.#save();
  }

  #hasChanged(): boolean {
    const { registry } = this.#options;
    if (registry.session() === null) return false;
    const held = holders(registry.snapshot().assignments);
    return !areSame(this.#kept, held);
  }

  async #save(): Promise<void> {
    const { registry, assignments: store } = this.#options;
    const held = holders(registry.snapshot().assignments);
    const before = await store.load();
    const files = await this.#texts(held, before);
    const noted = { assignments: held, files };
    if (before === null || !isDeepStrictEqual(before, noted)) await store.save(noted);
    this.#kept = held;
  }

  /** Only what is not on disk yet comes from the store. */
  async #texts(
    held: readonly Assignment[],
    before: NotedAssignments | null,
  ): Promise<ReadonlyMap<string, string>> {
    const hashes = [...new Set(held.map(({ hash }) => hash))].sort();
    const known = before?.files ?? new Map<string, string>();
    const missing = hashes.filter((hash) => !known.has(hash));
    const fetched = await this.#options.registry.unitFiles(missing);
    return new Map(
      hashes.flatMap((hash) => {
        const text = known.get(hash) ?? fetched.get(hash);
        return text === undefined ? [] : [[hash, text]];
      }),
    );
  }
}

function holders(assignments: readonly Assignment[]): Assignment[] {
  return assignments.filter(({ role }) => role === 'holder');
}

/** Whether they are the same records; equal revisions are enough within one process. */
function areSame(kept: readonly Assignment[] | null, held: readonly Assignment[]): boolean {
  return (
    kept?.length === held.length &&
    held.every((a, i) => kept[i]?.unit === a.unit && kept[i].modRevision === a.modRevision)
  );
}
