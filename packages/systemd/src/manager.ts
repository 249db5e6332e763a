import { join } from 'node:path';
import type {
  Clock,
  FileWrite,
  JobEnd,
  LeaseDeadlines,
  LoadedUnit,
  Log,
  Revision,
  Systemd,
  UnitDetails,
  UnitRun,
  Unsubscribe,
} from '@muster/core';
import { HostUnitError, SystemdRefusedError } from '@muster/core';
import { asArray, asString } from './answers.ts';
import { isNoSuchUnit } from './bus-errors.ts';
import { BoundUnits } from './bound-units.ts';
import { MessageBusLink } from './bus.ts';
import type { BusObserver } from './bus.ts';
import type { BusSignal } from './connection.ts';
import { Gate } from './gate.ts';
import { foreignDirectories, hostHas } from './host-units.ts';
import { JobTable } from './job-table.ts';
import { Listeners } from './listeners.ts';
import { defaultBusAddress, defaultRuntimeDirectory, defaultUnitDirectory } from './locations.ts';
import type { Environment, ManagerKind } from './locations.ts';
import { ManagerCalls, managerInterface, managerPath, service } from './manager-calls.ts';
import { startGuard } from './start-guard.ts';
import { UnitList, exportedInvocation } from './unit-list.ts';
import { resultInterface } from './unit-names.ts';
import { readRun, serviceInterface, unitInterface } from './unit-run.ts';

export interface SystemdOptions {
  readonly manager: ManagerKind;
  /** Says where the manager is when the two below do not. */
  readonly env: Environment;
  /** Absent: the well-known one of that manager. */
  readonly busAddress?: string;
  /** Where unit files are written; must be on the manager's load path and forgotten at reboot. */
  readonly unitDirectory?: string;
  /** Where the guard of units that are bound to the lease has its files; forgotten at reboot. */
  readonly guardDirectory: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly observer?: BusObserver;
}

const matches = [
  `type='signal',sender='${service}',path='${managerPath}',interface='${managerInterface}',member='JobRemoved'`,
  `type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='${service}'`,
];

/** Measured on systemd 252: above 500 unfinished jobs PID 1 may drop its bus connection. */
const unfinishedJobs = 200;
const jobCountsMs = 5_000;

const verbs = { start: 'StartUnit', stop: 'StopUnit', restart: 'RestartUnit' } as const;

/**
 * Opens this machine's systemd. The connection is made, and made again, in the background.
 * Manager.Subscribe is not called: JobRemoved of jobs asked for here comes without it, and with
 * it PID 1 sends some 14 signals for each start.
 * @throws {InvalidInputError} when the user manager's directory is not known
 */
export function openSystemd(options: SystemdOptions): Systemd & { close(): Promise<void> } {
  return new LocalSystemd(options);
}

class LocalSystemd implements Systemd {
  readonly #bus: MessageBusLink;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #units: BoundUnits;
  readonly #jobs = new JobTable();
  readonly #calls: ManagerCalls;
  readonly #jobPlaces: Gate;
  readonly #exportDirectory: string;
  readonly #list: UnitList;
  readonly #jobListeners: Listeners<JobEnd>;
  readonly #changeListeners: Listeners<void>;
  #hostDirectories: Promise<readonly string[]> | null = null;
  #reloading: Promise<void> | null = null;
  #nextReload: Promise<void> | null = null;

