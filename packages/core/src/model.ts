/**
 * The nouns, as they are stored in etcd and handed between packages. Plain data, never mutated.
 * Key layout and who writes what: docs/architecture.md.
 */

import type { ProcessExit } from './exit-status.ts';
import type { OnPartition } from './on-partition.ts';

/** An etcd revision (int64 on the wire; below 2^53 here, checked at the edge). 0 means "does not exist". */
export type Revision = number;

/** What the user wants of a unit, in fleet's words. */
export const desiredStates = ['inactive', 'loaded', 'launched'] as const;
export type DesiredState = (typeof desiredStates)[number];

/** Who asked for the present content or state of a unit. */
export interface Origin {
  /** `user@host` of the caller as the API saw it, or the program's name. */
  readonly by: string;
  /** The git commit the content came from; absent when it came from a command. */
  readonly commit?: string;
  /** When it was asked for, ms since the epoch by that API's clock; absent when it was not noted. */
  readonly at?: number;
}

/** What only one machine was asked for. */
export interface MachineCounts {
  /** Restarts on top of those of all machines. */
  readonly restarts: number;
  /** Starts, where it is down, since the last restart. */
  readonly starts: number;
}

/** `unit/<name>`: the wish. Written by the API only. */
export interface Unit {
  readonly name: string;
  /** SHA-1 (40 hex digits) of the normalised unit file, the name of its `file/` key. */
  readonly hash: string;
  readonly desiredState: DesiredState;
  /** How often a restart of it was asked for, wherever it is. */
  readonly restarts: number;
  /** By machine id; absent: only all its machines together were asked for anything. */
  readonly perMachine?: Readonly<Record<string, MachineCounts>>;
  readonly origin: Origin;
  /** Changes when a unit is destroyed and made again: the unit's incarnation. */
  readonly createRevision: Revision;
  readonly modRevision: Revision;
}

/**
 * `holder` runs the unit. `successor` gets it ready to take over. `released` may keep it while it
 * runs in this boot, but never starts it.
 */
export const roles = ['holder', 'successor', 'released'] as const;
export type Role = (typeof roles)[number];

/** `assignment/<machine>/<unit>`: this unit belongs on this machine. Written by the leader only. */
export interface Assignment {
  readonly unit: string;
  readonly machine: string;
  readonly hash: string;
  readonly desiredState: Exclude<DesiredState, 'inactive'>;
  /** The agent restarts the unit once for each increase that it sees. */
  readonly restarts: number;
  /** When it grows while `restarts` does not, the agent starts the unit if it is down; absent: 0. */
  readonly starts?: number;
  /** The unit's create revision. */
  readonly incarnation: Revision;
  readonly role: Role;
  /** Absent: `keep`. */
  readonly onPartition?: Exclude<OnPartition, 'keep'>;
  /**
   * The unit is to end here before it may be anywhere else: it is stopped, whoever started it, and
   * not started again. `desiredState` is `loaded` then, for agents that do not know this.
   */
  readonly isLeaving?: true;
  /** Why it is here, one phrase for people. */
  readonly reason: string;
  /** When the leader wrote it, ms since the epoch; absent when it was not noted. */
  readonly at?: number;
  /** When the unit came to this machine; absent in what is to be written, and where nobody knows. */
  readonly createRevision?: Revision;
  readonly modRevision: Revision;
}

/** `placement/<unit>`: where to look for a unit; written in the transaction of its assignments. */
export interface Placement {
  readonly unit: string;
  /** Sorted by machine. Empty only when there are failures to remember: else the key is removed. */
  readonly machines: readonly { readonly machine: string; readonly role: Role }[];
  /** Of a unit with Reschedule=on-failure; absent: it has not been moved for that. */
  readonly failures?: PlacementFailures;
  readonly modRevision: Revision;
}

/** What a leader notes, in the transaction that takes a unit off a machine because it failed there. */
export interface PlacementFailures {
  /** How often that was done. */
  readonly attempts: number;
  /** Where it failed, once each, the latest last; at most 64. */
  readonly machines: readonly string[];
  /** Mod revision of `unit/<name>` then: whoever writes that asks for something new, and it begins anew. */
  readonly unitRevision: Revision;
}

export type Metadata = Readonly<Record<string, string>>;

/** What a machine has, and what of it is not for units. Absent: nobody knows, and nothing is limited by it. */
export interface Capacity {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Size of the file system that the state directory is on. */
  readonly diskBytes?: number;
  /** How many tasks units may have together; only where the configuration says so. */
  readonly tasks?: number;
  /** Numbers of the CPUs that are online, as the kernel lists them: `0-3,6`. */
  readonly cpuList?: string;
  /** What is kept for the machine itself; absent: nothing. */
  readonly reserved?: {
    readonly cpus: number;
    readonly memoryBytes: number;
    readonly diskBytes: number;
  };
}

