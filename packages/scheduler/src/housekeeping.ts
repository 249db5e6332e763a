import type { Clock, ClusterSnapshot, ClusterView, Leadership, Log, Revision } from '@muster/core';

export interface HousekeepingOptions {
  readonly view: ClusterView;
  readonly leadership: Leadership;
  readonly clock: Clock;
  readonly log: Log;
  /** null: do not compact. Asked each time: it may change. */
  readonly compactMs: () => number | null;
}

const everyMs = 60_000;
/** A file is written before, or with, what refers to it; younger ones may be about to be used. */
const unusedMs = 10 * 60_000;

/** A `file/` key that nothing refers to, and since when (boot clock) the leader has seen it so. */
export interface Unused {
  readonly revision: Revision;
  readonly since: number;
}

/** Files nothing refers to, carrying over since when; one that was written again starts anew. */
export function unusedFiles(
  snapshot: ClusterSnapshot,
  before: ReadonlyMap<string, Unused>,
  now: number,
): Map<string, Unused> {
  const used = new Set<string>();
  for (const unit of snapshot.units.values()) used.add(unit.hash);
  for (const byMachine of snapshot.assignments.values()) {
    for (const assignment of byMachine.values()) used.add(assignment.hash);
  }
  const unused = new Map<string, Unused>();
  for (const [hash, revision] of snapshot.fileRevisions) {
    if (used.has(hash)) continue;
    const known = before.get(hash);
    unused.set(hash, known?.revision === revision ? known : { revision, since: now });
  }
  return unused;
}

/**
 * What a leader does besides placing: removes unit files nothing refers to, and lets etcd forget
 * old revisions. A record that does not parse may refer to any file: nothing is swept then.
 */
export class Housekeeping {
  readonly #options: HousekeepingOptions;
  #unused: ReadonlyMap<string, Unused> = new Map();
  #compacted: Revision = 0;
  /** Revisions and when they were current (boot clock), oldest first; one entry a minute. */
  #history: { readonly revision: Revision; readonly at: number }[] = [];

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  /** Runs until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(everyMs, signal);
      if (signal.aborted) return;
      try {
        await this.#sweep();
        await this.#compact();
      } catch (err) {
        log.warn({ err }, 'housekeeping failed, will try again');
      }
    }
  }

  async #sweep(): Promise<void> {
    const { view, leadership, clock, log } = this.#options;
    const snapshot = view.snapshot();
    if (snapshot.corrupt.length > 0) return;
    const now = clock.monotonic();
    this.#unused = unusedFiles(snapshot, this.#unused, now);
    const due = [...this.#unused].filter(([, { since }]) => now - since >= unusedMs);
    if (due.length === 0) return;
    const removed = await leadership.removeFiles(
      new Map(due.map(([hash, { revision }]) => [hash, revision])),
    );
    log.info({ removed }, 'removed unit files that nothing refers to');
  }

  async #compact(): Promise<void> {
    const { view, leadership, clock, log } = this.#options;
    const compactMs = this.#options.compactMs();
    if (compactMs === null) {
      this.#history = [];
      return;
    }
    const now = clock.monotonic();
    this.#history.push({ revision: view.snapshot().revision, at: now });
    const old = this.#history.filter(({ at }) => now - at >= compactMs);
    const last = old.at(-1);
    if (last === undefined) return;
    this.#history = this.#history.slice(old.length);
    if (last.revision <= this.#compacted) return;
    await leadership.compact(last.revision);
    this.#compacted = last.revision;
    log.debug({ revision: last.revision }, 'compacted');
  }
}
