import type { ProcessExit } from './exit-status.ts';
import type { LeaseDeadlines } from './lease-term.ts';
import type { Revision } from './model.ts';
import type { Unsubscribe } from './ports.ts';

/** One row of ListUnitsByPatterns. */
export interface LoadedUnit {
  readonly name: string;
  readonly loadState: string;
  readonly activeState: string;
  readonly subState: string;
  /** Type of the queued job (`start`, `stop`, …); null when there is none. */
  readonly job: string | null;
}

/** What the last run of a unit came to. */
export interface UnitRun {
  /**
   * systemd's `Result`; null for unit types that have none (target, …). `start-limit-hit` also
   * where systemd gave up restarting a service and keeps the result of its last run.
   */
  readonly result: string | null;
  /** How the main process of a service that did not end well ended; null: all is well, or there was none. */
  readonly exit: ProcessExit | null;
  /** 32 hex digits; null when the unit did not run since it was loaded. */
  readonly invocationId: string | null;
}

export interface UnitDetails extends UnitRun {
  /** '' when there is none. */
  readonly fragmentPath: string;
  readonly needDaemonReload: boolean;
  /** 0 when there is none (also for units other than services). */
  readonly mainPid: number;
}

/** How a job ended, as JobRemoved says it: `done`, `canceled`, `timeout`, `failed`, `dependency`, `skipped`, … */
export interface JobEnd {
  readonly unit: string;
  readonly type: 'start' | 'stop' | 'restart';
  readonly result: string;
}

/** `refused`: the host itself has a unit of this name; `reason` is one sentence. */
export type FileWrite =
  { readonly type: 'written' } | { readonly type: 'refused'; readonly reason: string };

/**
 * One machine's systemd, its system or user manager. Every call has a time limit.
 * All methods throw {SystemdUnavailableError} when there was no answer (nothing is known then) and
 * {SystemdRefusedError} when systemd said no.
 */
export interface Systemd {
  /**
   * All units that are loaded, ours and the host's. Asks for no unit by name: that would load it.
   * The very same array as before when there is no sign that anything has changed since, for some
   * seconds at most.
   */
  listUnits(): Promise<readonly LoadedUnit[]>;
  /**
   * The cheap part of `details`, for units as they were just listed; of an active one it costs
   * systemd nothing. One that vanished meanwhile is missing from the answer, or its invocationId
   * is null.
   */
  runs(units: readonly LoadedUnit[]): Promise<ReadonlyMap<string, UnitRun>>;
  /**
   * How often systemd itself has restarted each of these services since it was last started on
   * purpose. One that is not loaded is missing from the answer, or has 0.
   */
  restarts(names: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** For units that are loaded; one that vanished meanwhile is missing from the answer. */
  details(names: readonly string[]): Promise<ReadonlyMap<string, UnitDetails>>;
  /**
   * Queues a job (mode `replace`) and resolves when systemd has accepted it. How it ends comes by
   * `onJobEnd`, which may be called before this resolves. Limits what is in flight by itself.
   * @throws {HostUnitError} when the host has a unit of this name
   */
  start(name: string): Promise<void>;
  /** A unit that is not loaded is stopped already: that counts as a job that ended with `done`. */
  stop(name: string): Promise<void>;
  restart(name: string): Promise<void>;
  /** SIGKILL to every process of the unit; no error when it is not loaded or has none. */
  kill(name: string): Promise<void>;
  /** No error when the unit is not loaded. */
  resetFailed(name: string): Promise<void>;
  /** daemon-reload; concurrent calls share one. */
  reload(): Promise<void>;
  /**
   * Whether links for `[Install]` of units of ours were made or taken away since the last reload, in
   * this process or an earlier one: systemd does not see it before the next.
   */
  needsReload(): boolean;
  /** True while the machine shuts down or reboots: nothing is to be started then. */
  isStopping(): Promise<boolean>;
  /**
   * Writes a unit file of ours atomically, with the links that its `[Install]` asks for, or refuses
   * because the name or an alias is the host's own (a foreign fragment on the load path, a mask).
   * `epoch`: see setEpoch.
   */
  writeFile(
    name: string,
    file: { readonly hash: string; readonly text: string; readonly epoch?: Revision },
  ): Promise<FileWrite>;
  /** Removes a file that is ours, with its links; no error when there is none. */
  removeFile(name: string): Promise<void>;
  /** unit → hash of every unit file of ours on disk that is intact with its links; else its hash is ''. */
  files(): Promise<ReadonlyMap<string, string>>;
  /**
   * Units whose file has `OnPartition=stop` are bound to the lease: they cannot be started, by
   * anyone, before the first `hold` or after `stopAt`; what is up then is stopped, and at `killAt`
   * killed, also when this process hangs or is gone. Later deadlines take the place of earlier ones.
   */
  hold(deadlines: LeaseDeadlines): Promise<void>;
  /**
   * As `hold`, but for deadlines that are earlier already, also those of an earlier process. Where
   * there are none, none come of it.
   */
  limit(deadlines: LeaseDeadlines): Promise<void>;
  /** Units whose file binds them to the lease. */
  bound(): Promise<ReadonlySet<string>>;
  /** What such a unit finds as MUSTER_EPOCH in its environment from its next start on. */
  setEpoch(name: string, epoch: Revision): Promise<void>;
  /** Notes that units were up when they were stopped for want of a lease. */
  noteFenced(names: readonly string[]): Promise<void>;
  /** Units that were up when they were stopped for want of a lease, as noted here or by the guard. */
  fenced(): Promise<ReadonlySet<string>>;
  forgetFenced(name: string): Promise<void>;
  onJobEnd(listener: (end: JobEnd) => void): Unsubscribe;
  /** Something may have changed or the connection is new: poll now. */
  onChange(listener: () => void): Unsubscribe;
}
