/** The JSON bodies of /v1, as server and client both see them. docs/api.md says which route has which. */
import type {
  Capacity,
  DesiredState,
  Explanation,
  Leader,
  MachineCounts,
  Metadata,
  Origin,
  Packing,
  PendingUnit,
  ProcessExit,
  Revision,
  Role,
  SideEffect,
} from '@muster/core';
import type { RebalanceBody } from './rebalance-wire.ts';

export interface ErrorBody {
  readonly error: {
    /** Stable, for programs. */
    readonly code: string;
    /** One sentence. */
    readonly message: string;
    /** Which units of the request are at fault; absent when the fault is not about units. */
    readonly units?: readonly {
      readonly name: string;
      readonly code: string;
      /** A whole sentence that names the unit. */
      readonly message: string;
      /** The same without unit and line. */
      readonly reason: string;
      /** Line of the unit file, from 1; null when none is at fault. */
      readonly line: number | null;
    }[];
    /** With `compacted`: the revision after which everything is kept. */
    readonly oldest?: Revision;
  };
}

export interface VersionBody {
  readonly version: string;
  readonly machine: string;
  readonly hostname: string;
  /** How this musterd stands, in one line for people; known without the store. Absent: it does not say. */
  readonly standing?: string;
}

export interface ClusterBody {
  readonly id: string;
  readonly revision: Revision;
  readonly leader: Pick<Leader, 'machine' | 'apiUrl'> | null;
  readonly counts: {
    readonly machines: number;
    /** Machines whose musterd was stopped in order. */
    readonly away: number;
    readonly units: Readonly<Record<DesiredState, number>>;
    readonly assignments: number;
    readonly states: number;
    /** Units of which some machine says that they have failed. */
    readonly failed: number;
    /** Units that some machine restarts again and again. */
    readonly flapping: number;
  };
  readonly policy: PolicyBody;
  readonly rebalance: RebalanceBody | null;
  readonly brake: BrakeBody;
  /** By id. */
  readonly absent: readonly AbsentMachineBody[];
  /** Records of the store that do not parse, by key. */
  readonly corrupt: readonly { readonly key: string; readonly problem: string }[];
  /** What muster itself could not do, by unit and machine. */
  readonly problems: readonly {
    readonly unit: string;
    readonly machine: string;
    readonly problem: string;
  }[];
}

/** What the scheduler goes by on the whole cluster. */
export interface PolicyBody {
  readonly placement: Packing;
  /** Whether units are moved to machines that have come without being asked. */
  readonly rebalance: 'manual' | 'auto';
  /** Who set it last; null: nobody has. */
  readonly origin: Origin | null;
}

/** Whether units of absent machines stay where they are because too many machines are absent. */
export interface BrakeBody {
  readonly isOn: boolean;
  /** Why it is as it is; null: it never was on. */
  readonly reason: string | null;
  /** ms since the epoch; null: it never was on. */
  readonly since: number | null;
}

/** A machine that units are assigned to and that is not there. */
export interface AbsentMachineBody {
  readonly id: string;
  /** Units that it holds. */
  readonly units: number;
  /** Whether the brake keeps them where they are. */
  readonly isHeldBack: boolean;
  /** What an operator said of it; null: nothing. */
  readonly loss: { readonly isForgotten: boolean; readonly origin: Origin } | null;
}

export interface MachinesBody {
  readonly revision: Revision;
  readonly machines: readonly MachineBody[];
  readonly absent: readonly AbsentMachineBody[];
}

/** `unknown`: nothing is stored of it. */
export interface LossesAcceptedBody {
  readonly revision: Revision;
  readonly machines: readonly {
    readonly machine: string;
    readonly result: 'accepted' | 'present' | 'unknown';
  }[];
}

export interface ForgottenBody {
  readonly machine: string;
  /** `pending`: it will be as soon as there is a leader. `unknown`: nothing is stored of it. */
  readonly result: 'forgotten' | 'pending' | 'unknown';
  /** Units that were assigned to it, by name. */
  readonly units: readonly string[];
}