  constructor(options: SystemdOptions) {
    const { manager, clock, log } = options;
    this.#log = log;
    this.#clock = clock;
    this.#jobListeners = new Listeners(log);
    this.#changeListeners = new Listeners(log);
    this.#jobPlaces = new Gate({
      places: unfinishedJobs,
      expiry: { ms: jobCountsMs, clock },
    });
    const unitDirectory = options.unitDirectory ?? defaultUnitDirectory(manager, options.env);
    this.#units = new BoundUnits({
      directory: options.guardDirectory,
      unitDirectory,
      systemctl: manager === 'user' ? ['systemctl', '--user'] : ['systemctl'],
    });
    this.#exportDirectory = join(defaultRuntimeDirectory(manager, options.env), 'systemd/units');
    this.#list = new UnitList(this.#exportDirectory, clock);
    this.#bus = new MessageBusLink({
      address: options.busAddress ?? defaultBusAddress(manager, options.env),
      matches,
      clock,
      log,
      onSignal: (signal) => {
        this.#list.doubt();
        this.#onSignal(signal);
      },
      onConnected: () => {
        this.#list.doubt();
        this.#onNewPeer();
      },
      onLost: () => this.#jobPlaces.freeAll(),
      observer: options.observer,
    });
    this.#calls = new ManagerCalls(this.#bus);
  }

  listUnits(): Promise<readonly LoadedUnit[]> {
    return this.#list.get(() => this.#askUnits());
  }

  async #askUnits(): Promise<readonly LoadedUnit[]> {
    const before = this.#jobs.paths();
    const [rows] = await this.#calls.now('ListUnits');
    const queued = new Set<unknown>();
    const units = asArray(rows).map((row): LoadedUnit => {
      const [name, , loadState, activeState, subState, , , jobId, jobType, jobPath] = asArray(row);
      if (jobId !== 0) queued.add(jobPath);
      return {
        name: asString(name),
        loadState: asString(loadState),
        activeState: asString(activeState),
        subState: asString(subState),
        job: jobId === 0 ? null : asString(jobType),
      };
    });
    this.#units.look(units);
    // JobRemoved comes before an answer that has the job no more: these were never told of.
    this.#jobs.lost(before.filter((path) => !queued.has(path)));
    return units;
  }

  runs(units: readonly LoadedUnit[]): Promise<ReadonlyMap<string, UnitRun>> {
    const isActive = new Set(
      units.flatMap(({ name, activeState }) => (activeState === 'active' ? [name] : [])),
    );
    return this.#forEach(
      units.map(({ name }) => name),
      async (name) => {
        const invocationId = isActive.has(name)
          ? exportedInvocation(this.#exportDirectory, name)
          : null;
        if (invocationId === null) return this.#run(name);
        const result = resultInterface(name) === null ? null : 'success';
        return { result, exit: null, invocationId };
      },
    );
  }

  restarts(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.#forEach(names, async (name) => {
      return Number(await this.#calls.property(name, serviceInterface, 'NRestarts'));
    });
  }

  details(names: readonly string[]): Promise<ReadonlyMap<string, UnitDetails>> {
    return this.#forEach(names, async (name) => {
      const isService = name.endsWith('.service');
      const [, run, fragmentPath, needDaemonReload, mainPid] = await Promise.all([
        // Asked first, because asking for a property would load the unit.
        this.#calls.of('GetUnit', 's', [name]),
        this.#run(name),
        this.#calls.property(name, unitInterface, 'FragmentPath'),
        this.#calls.property(name, unitInterface, 'NeedDaemonReload'),
        isService ? this.#calls.property(name, serviceInterface, 'MainPID') : 0,
      ]);
      return {
        ...run,
        fragmentPath: asString(fragmentPath),
        needDaemonReload: needDaemonReload === true,
        mainPid: Number(mainPid),
      };
    });
  }

  start(name: string): Promise<void> {
    return this.#job('start', name);
  }

  stop(name: string): Promise<void> {
    return this.#job('stop', name);
  }

  restart(name: string): Promise<void> {
    return this.#job('restart', name);
  }

  async kill(name: string): Promise<void> {
    const [everything, sigkill] = ['all', 9];
    try {
      await this.#calls.of('KillUnit', 'ssi', [name, everything, sigkill]);
    } catch (error) {
      if (!(error instanceof SystemdRefusedError)) throw error;
      // It is not loaded, or its last process ended just now.
      this.#log.debug({ unit: name, err: error }, 'nothing to kill');
    } finally {
      this.#list.doubt();
    }
  }

  async resetFailed(name: string): Promise<void> {
    try {
      await this.#calls.of('ResetFailedUnit', 's', [name]);
    } catch (error) {
      if (!isNoSuchUnit(error)) throw error;
    } finally {
      this.#list.doubt();
    }
  }

  /** One that is under way may have read the files before the latest change: it is not shared. */
  reload(): Promise<void> {
    if (this.#reloading === null) return this.#reload();
    this.#nextReload ??= this.#reloading.then(
      () => this.#reload(),
      () => this.#reload(),
    );
    return this.#nextReload;
  }

  async isStopping(): Promise<boolean> {
    return (await this.#calls.managerProperty('SystemState')) === 'stopping';
  }

  async writeFile(
    name: string,
    file: { readonly hash: string; readonly text: string; readonly epoch?: Revision },
  ): Promise<FileWrite> {
    this.#hostDirectories ??= this.#readHostDirectories();
    return this.#units.write(name, file, {
      hostDirectories: await this.#hostDirectories,
      startGuard: () => startGuard(this.#calls, this.#clock),
    });
  }

  async removeFile(name: string): Promise<void> {
    this.#units.remove(name);
  }

  async hold(deadlines: LeaseDeadlines): Promise<void> {
    this.#units.hold(deadlines);
  }

  async limit(deadlines: LeaseDeadlines): Promise<void> {
    this.#units.limit(deadlines);
  }

  async bound(): Promise<ReadonlySet<string>> {
    return this.#units.files.bound;
  }

  async setEpoch(name: string, epoch: Revision): Promise<void> {
    this.#units.setEpoch(name, epoch);
  }

  async noteFenced(names: readonly string[]): Promise<void> {
    this.#units.noteFenced(names);
  }

  async fenced(): Promise<ReadonlySet<string>> {
    return this.#units.fenced();
  }

  async forgetFenced(name: string): Promise<void> {
    this.#units.forgetFenced(name);
  }

  needsReload(): boolean {
    return this.#units.files.needsReload;
  }

  async files(): Promise<ReadonlyMap<string, string>> {
    return this.#units.list();
  }

  onJobEnd(listener: (end: JobEnd) => void): Unsubscribe {
    return this.#jobListeners.add(listener);
  }

  onChange(listener: () => void): Unsubscribe {
    return this.#changeListeners.add(listener);
  }

  async close(): Promise<void> {
    await this.#bus.close();
    this.#jobPlaces.freeAll();
    this.#jobPlaces.close();
  }

  async #job(type: JobEnd['type'], name: string): Promise<void> {
    await this.#refuseHostUnit(name);
    const place = await this.#jobPlaces.enter();
    this.#jobs.asking();
    this.#list.doubt();
    try {
      const [path] = await this.#calls.job(verbs[type], name);
      const ask = { unit: name, type, onGone: () => place.free() };
      const end = this.#jobs.accepted(asString(path), ask);
      this.#list.doubt();
      if (end !== null) this.#jobListeners.tell(end);
    } catch (error) {
      this.#jobs.refused();
      place.free();
      if (type !== 'stop' || !isNoSuchUnit(error)) throw error;
      this.#jobListeners.tell({ unit: name, type, result: 'done' });
    }
  }

  /** A host's unit that came to be under a name of ours is not ours to start or stop. */
  async #refuseHostUnit(name: string): Promise<void> {
    this.#hostDirectories ??= this.#readHostDirectories();
    const reason = hostHas(name, await this.#hostDirectories);
    if (reason !== null) throw new HostUnitError(reason);
  }

  #reload(): Promise<void> {
    this.#nextReload = null;
    const reloading = this.#slowReload().finally(() => {
      this.#reloading = null;
      this.#list.doubt();
    });
    this.#reloading = reloading;
    return reloading;
  }

  async #slowReload(): Promise<void> {
    const reloadEnded = this.#units.reloadBegins();
    await this.#calls.reload();
    reloadEnded();
  }

  #run(name: string): Promise<UnitRun> {
    return readRun(name, (from, property) => this.#calls.property(name, from, property));
  }

  /** One that systemd knows nothing of is left out; no answer at all is an error. */
  async #forEach<T>(
    names: readonly string[],
    read: (name: string) => Promise<T>,
  ): Promise<ReadonlyMap<string, T>> {
    const found = new Map<string, T>();
    await Promise.all(
      names.map(async (name) => {
        try {
          found.set(name, await read(name));
        } catch (error) {
          if (!(error instanceof SystemdRefusedError)) throw error;
          if (!isNoSuchUnit(error)) this.#log.debug({ unit: name, err: error }, 'unit not read');
        }
      }),
    );
    return found;
  }

  async #readHostDirectories(): Promise<readonly string[]> {
    try {
      const loadPath = asArray(await this.#calls.managerProperty('UnitPath')).map(asString);
      const foreign = foreignDirectories(loadPath, this.#units.files.directory);
      if (foreign.length === loadPath.length) {
        this.#log.error(
          { directory: this.#units.files.directory, loadPath },
          'unit files are written where systemd does not look',
        );
      }
      return foreign;
    } catch (error) {
      this.#hostDirectories = null;
      throw error;
    }
  }

  #onSignal(signal: BusSignal): void {
    if (signal.member === 'NameOwnerChanged') this.#onNewPeer();
    if (signal.member !== 'JobRemoved') return;
    const [, path, unit, result] = signal.body;
    const ends = this.#jobs.removed(asString(path), asString(unit), asString(result));
    for (const end of ends) this.#jobListeners.tell(end);
    if (ends.length === 0) this.#changeListeners.tell();
  }

  #onNewPeer(): void {
    this.#hostDirectories = null;
    this.#changeListeners.tell();
  }
}
