import type { History } from './history.ts';
import type { LeaseTerm } from './lease-term.ts';
import type { Rebalance } from './rebalance.ts';
import type {
  Assignment,
  Brake,
  CorruptRecord,
  Loss,
  Machine,
  MachineSettings,
  Origin,
  Placement,
  Policy,
  PlacementFailures,
  DesiredState,
  Revision,
  Unit,
  UnitState,
} from './model.ts';

/** Time, injected so that decisions and loops can be tested without waiting. */
export interface Clock {
  /** Milliseconds since the epoch: for people and records, never for timeouts. */
  now(): number;
  /** Milliseconds of the boot clock (it counts suspend): for timeouts and leases. */
  monotonic(): number;
  /** Resolves after `ms`, or at once when the signal aborts. Never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Takes back a registration made by an `on…` call. */
export type Unsubscribe = () => void;

/** Where a component says what it did. Implemented by pino in the daemon. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

// ---------------------------------------------------------------- the agent's side of the store

/** Everything an agent decides from, at one revision of the store. */
export interface AgentSnapshot {
  readonly revision: Revision;
  /** Sorted by unit. */
  readonly assignments: readonly Assignment[];
  readonly settings: MachineSettings | null;
  /** Units whose assignment does not parse: to be left exactly as they are. */
  readonly unreadable: readonly string[];
}

/** A state as an agent reports it; null removes the record. */
export type StateReport = Omit<UnitState, 'machine' | 'modRevision'>;

/** What an agent needs of the store. It watches its own assignments and settings and nothing else. */
export interface AgentRegistry {
  /**
   * The latest picture, from memory. It stays readable while etcd is away: the last known
   * assignments hold.
   * @throws {StoreUnavailableError} when there never was a complete picture
   * @throws {StoreUntrustedError} when the store is not the one this machine belongs to
   */
  snapshot(): AgentSnapshot;
  /** Calls back after anything may have changed: assignments, settings, trust, the session. */
  onChange(listener: () => void): Unsubscribe;
  /**
   * Texts of unit files by hash. A hash that is not stored is missing from the answer.
   * @throws {StoreUnavailableError}
   */
  unitFiles(hashes: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /**
   * Identity of the lease that published states live on; null while this machine is not
   * registered. When it changes, every state must be published anew.
   */
  session(): string | null;
  /**
   * What the store granted last; null while this machine is not registered, or while what is known
   * of its assignments may be from before it was, or from before its lease was renewed again after
   * more than half of its term.
   */
  lease(): LeaseTerm | null;
  /** Called after each answered renewal, and once more with what an orderly stop was granted. */
  onLease(listener: (term: LeaseTerm) => void): Unsubscribe;
  /**
   * Called, and waited for, before the presence of this machine moves to another lease: from then on
   * it may last no longer than this term, also when no answer comes. When the listener rejects the
   * presence stays where it is, and it is tried again.
   */
  beforeLease(listener: (term: LeaseTerm) => Promise<void>): Unsubscribe;
  /**
   * Units that the store has a state of from this machine, whoever published it. What was published
   * before, and had no answer, is among it or refused from now on.
   * @throws {StoreUnavailableError} also when the session is gone
   */
  publishedUnits(): Promise<readonly string[]>;
  /**
   * Puts (or, with null, removes) states, in batches, in the order of the calls also when one had no
   * answer. After an error only `publishedUnits` says what the store has.
   * @throws {StoreUnavailableError} also when the session is gone
   */
  publishStates(reports: ReadonlyMap<string, StateReport | null>): Promise<void>;
}

// ---------------------------------------------------------------- the cluster, for scheduler and API

/** unit → machine → record */
export type ByUnitAndMachine<T> = ReadonlyMap<string, ReadonlyMap<string, T>>;

/** The whole cluster at one revision. Live maps: valid until the next await. */
export interface ClusterSnapshot {
  readonly revision: Revision;
  readonly clusterId: string;
  readonly units: ReadonlyMap<string, Unit>;
  /** hash → normalised text */
  readonly files: ReadonlyMap<string, string>;
  /** Mod revision of each `file/` key, by hash. */
  readonly fileRevisions: ReadonlyMap<string, Revision>;
  readonly machines: ReadonlyMap<string, Machine>;
  readonly settings: ReadonlyMap<string, MachineSettings>;
  readonly placements: ReadonlyMap<string, Placement>;
  readonly assignments: ByUnitAndMachine<Assignment>;
  readonly states: ByUnitAndMachine<UnitState>;
  readonly leader: Leader | null;
  /** null: it never was on. */
  readonly brake: Brake | null;
  /** null: nobody has set one. */
  readonly policy: Policy | null;
  /** null: none is under way, and none has failed. */
  readonly rebalance: Rebalance | null;
  /** By machine. */
  readonly losses: ReadonlyMap<string, Loss>;
  /** Sorted by key. */
  readonly corrupt: readonly CorruptRecord[];
}

/** `leader`: who places units. `createRevision` is the fence of its writes. */
export interface Leader {
  readonly machine: string;
  /** Other daemons may ask this API for lists; null when it has no TCP listener. */
  readonly apiUrl: string | null;
  /** Since when, ms since the epoch; absent when it was not noted. */
  readonly at?: number;
  readonly createRevision: Revision;
}

/** A picture of the cluster kept current by a watch. */
export interface ClusterView {
  /**
   * The same object only if nothing has changed since it was handed out. The other way round that need
   * not hold: its maps are alive, and a revision alone does not tell, as when a store was restored.
   * @throws {StoreUnavailableError} when there is no complete picture yet
   * @throws {StoreUntrustedError}
   */
  snapshot(): ClusterSnapshot;
  /** Resolves when a snapshot at or after `revision` is there. @throws {StoreUnavailableError} after `timeoutMs` */
  atLeast(revision: Revision, timeoutMs: number): Promise<ClusterSnapshot>;
  /** Reads everything anew; resolves when that is done. @throws {StoreUnavailableError} after `timeoutMs` */
  refresh(timeoutMs: number): Promise<void>;
  onChange(listener: () => void): Unsubscribe;
  /**
   * Which records of a snapshot taken now may differ from what they were when this was asked before.
   * What the first answer says is that all of them may.
   */
  changed(): ChangedRecords;
  close(): Promise<void>;
}

/** Records that may have changed, been made or been removed. */
export interface ChangedRecords {
  /** Any may have: the sets say nothing. */
  readonly isAll: boolean;
  /** Names of units: their wish, or where they are placed. */
  readonly units: ReadonlySet<string>;
  /** Ids of machines: their presence, or what an operator set. */
  readonly machines: ReadonlySet<string>;
  /** Hashes of unit files. */
  readonly files: ReadonlySet<string>;
  /** unit → machines */
  readonly assignments: ReadonlyMap<string, ReadonlySet<string>>;
  /** unit → machines */
  readonly states: ReadonlyMap<string, ReadonlySet<string>>;
}

/** What is to be written for one unit, all or nothing, if nothing it was decided from has changed. */
export interface PlacementChange {
  readonly unit: string;
  /** Mod revision of `unit/<name>` that this was decided from; 0: the unit does not exist. */
  readonly unitRevision: Revision;
  /** Mod revision of `placement/<unit>` that this was decided from; 0: none. */
  readonly placementRevision: Revision;
  readonly assign: readonly Omit<Assignment, 'modRevision'>[];
  /** Machines that lose their assignment of this unit, each with one phrase why. */
  readonly withdraw: readonly { readonly machine: string; readonly reason: string }[];
  /** Machines that must have no presence when it is written: it was decided because they are absent. */
  readonly whileAbsent?: readonly string[];
  /** The complete new placement; null: the unit is nowhere, the key is removed. */
  readonly placement: Omit<Placement, 'modRevision'> | null;
}

/** `conflict`: something changed meanwhile, look again. `not-leader`: the fence was lost, nothing was written. */
export type CommitResult = 'committed' | 'conflict' | 'not-leader';

/** Held by the daemon that leads; every write is fenced with it. */
export interface Leadership {
  /** Create revision of the `leader` key. */
  readonly fence: Revision;
  /** Aborts when leadership is lost or given up, by this process's own clock. */
  readonly signal: AbortSignal;
  /**
   * Writes changes in as few transactions as etcd's limits allow, in the given order; one that
   * fails is split until the changes at fault stand alone.
   * @returns one result for each change
   * @throws {StoreUnavailableError} what was written is then unknown: look again
   */
  commit(changes: readonly PlacementChange[]): Promise<readonly CommitResult[]>;
  /** @param expect - mod revision of the record that this was decided from; 0: there is none */
  writeBrake(brake: Omit<Brake, 'modRevision'>, expect: Revision): Promise<CommitResult>;
  /** @param rebalance - null: the record is removed @param expect - as for the brake */
  writeRebalance(
    rebalance: Omit<Rebalance, 'modRevision'> | null,
    expect: Revision,
  ): Promise<CommitResult>;
  /**
   * Removes the records of losses that are over, as they were seen; of a forgotten machine that is
   * still absent also its settings.
   */
  endLosses(losses: readonly Loss[]): Promise<void>;
  /** Removes `file/` keys that still have these mod revisions. @returns how many went */
  removeFiles(files: ReadonlyMap<string, Revision>): Promise<number>;
  /** Lets etcd forget revisions before this one. */
  compact(revision: Revision): Promise<void>;
  /** Gives leadership up at once, so that another daemon need not wait for the lease to end. */
  resign(): Promise<void>;
}

/** Makes this daemon the leader when nobody else is. */
export interface Campaign {
  /** Resolves when leadership is won; null when `signal` aborted first. Retries outages by itself. */
  lead(signal: AbortSignal): Promise<Leadership | null>;
}

/** How long this process has been able to talk to the store. */
export interface StoreContact {
  /** Boot-clock ms since when every call and renewal got its answer; null while one does not. */
  unbrokenSince(): number | null;
  /** Boot-clock ms of the last answer, whatever it said; null: there was none in this process. */
  answeredAt(): number | null;
}

// ---------------------------------------------------------------- the API's side of the store

/** One unit with everything stored about it, read at one revision. */
export interface UnitDetail {
  readonly revision: Revision;
  readonly unit: Unit;
  /** Normalised text; null when the `file/` key is missing. */
  readonly file: string | null;
  /** As its placement says; null: it was not moved because it had failed. */
  readonly failures: PlacementFailures | null;
  readonly assignments: readonly Assignment[];
  readonly states: readonly UnitState[];
}

/** A conditional write of one unit. */
export interface UnitWrite {
  readonly name: string;
  /** Mod revision that this was decided from; 0: it must not exist. */
  readonly expect: Revision;
  /** null: destroy the unit. */
  readonly set: {
    readonly hash: string;
    /** Normalised text; always written along, content-addressed. */
    readonly file: string;
    readonly desiredState: DesiredState;
    readonly restarts: number;
    readonly perMachine?: Unit['perMachine'];
    readonly origin: Origin;
  } | null;
  /** Who destroys it, for the record. Absent: nobody says. */
  readonly destroyedBy?: Origin;
}

/** `revision`: of the transaction that wrote it. `conflict`: the unit was changed meanwhile. */
export type UnitWriteResult =
  { readonly type: 'written'; readonly revision: Revision } | { readonly type: 'conflict' };

/** `expect` as in UnitWrite. */
export interface LossWrite {
  readonly loss: Omit<Loss, 'modRevision'>;
  readonly expect: Revision;
}

/** What the API needs of the store. */
export interface UnitRegistry {
  /** Units by name, with their files' texts; a name that does not exist is missing from the answer. */
  units(
    names: readonly string[],
  ): Promise<ReadonlyMap<string, { readonly unit: Unit; readonly file: string | null }>>;
  /** Point reads through `placement/`. null: there is no such unit. */
  detail(name: string): Promise<UnitDetail | null>;
  /** In as few transactions as possible; a result for each write, in order. */
  write(writes: readonly UnitWrite[]): Promise<readonly UnitWriteResult[]>;
  machine(id: string): Promise<Machine | null>;
  /** Replaces the settings; `expect` as in UnitWrite. */
  writeSettings(
    settings: Omit<MachineSettings, 'modRevision'>,
    expect: Revision,
  ): Promise<UnitWriteResult>;
  /** Each by itself; `conflict`: its machine is present, or its record is not as expected. */
  writeLosses(losses: readonly LossWrite[]): Promise<readonly UnitWriteResult[]>;
  /** `expect` as in UnitWrite. */
  writePolicy(policy: Omit<Policy, 'modRevision'>, expect: Revision): Promise<UnitWriteResult>;
  /** null: the record is removed. `expect` as in UnitWrite. */
  writeRebalance(
    rebalance: Omit<Rebalance, 'modRevision'> | null,
    expect: Revision,
  ): Promise<UnitWriteResult>;
  /** A current picture of everything; opened when asked, let go when idle. */
  cluster(): Promise<ClusterView>;
  readonly history: History;
}

/** What was asked of a unit in this boot, kept where a reboot forgets it (`/run/muster`). */
export interface UnitNote {
  readonly unit: string;
  /** The boot that this was noted in; a note of another boot says nothing. */
  readonly bootId: string;
  /** Mod revision of the assignment that has been carried out; 0: none yet. */
  readonly answers: Revision;
  readonly incarnation: Revision;
  /** Create revision of that assignment: it may have gone and come back unseen. Absent: not known. */
  readonly stay?: Revision;
  /** What the unit was loaded or last started with. */
  readonly hash: string;
  readonly desiredState: Exclude<DesiredState, 'inactive'>;
  readonly restarts: number;
  /** Absent: 0. */
  readonly starts?: number;
  /** Set before a job is asked for, cleared after systemd accepted it. */
  readonly pending: 'start' | 'stop' | 'restart' | null;
  /** What the pending job is to make of the unit. Absent: not known. */
  readonly begins?: { readonly hash: string; readonly restarts: number };
  /** A start or restart was accepted in this boot. */
  readonly wasStarted: boolean;
  /** How the last job ended (see JobEnd); null: none was asked for, or it has not ended yet. */
  readonly jobResult: string | null;
}

/** Notes survive musterd, not the machine. Each write is atomic. */
export interface NoteStore {
  /** Notes that do not parse or are of another boot are left out. */
  load(): Promise<ReadonlyMap<string, UnitNote>>;
  save(note: UnitNote): Promise<void>;
  remove(unit: string): Promise<void>;
}
