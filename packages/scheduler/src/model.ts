import type { Assignment, ClusterSnapshot } from '@muster/core';
import type { CandidateCache } from './candidates.ts';
import type { Candidate, Host } from './eligibility.ts';
import type { HostIndex } from './host-index.ts';
import type { Peers } from './peers.ts';
import type { Replacements } from './replacements.ts';
import type { Tallies } from './tallies.ts';

export type { CandidateCache };

/** The cluster as one plan sees it: the snapshot and what is derived from it. */
export interface Model {
  readonly snapshot: ClusterSnapshot;
  /** Machines that are present, by id; also those whose musterd was stopped in order. */
  readonly hosts: ReadonlyMap<string, Host>;
  /** Hosts that take new units, sorted by id. */
  readonly open: readonly Host[];
  readonly index: HostIndex;
  /** Units that something unreadable in the store is about: left exactly as they are. */
  readonly untouchable: ReadonlyMap<string, string>;
  /** Machines that have assignments and no presence, not even one that does not parse. */
  readonly absent: ReadonlySet<string>;
  /** Machines whose presence is there but does not parse: neither absent nor open. */
  readonly obscure: ReadonlySet<string>;
  /** machine → units that are assigned to it; machines that are not there as well. */
  readonly assigned: ReadonlyMap<string, ReadonlySet<string>>;
  /** Readable units, by name. */
  readonly candidates: ReadonlyMap<string, Candidate>;
  readonly tallies: Tallies;
  /** Who follows whom by MachineOf. */
  readonly peers: Pick<Peers, 'of' | 'followers' | 'circles' | 'unmatched'>;
  /** Which unit makes which others give way. */
  readonly replacements: Replacements;
  /** Units that are not at rest. */
  readonly restless: ReadonlySet<string>;
  /** Units that have failed for good, or are up after that, and may be moved or forgiven for it. */
  readonly failing: ReadonlySet<string>;
  /** Names that something is stored of and that are no units. */
  readonly orphans: ReadonlySet<string>;
}

/** Whether it is where the unit is, or is to be, rather than one that it leaves. */
export function holdsPlace({ role, isLeaving }: Assignment): boolean {
  return role !== 'released' && isLeaving !== true;
}
