import type { Assignment, Revision } from './model.ts';

/** Where a machine notes which store it belongs to, on disk, across reboots. */
export interface KnownStore {
  /** null: this machine never belonged to a cluster, or an operator accepts another store. */
  load(): Promise<KnownStoreRecord | null>;
  /** Atomic. */
  save(known: KnownStoreRecord): Promise<void>;
}

/** `revision`: the highest one that was seen (give or take the last seconds). */
export interface KnownStoreRecord {
  readonly clusterId: string;
  readonly revision: Revision;
}

/** Where a machine notes its lease, so that a restarted musterd finds it again. */
export interface LeaseStore {
  /** null: there is none, or it does not parse. */
  load(): Promise<LeaseRecord | null>;
  /** Atomic. */
  save(record: LeaseRecord): Promise<void>;
}

export interface LeaseRecord {
  readonly leaseId: string;
  /** A lease of another boot is not taken up again. */
  readonly bootId: string;
  /** Random; in the presence record as well, so that nobody takes up a lease that is not his. */
  readonly token: string;
}

/**
 * Where a machine notes what it is assigned, on disk, for a boot in which the store cannot be
 * reached.
 */
export interface AssignmentStore {
  /**
   * Reads it anew. null: nothing was noted, it is damaged, or it is of another cluster or machine;
   * the log says which.
   */
  load(): Promise<NotedAssignments | null>;
  /** Replaces what was noted. Atomic. */
  save(noted: NotedAssignments): Promise<void>;
}

export interface NotedAssignments {
  /** Those with the role `holder`, sorted by unit. */
  readonly assignments: readonly Assignment[];
  /** hash → normalised text, of these assignments. */
  readonly files: ReadonlyMap<string, string>;
}
