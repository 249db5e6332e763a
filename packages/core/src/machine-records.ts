import type { Revision } from './model.ts';

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