/** `machine/<id>`: presence, on the machine's lease. Written by that machine. */
export interface Machine {
  /** 32 hex digits, machine-id(5). */
  readonly id: string;
  /** /proc/sys/kernel/random/boot_id: another one means that everything was stopped meanwhile. */
  readonly bootId: string;
  readonly hostname: string;
  /** IP address under which the machine's services are reached; null when none could be found. */
  readonly address: string | null;
  /** `http://…` or `https://…` of its API for other daemons; null when it has no TCP listener. */
  readonly apiUrl: string | null;
  /** From its configuration; `machine-settings` is laid over it. */
  readonly metadata: Metadata;
  readonly capacity: Capacity;
  readonly version: string;
  /** Set by an orderly stop of musterd (ms since the epoch): units run on, nobody watches them. */
  readonly awaySince: number | null;
  /** When the machine last changed this record, ms since the epoch; absent when it was not noted. */
  readonly at?: number;
  readonly modRevision: Revision;
}

/** `machine-settings/<id>`: what an operator set by hand; outlives the machine's presence. */
export interface MachineSettings {
  readonly machine: string;
  /** null removes a key that the machine's own configuration has. */
  readonly metadata: Readonly<Record<string, string | null>>;
  /** Who set it last; absent when it was not noted. */
  readonly origin?: Origin;
  readonly modRevision: Revision;
}

/**
 * `brake`: whether units of absent machines stay where they are because too many machines are
 * absent at once. Written by the leader only, when that changes; nothing is decided from it.
 */
export interface Brake {
  readonly isOn: boolean;
  /** Absent machines whose units are held back, or were until it went off; sorted. */
  readonly machines: readonly string[];
  /** Why it is as it is, one phrase for people. */
  readonly reason: string;
  /** Since when, ms since the epoch by the leader's clock. */
  readonly at: number;
  readonly modRevision: Revision;
}

/**
 * `loss/<machine>`: an operator says that an absent machine will not be back soon: the brake does not
 * count it. Written by the API while the machine is absent, removed by the leader when it is present
 * again or nothing is assigned to it any more.
 */
export interface Loss {
  readonly machine: string;
  /** true: nothing of it is kept, not even records of units that no other machine can take. */
  readonly isForgotten: boolean;
  readonly origin: Origin;
  readonly modRevision: Revision;
}

export const packings = ['spread', 'pack'] as const;
/**
 * Which of machines that are equal otherwise gets a unit: `spread`: the least loaded; `pack`: the
 * fullest that can take it.
 */
export type Packing = (typeof packings)[number];

/**
 * `policy`: what an operator set for the whole cluster. In the store, so that whoever leads decides
 * alike. Written by the API.
 */
export interface Policy {
  readonly placement: Packing;
  /** `auto`: the leader begins a rebalance when a machine has come; absent: only if somebody asks for it. */
  readonly rebalance?: 'auto';
  readonly origin: Origin;
  readonly modRevision: Revision;
}

/** `state/<machine>/<unit>`: what systemd says, on the machine's lease. Written by that machine. */
export interface UnitState {
  readonly unit: string;
  readonly machine: string;
  /** As org.freedesktop.systemd1(5) spells them. */
  readonly loadState: string;
  readonly activeState: string;
  readonly subState: string;
  /**
   * How the last run or start job ended: systemd's `Result` (`success`, `exit-code`, `signal`, …),
   * or, when the start job never ran the unit, the job's result (`dependency`, `skipped`, …), or
   * `unknown` when it ended while musterd was not there to be told;
   * null while that is not known (never started in this boot, still starting), and while a target or
   * slice is up, which have none.
   */
  readonly result: string | null;
  /** How the main process of a service that did not end well ended; absent: all is well, or it is not known. */
  readonly exit?: ProcessExit;
  /**
   * How often it was restarted within 10 minutes without having been asked to, if that was at least
   * 5 times, as of this writing; absent: less often, it is not flapping.
   */
  readonly flapping?: number;
  /** One sentence when muster itself refused or failed to do what the assignment says; else null. */
  readonly problem: string | null;
  /** When the agent saw the present active state begin, ms since the epoch. */
  readonly since: number;
  readonly bootId: string;
  /** 32 hex digits of the last run in this boot; null when there was none or it is not known. */
  readonly invocationId: string | null;
  /** SHA-1 of the content this state is about: what systemd was started with, else what is on disk. */
  readonly hash: string;
  /** Mod revision of the assignment that has been carried out; a state that answers an older one says nothing. */
  readonly answers: Revision;
  readonly modRevision: Revision;
}

/** A record that does not parse: reported, left alone, and never the reason to stop anything. */
export interface CorruptRecord {
  readonly key: string;
  readonly problem: string;
}
