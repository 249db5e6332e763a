import { MusterError } from './errors.ts';
import type {
  Assignment,
  Brake,
  Loss,
  Machine,
  MachineSettings,
  Policy,
  Origin,
  Revision,
  Unit,
  UnitState,
} from './model.ts';
import type { Leader } from './ports.ts';
import type { Rebalance } from './rebalance.ts';

/**
 * `audit`: who or what removed the records that a transaction removed. They are gone and cannot say
 * it themselves. Overwritten by the next transaction that removes something; the store's history
 * keeps the earlier ones as long as it keeps what they are about.
 */
export type AuditEntry =
  | { readonly type: 'destroyed'; readonly unit: string; readonly origin: Origin }
  | {
      readonly type: 'withdrawn';
      readonly unit: string;
      readonly machine: string;
      /** The leader's, one phrase for people. */
      readonly reason: string;
      /** ms since the epoch. */
      readonly at: number;
      /** The leader's: create revision of its key. Absent: by a version that did not say it. */
      readonly fence?: Revision;
    };

interface Between<T> {
  /** null: there was no such record. */
  readonly before: T | null;
  /** null: there is none any more. */
  readonly after: T | null;
}

/**
 * What one transaction did to one record. `index` is the position of its key in the transaction:
 * the same for whoever reads it, and whenever.
 */
export type RecordChange = { readonly index: number } & (
  | ({ readonly type: 'unit'; readonly unit: string } & Between<Unit>)
  | ({
      readonly type: 'assignment';
      readonly unit: string;
      readonly machine: string;
    } & Between<Assignment>)
  | ({
      readonly type: 'state';
      readonly unit: string;
      readonly machine: string;
    } & Between<UnitState>)
  | ({ readonly type: 'machine'; readonly machine: string } & Between<Machine>)
  | ({ readonly type: 'settings'; readonly machine: string } & Between<MachineSettings>)
  | ({ readonly type: 'leader' } & Between<Leader>)
  | ({ readonly type: 'brake' } & Between<Brake>)
  | ({ readonly type: 'policy' } & Between<Policy>)
  | ({ readonly type: 'rebalance' } & Between<Rebalance>)
  | ({ readonly type: 'loss'; readonly machine: string } & Between<Loss>)
  | { readonly type: 'audit'; readonly entries: readonly AuditEntry[] }
  /** A record that does not parse was written. */
  | { readonly type: 'corrupt'; readonly key: string; readonly problem: string }
);

/** What one transaction did; empty when nothing that history tells of happened up to `revision`. */
export interface ChangeBatch {
  readonly revision: Revision;
  /** By index. */
  readonly changes: readonly RecordChange[];
}

export interface HistoryQuery {
  /**
   * Everything after this revision. `oldest`: everything that is kept; `now`: what happens from
   * now on.
   */
  readonly after: Revision | 'oldest' | 'now';
  /** false: ends with what is there when it is opened. */
  readonly follow: boolean;
  /** Ends it. */
  readonly signal: AbortSignal;
}

export interface HistoryReader {
  /** What `after` came to. */
  readonly after: Revision;
  /**
   * To be iterated once. Nothing is lost and nothing comes twice, whatever happens to connections;
   * an outage of the store is waited out. It reads no faster than it is iterated.
   * @throws {HistoryCompactedError} what comes next is no longer kept
   * @throws {StoreUntrustedError} the store was wiped or swapped
   */
  readonly batches: AsyncIterable<ChangeBatch>;
}

/** What the cluster's records went through, as the store itself keeps it (for `etcd.compact`). */
export interface History {
  /**
   * @throws {HistoryCompactedError}
   * @throws {InvalidInputError} `after` is a revision that does not exist yet
   * @throws {StoreUnavailableError}
   * @throws {StoreUntrustedError}
   */
  open(query: HistoryQuery): Promise<HistoryReader>;
}

/** What happened after the revision that was asked for is no longer kept completely. */
export class HistoryCompactedError extends MusterError {
  readonly code = 'compacted';
  /** Everything after this revision is kept. */
  readonly oldest: Revision;

  constructor(oldest: Revision, options?: { cause?: unknown }) {
    super(`what happened up to revision ${oldest} is no longer kept`, options);
    this.oldest = oldest;
  }
}