export interface MachineBody {
  readonly id: string;
  readonly hostname: string;
  readonly address: string | null;
  readonly apiUrl: string | null;
  /** The machine's own with the operator's laid over it. */
  readonly metadata: Metadata;
  readonly capacity: Capacity;
  /** What units that are assigned to it take of that; of what nobody knows nothing is counted. */
  readonly promised: {
    readonly cpus: number;
    readonly memoryBytes: number;
    readonly diskBytes: number;
    readonly tasks: number;
  };
  readonly version: string;
  readonly bootId: string;
  /** ms since the epoch; null while its musterd runs. */
  readonly awaySince: number | null;
  /** Units that it holds. */
  readonly units: number;
}

/** What the units of a machine use now, all together; null: its kernel does not account it. */
export interface MachineUseBody {
  readonly machine: string;
  /** Of the last half second. */
  readonly cpus: number | null;
  readonly memoryBytes: number | null;
  readonly tasks: number | null;
}

export interface UnitBody {
  readonly name: string;
  readonly hash: string;
  readonly desiredState: DesiredState;
  readonly currentState: DesiredState;
  readonly isGlobal: boolean;
  /** `[Unit] Description=`, specifiers as they stand there; null: there is none. */
  readonly description: string | null;
  /** Sorted by machine. */
  readonly machines: readonly { readonly machine: string; readonly role: Role }[];
  /** Restarts that were asked for wherever it is. */
  readonly restarts: number;
  /** By machine id; only machines that were asked for more. */
  readonly perMachine: Readonly<Record<string, MachineCounts>>;
  /** null: since somebody asked for something last, it was not tried anew because it had failed. */
  readonly failures: FailuresBody | null;
  readonly origin: Origin;
  readonly revision: Revision;
}

interface ExitBody extends ProcessExit {
  /** As systemctl names it: `203/EXEC`, `killed/SEGV`. */
  readonly text: string;
}

/** What became of a unit with Reschedule=on-failure that failed. */
export interface FailuresBody {
  /** How often it was tried anew because it had failed. */
  readonly attempts: number;
  /** How often that may be; null: there is no limit. */
  readonly limit: number | null;
  /** It may not be tried anew any more, unless somebody asks for it. */
  readonly isExhausted: boolean;
  /** Where it failed, the latest last. */
  readonly machines: readonly string[];
}

export interface UnitStateBody {
  readonly unit: string;
  readonly machine: string;
  readonly loadState: string;
  readonly activeState: string;
  readonly subState: string;
  readonly result: string | null;
  /** How the main process of a service that did not end well ended; null: all is well, or it is not known. */
  readonly exit: ExitBody | null;
  /** Restarts within 10 minutes that nobody asked for, if they were at least 5; null: it is not flapping. */
  readonly flapping: number | null;
  readonly problem: string | null;
  /** All that is wrong with it, one phrase for people; null: nothing is. */
  readonly failure: string | null;
  /** ms since the epoch. */
  readonly since: number;
  readonly hash: string;
  /** Whether it answers the present assignment; one that does not says nothing about it. */
  readonly isCurrent: boolean;
}

export interface StatesBody {
  /** Of the store; what is newer can be waited for. */
  readonly revision: Revision;
  /** By unit and machine. */
  readonly states: readonly UnitStateBody[];
  /** Units that are wanted and that no machine that is there has, by unit. */
  readonly pending: readonly PendingUnit[];
}

/** How long `newerThan` makes a list wait for a change. */
export const changeHoldMs = 20_000;

interface AssignmentBody {
  readonly machine: string;
  readonly role: Role;
  readonly hash: string;
  readonly desiredState: Exclude<DesiredState, 'inactive'>;
  readonly restarts: number;
  readonly starts: number;
  readonly reason: string;
  readonly revision: Revision;
}

export interface UnitDetailBody extends UnitBody {
  /** Normalised text; null when it is missing in the store. */
  readonly file: string | null;
  readonly options: readonly {
    readonly section: string;
    readonly name: string;
    readonly value: string;
  }[];
  readonly assignments: readonly AssignmentBody[];
  readonly states: readonly UnitStateBody[];
}

