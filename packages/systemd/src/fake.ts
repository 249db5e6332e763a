import type {
  Clock,
  FileWrite,
  InstallLink,
  JobEnd,
  LeaseDeadlines,
  LoadedUnit,
  Revision,
  Systemd,
  UnitDetails,
  UnitRun,
  Unsubscribe,
} from '@muster/core';
import { SystemdRefusedError, SystemdUnavailableError } from '@muster/core';
import { isBound } from './bound-file.ts';
import { FakeGuard } from './fake-guard.ts';
import { FakeHostUnits } from './fake-host-units.ts';
import { FakeLinks } from './fake-links.ts';
import { FakeUnits, runOf } from './fake-units.ts';
import type { FakeUnit, LinkedUnits } from './fake-units.ts';
import { templateOf } from './unit-names.ts';
import type { UnitScript } from './unit-script.ts';

interface FakeFile {
  readonly hash: string;
  text: string;
}

/** What was asked of the fake, in order. */
export interface AskedJob {
  readonly type: JobEnd['type'];
  readonly unit: string;
}

/** Told at once of what goes on, whoever caused it. Must not throw. */
export interface FakeObserver {
  /** A unit is in another active state; at a reboot everything that was up is `inactive`. */
  readonly state: (unit: string, activeState: string) => void;
  /** A job was accepted; `state` tells what comes of it. */
  readonly asked: (job: AskedJob) => void;
}

/**
 * A systemd in memory, with the delays of the given clock. Units behave as their scripts say, or
 * else as `scriptOf` understands their files.
 */
export class FakeSystemd implements Systemd {
  readonly #units: FakeUnits;
  readonly #files = new Map<string, FakeFile>();
  readonly #hostUnits = new FakeHostUnits();
  readonly #links = new FakeLinks();
  readonly #guard: FakeGuard;
  readonly #epochs = new Map<string, Revision>();
  readonly #jobListeners = new Set<(end: JobEnd) => void>();
  readonly #changeListeners = new Set<() => void>();
  readonly #asked: AskedJob[] = [];
  #reloads = 0;
  #reloadsToFail = 0;
  #isAway = false;
  #isStopping = false;
  readonly #observer: FakeObserver | null;

