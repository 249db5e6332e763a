import { join } from 'node:path';
import type {
  Clock,
  FileWrite,
  JobEnd,
  LoadedUnit,
  Log,
  Systemd,
  UnitDetails,
  UnitRun,
  Unsubscribe,
} from '@muster/core';
import { HostUnitError, SystemdRefusedError } from '@muster/core';
import { asArray, asString } from './answers.ts';
import { isNoSuchUnit } from './bus-errors.ts';
import { MessageBusLink } from './bus.ts';
import type { BusObserver } from './bus.ts';
import type { BusSignal } from './connection.ts';
import { UnitFiles } from './files.ts';
import { Gate } from './gate.ts';
import { foreignDirectories, hostHas } from './host-units.ts';
import { JobTable } from './job-table.ts';
import { Listeners } from './listeners.ts';
import { defaultBusAddress, defaultRuntimeDirectory, defaultUnitDirectory } from './locations.ts';
import type { Environment, ManagerKind } from './locations.ts';
import { UnitList, exportedInvocation } from './unit-list.ts';
import { resultInterface, unitPath } from './unit-names.ts';
import { readRun, serviceInterface, unitInterface } from './unit-run.ts';

export interface SystemdOptions {
  readonly manager: ManagerKind;
  /** Says where the manager is when the two below do not. */
  readonly env: Environment;
  /** Absent: the well-known one of that manager. */
  readonly busAddress?: string;
  /** Where unit files are written; must be on the manager's load path and forgotten at reboot. */
  readonly unitDirectory?: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly observer?: BusObserver;
}

const service = 'org.freedesktop.systemd1';
const managerPath = '/org/freedesktop/systemd1';
const managerInterface = `${service}.Manager`;
const matches = [
  `type='signal',sender='${service}',path='${managerPath}',interface='${managerInterface}',member='JobRemoved'`,
  `type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='${service}'`,
];

/** Measured on systemd 252: above 500 unfinished jobs PID 1 may drop its bus connection. */
const callsInFlight = 100;
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
  readonly #files: UnitFiles;
  readonly #jobs = new JobTable();
  readonly #calls = new Gate({ places: callsInFlight });
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
    this.#jobListeners = new Listeners(log);
    this.#changeListeners = new Listeners(log);
    this.#jobPlaces = new Gate({
      places: unfinishedJobs,
      expiry: { ms: jobCountsMs, clock },
    });
    this.#files = new UnitFiles(
      options.unitDirectory ?? defaultUnitDirectory(manager, options.env),
    );
    this.#files.prepare();
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
  }

  listUnits(): Promise<readonly LoadedUnit[]> {
    return this.#list.get(() => this.#askUnits());
  }

  async #askUnits(): Promise<readonly LoadedUnit[]> {
    const before = this.#jobs.paths();
    const [rows] = await this.#call('ListUnits');
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
      return Number(await this.#property(name, serviceInterface, 'NRestarts'));
    });
  }

  details(names: readonly string[]): Promise<ReadonlyMap<string, UnitDetails>> {
    return this.#forEach(names, async (name) => {
      const isService = name.endsWith('.service');
      const [, run, fragmentPath, needDaemonReload, mainPid] = await Promise.all([
        // Asked first, because asking for a property would load the unit.
        this.#calls.within(() => this.#call('GetUnit', 's', [name])),
        this.#run(name),
        this.#property(name, unitInterface, 'FragmentPath'),
        this.#property(name, unitInterface, 'NeedDaemonReload'),
        isService ? this.#property(name, serviceInterface, 'MainPID') : 0,
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

  async resetFailed(name: string): Promise<void> {
    try {
      await this.#calls.within(() => this.#call('ResetFailedUnit', 's', [name]));
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
    return (await this.#managerProperty('SystemState')) === 'stopping';
  }

  async writeFile(
    name: string,
    file: { readonly hash: string; readonly text: string },
  ): Promise<FileWrite> {
    this.#hostDirectories ??= this.#readHostDirectories();
    return this.#files.write(name, file, await this.#hostDirectories);
  }

  async removeFile(name: string): Promise<void> {
    this.#files.remove(name);
  }

  needsReload(): boolean {
    return this.#files.needsReload;
  }

  async files(): Promise<ReadonlyMap<string, string>> {
    return this.#files.list();
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
      const [path] = await this.#calls.within(() => this.#ask(verbs[type], name));
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

  /** May wait behind somebody's daemon-reload: to give up early would be to ask twice. */
  #ask(verb: string, name: string): Promise<readonly unknown[]> {
    return this.#bus.call({
      destination: service,
      path: managerPath,
      interface: managerInterface,
      member: verb,
      signature: 'ss',
      body: [name, 'replace'],
      isSlow: true,
    });
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
    const reloadEnded = this.#files.reloadBegins();
    await this.#bus.call({
      destination: service,
      path: managerPath,
      interface: managerInterface,
      member: 'Reload',
      isSlow: true,
    });
    reloadEnded();
  }

  #run(name: string): Promise<UnitRun> {
    return readRun(name, (from, property) => this.#property(name, from, property));
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

  #call(member: string, signature = '', body: readonly unknown[] = []) {
    const target = { destination: service, path: managerPath, interface: managerInterface };
    return this.#bus.call({ ...target, member, signature, body });
  }

  async #property(unit: string, from: string, name: string): Promise<unknown> {
    return this.#calls.within(() => this.#get(unitPath(unit), from, name));
  }

  async #managerProperty(name: string): Promise<unknown> {
    return this.#get(managerPath, managerInterface, name);
  }

  async #get(path: string, from: string, name: string): Promise<unknown> {
    const [value] = await this.#bus.call({
      destination: service,
      path,
      interface: 'org.freedesktop.DBus.Properties',
      member: 'Get',
      signature: 'ss',
      body: [from, name],
    });
    return value;
  }

  async #readHostDirectories(): Promise<readonly string[]> {
    try {
      const loadPath = asArray(await this.#managerProperty('UnitPath')).map(asString);
      const foreign = foreignDirectories(loadPath, this.#files.directory);
      if (foreign.length === loadPath.length) {
        this.#log.error(
          { directory: this.#files.directory, loadPath },
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