/** What is wanted of one unit. With nothing but the name: that it exists. */
export interface UnitRequest {
  readonly name: string;
  /** Text of the unit file; without it the stored content stays, or an instance takes its template's. */
  readonly file?: string;
  readonly desiredState?: DesiredState;
  /**
   * Restarts a launched unit, wherever it is; launches any other. Not together with another
   * desiredState. With machines (their ids): restarts a launched unit on these, which must have it.
   */
  readonly restart?: boolean | { readonly machines: readonly string[] };
  /**
   * Only with `desiredState: 'launched'`: a unit that is launched already is started again on
   * machines where it has failed. One that is up there, or has run to its end, is left alone.
   */
  readonly startFailed?: boolean;
  /** Other content than the stored one is an error without it. */
  readonly replace?: boolean;
}

/**
 * `unchanged`: it was like that already. `conflict`: others kept changing it, nothing was written.
 * `absent`: there was nothing to destroy.
 */
export interface UnitResultBody {
  readonly name: string;
  readonly result: 'created' | 'updated' | 'unchanged' | 'conflict';
  /** From which on a wait sees this; 0 for a conflict. */
  readonly revision: Revision;
  readonly hash: string;
  readonly desiredState: DesiredState;
  readonly isGlobal: boolean;
  /** Content was stored that the unit did not have. */
  readonly isNewContent: boolean;
  /** One sentence each. */
  readonly warnings: readonly string[];
}

export interface UnitsWrittenBody {
  /** The highest of all; 0 when there is none. */
  readonly revision: Revision;
  /** In the order of the request. */
  readonly units: readonly UnitResultBody[];
}

/** Why a unit is where it is, or is nowhere. */
export interface ExplanationBody extends Explanation {
  readonly revision: Revision;
}

export interface PlanRequest {
  readonly units: readonly UnitRequest[];
  /** Names of units that would be destroyed; absent: none. */
  readonly destroy?: readonly string[];
}

/** What a write would do. */
export interface UnitsPlannedBody {
  /** Of the store as it was looked at. */
  readonly revision: Revision;
  /** In the order of the request; of a unit that would have a place only the machines that it has. */
  readonly units: readonly (Omit<UnitResultBody, 'revision'> & {
    readonly explanation: Explanation;
  })[];
  /** Other units that would have to leave machines, or would find a place, by unit. */
  readonly others: readonly SideEffect[];
}

export interface DestroyResultBody {
  readonly name: string;
  readonly result: 'destroyed' | 'absent' | 'conflict';
  readonly revision: Revision;
}

export interface UnitsDestroyedBody {
  readonly revision: Revision;
  readonly units: readonly DestroyResultBody[];
}

export const waitTargets = ['launched', 'loaded', 'inactive', 'absent'] as const;
export type WaitTarget = (typeof waitTargets)[number];

export interface WaitRequest {
  readonly units: readonly string[];
  readonly until: WaitTarget;
  /** For `launched`: ids of machines; what others say of the unit is left out. null or absent: all. */
  readonly machines?: readonly string[] | null;
  /** Looks at nothing older than this. */
  readonly afterRevision?: Revision;
  /** null or absent: as long as it takes. */
  readonly timeoutMs?: number | null;
}

/** One line of the NDJSON answer of a wait. The last one is `end`, or `error` when it broke off. */
export type WaitLine =
  | {
      readonly type: 'done';
      readonly unit: string;
      /** Where it is; empty when it is nowhere. */
      readonly machines: readonly { readonly id: string; readonly address: string | null }[];
      /** It is launched, and has run to its end as it should: nothing of it is up. */
      readonly hasEnded: boolean;
      /** Something worth telling, else null. */
      readonly note: string | null;
    }
  | {
      readonly type: 'failed';
      readonly unit: string;
      readonly machine: string | null;
      readonly reason: string;
    }
  | {
      /** Sent now and then while nothing else is, so that silence means a broken connection. */
      readonly type: 'waiting';
      readonly pending: number;
      /** At most 5. */
      readonly examples: readonly { readonly unit: string; readonly why: string }[];
    }
  | {
      readonly type: 'end';
      readonly done: number;
      readonly failed: number;
      /** What was still waited for when the time was over. */
      readonly pending: readonly { readonly unit: string; readonly why: string }[];
    }
  | { readonly type: 'error'; readonly code: string; readonly message: string };

export interface MetadataBody {
  readonly machine: string;
  /** What the operator set; null hides a key of the machine's own configuration. */
  readonly metadata: Readonly<Record<string, string | null>>;
  readonly isPresent: boolean;
}