  constructor(clock: Clock, observer: FakeObserver | null = null) {
    this.#observer = observer;
    this.#units = new FakeUnits({
      clock,
      onState: (name, activeState) => observer?.state(name, activeState),
      textOf: (name) => this.#textOf(name),
      linkedTo: (name) => this.#linkedTo(name),
      unitOf: (alias) => this.#links.unitOf(alias),
      onEnd: (end) => this.#end(end),
      admits: (unit) => this.#guard.admits(unit),
    });
    this.#guard = new FakeGuard(clock, this.#units);
  }

  /** Every job that was accepted since the beginning. */
  get asked(): readonly AskedJob[] {
    return this.#asked;
  }

  /** How often it was reloaded. */
  get reloads(): number {
    return this.#reloads;
  }

  /** Overrides what the unit's file says; effective from its next start. */
  script(unit: string, script: UnitScript): void {
    this.#units.script(unit, script);
  }

  /** The host has a unit of this name; a fragment is also loaded and active. */
  addHostUnit(name: string, kind: 'fragment' | 'mask'): void {
    this.#hostUnits.set(name, kind);
    if (kind === 'mask' || name.includes('@.')) return;
    this.#units.activate(this.#units.load(name, ''));
  }

  /** What is loaded and active of it stays so. */
  removeHostUnit(name: string): void {
    this.#hostUnits.delete(name);
  }

  /** The main process dies from SIGKILL. */
  crash(name: string): void {
    this.#units.fail(this.#units.active(name), { code: 'killed', status: 9 });
  }

  /** The main process ends by itself. */
  exit(name: string, exitCode = 0): void {
    const unit = this.#units.active(name);
    if (exitCode === 0) this.#units.settle(unit, 'inactive', 'success');
    else this.#units.fail(unit, { code: 'exited', status: exitCode });
  }

  /** A timer, a socket or a person starts it: no job of ours. */
  async startByHost(name: string): Promise<void> {
    await this.#units.start(this.#find(name), new AbortController().signal);
    this.#change();
  }

  get guard(): Pick<FakeGuard, 'hang' | 'deafen'> {
    return this.#guard;
  }

  /** While true, every call fails and nothing is told; units go on. */
  outage(isAway: boolean): void {
    this.#isAway = isAway;
    if (!isAway) this.#change();
  }

  /** So many reloads from now on end without an answer. */
  failReloads(count: number): void {
    this.#reloadsToFail = count;
  }

  /** The machine shuts down. */
  shutdown(): void {
    this.#isStopping = true;
  }

  /** Everything in /run is gone and nothing runs; units of the host are up again. */
  reboot(): void {
    this.#units.forgetAll();
    this.#files.clear();
    this.#links.clear();
    this.#guard.clear();
    this.#epochs.clear();
    this.#isStopping = false;
    for (const [name, kind] of this.#hostUnits) this.addHostUnit(name, kind);
    this.#change();
  }

  /** Changes a file of ours by hand. */
  tamper(name: string): void {
    const file = this.#files.get(name);
    if (file === undefined) throw new Error(`there is no file ${name}`);
    this.#files.set(name, { hash: '', text: `${file.text}# by hand\n` });
  }

  async listUnits(): Promise<readonly LoadedUnit[]> {
    this.#answer();
    return this.#units.all().map((unit) => ({
      name: unit.name,
      loadState: 'loaded',
      activeState: unit.activeState,
      subState: unit.subState,
      job: unit.job?.type ?? null,
    }));
  }

  async runs(units: readonly LoadedUnit[]): Promise<ReadonlyMap<string, UnitRun>> {
    this.#answer();
    return this.#pick(
      units.map(({ name }) => name),
      runOf,
    );
  }

  async restarts(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
    this.#answer();
    return this.#pick(names, (unit) => unit.restarts);
  }

  async details(names: readonly string[]): Promise<ReadonlyMap<string, UnitDetails>> {
    this.#answer();
    return this.#pick(names, (unit) => ({
      ...runOf(unit),
      fragmentPath: this.#fragmentPath(unit.name),
      needDaemonReload: this.#isStale(unit),
      mainPid: unit.mainPid,
    }));
  }

  async start(name: string): Promise<void> {
    this.#answer();
    this.#hostUnits.refuse(name);
    this.#run('start', this.#find(name));
  }

  async stop(name: string): Promise<void> {
    this.#answer();
    this.#hostUnits.refuse(name);
    const unit = this.#units.get(name);
    if (unit === undefined) this.#end({ unit: name, type: 'stop', result: 'done' });
    else this.#run('stop', unit);
  }

  async restart(name: string): Promise<void> {
    this.#answer();
    this.#hostUnits.refuse(name);
    this.#run('restart', this.#find(name));
  }

  async kill(name: string): Promise<void> {
    this.#answer();
    const unit = this.#units.get(name);
    if (unit !== undefined) this.#units.kill(unit);
  }

  async hold(deadlines: LeaseDeadlines): Promise<void> {
    this.#guard.hold(deadlines);
  }

  async limit(deadlines: LeaseDeadlines): Promise<void> {
    this.#guard.limit(deadlines);
  }

  async bound(): Promise<ReadonlySet<string>> {
    return new Set(
      [...this.#files].flatMap(([name, { text }]) => (isBound(name, text) ? [name] : [])),
    );
  }

  async setEpoch(name: string, epoch: Revision): Promise<void> {
    if ((await this.bound()).has(name)) this.#epochs.set(name, epoch);
  }

  /** What the unit finds as MUSTER_EPOCH; null: nothing. */
  epochOf(name: string): Revision | null {
    return this.#epochs.get(name) ?? null;
  }

  async noteFenced(names: readonly string[]): Promise<void> {
    const bound = await this.bound();
    this.#guard.note(names.filter((name) => bound.has(name)));
  }

  async fenced(): Promise<ReadonlySet<string>> {
    return new Set(this.#guard.fenced);
  }

  async forgetFenced(name: string): Promise<void> {
    this.#guard.fenced.delete(name);
  }

  async resetFailed(name: string): Promise<void> {
    this.#answer();
    const unit = this.#units.get(name);
    if (unit?.activeState === 'failed') this.#units.settle(unit, 'inactive', 'success');
  }

  async reload(): Promise<void> {
    this.#answer();
    if (this.#reloadsToFail > 0) {
      this.#reloadsToFail -= 1;
      throw new SystemdUnavailableError('the fake systemd does not reload');
    }
    this.#reloads += 1;
    for (const unit of this.#units.all()) {
      const file = this.#files.get(unit.name);
      if (file !== undefined) unit.text = file.text;
      unit.linked = this.#linkedTo(unit.name);
    }
    this.#links.reloaded();
    this.#guard.reloaded();
  }

  needsReload(): boolean {
    return this.#links.isReloadDue;
  }

  async isStopping(): Promise<boolean> {
    this.#answer();
    return this.#isStopping;
  }

  async writeFile(
    name: string,
    file: { readonly hash: string; readonly text: string; readonly epoch?: Revision },
  ): Promise<FileWrite> {
    this.#answer();
    const links = this.#links.read(name, file.text);
    const reason = this.#hostUnits.reason(name) ?? this.#aliasReason(name);
    if (reason !== null) return { type: 'refused', reason };
    if (typeof links === 'string') return { type: 'refused', reason: links };
    const taken = this.#takenAlias(name, links);
    if (taken !== null) return { type: 'refused', reason: taken };
    if (this.#files.get(name)?.text !== file.text) this.#files.set(name, { ...file });
    if (!isBound(name, file.text)) this.#guard.fenced.delete(name);
    await this.setEpoch(name, file.epoch ?? 0);
    this.#links.set(name, links);
    return { type: 'written' };
  }

  async removeFile(name: string): Promise<void> {
    this.#files.delete(name);
    this.#epochs.delete(name);
    this.#guard.fenced.delete(name);
    this.#links.set(name, []);
  }

  async files(): Promise<ReadonlyMap<string, string>> {
    return new Map([...this.#files].map(([name, file]) => [name, file.hash]));
  }

  onJobEnd(listener: (end: JobEnd) => void): Unsubscribe {
    this.#jobListeners.add(listener);
    return () => this.#jobListeners.delete(listener);
  }

  onChange(listener: () => void): Unsubscribe {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
  }

  #answer(): void {
    if (this.#isAway) throw new SystemdUnavailableError('the fake systemd is away');
  }

  #run(type: JobEnd['type'], unit: FakeUnit): void {
    this.#asked.push({ type, unit: unit.name });
    this.#observer?.asked({ type, unit: unit.name });
    this.#units.run(type, unit);
  }

  #find(name: string): FakeUnit {
    const unit = this.#units.find(name);
    if (unit !== null) return unit;
    throw new SystemdRefusedError(
      'org.freedesktop.systemd1.NoSuchUnit',
      `systemd refused StartUnit ${name}: Unit ${name} not found`,
    );
  }

  #linkedTo(name: string): LinkedUnits {
    return {
      wants: this.#links.linkedTo(name, 'wants'),
      requires: this.#links.linkedTo(name, 'requires'),
    };
  }

  #aliasReason(name: string): string | null {
    const unit = this.#links.unitOf(name);
    return unit === null ? null : `${name} is another name of ${unit} on this machine`;
  }

  #takenAlias(name: string, links: readonly InstallLink[]): string | null {
    for (const { alias } of links) {
      if (alias === null || this.#links.unitOf(alias) === name) continue;
      const own = this.#files.has(alias) ? `${alias} is a unit of the cluster itself` : null;
      const reason = this.#hostUnits.reason(alias) ?? own ?? this.#aliasReason(alias);
      if (reason !== null) return `Alias=${alias} cannot be had: ${reason}`;
    }
    return null;
  }

  #textOf(name: string): string | null {
    const template = templateOf(name);
    const file = this.#files.get(name) ?? (template === null ? null : this.#files.get(template));
    return file?.text ?? null;
  }

  #isStale(unit: FakeUnit): boolean {
    const file = this.#files.get(unit.name);
    return file !== undefined && file.text !== unit.text;
  }

  #fragmentPath(name: string): string {
    if (this.#hostUnits.has(name)) return `/usr/${name}`;
    return this.#files.has(name) ? `/run/${name}` : '';
  }

  #pick<T>(names: readonly string[], read: (unit: FakeUnit) => T): ReadonlyMap<string, T> {
    const units = names.flatMap((name) => this.#units.get(name) ?? []);
    return new Map(units.map((unit) => [unit.name, read(unit)]));
  }

  #end(end: JobEnd): void {
    if (this.#isAway) return;
    for (const listener of this.#jobListeners) listener(end);
  }

  #change(): void {
    for (const listener of this.#changeListeners) listener();
  }
}
