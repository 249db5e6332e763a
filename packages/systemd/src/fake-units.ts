import type { Clock, JobEnd, ProcessExit, UnitRun } from '@muster/core';
import { resultInterface, unitType } from './unit-names.ts';
import { scriptOf } from './unit-script.ts';
import type { RestartScript, UnitScript } from './unit-script.ts';

export interface FakeUnit {
  readonly name: string;
  /** What it was loaded with; a changed file counts after a reload. */
  text: string;
  /** Units that were linked to it when it was loaded or at the last reload. */
  linked: LinkedUnits;
  activeState: string;
  subState: string;
  result: string;
  /** How its main process ended, if not well. */
  exit: ProcessExit | null;
  /** Since it was last started on purpose. */
  restarts: number;
  invocationId: string | null;
  mainPid: number;
  job: FakeJob | null;
  /** Ends the restart by itself that is under way. */
  waiting: AbortController | null;
}

/** By `WantedBy=` and `RequiredBy=` of their own. */
export interface LinkedUnits {
  readonly wants: readonly string[];
  readonly requires: readonly string[];
}

interface FakeJob {
  readonly type: JobEnd['type'];
  readonly cancelled: AbortController;
  /** A restart that has come so far takes no other restart along: what it starts with is settled. */
  isStarting: boolean;
  /** Somebody else's ends without a word to us. */
  readonly isOurs: boolean;
}

export interface FakeUnitsOptions {
  readonly clock: Clock;
  /** Content of the unit's file; null when there is none. */
  readonly textOf: (name: string) => string | null;
  readonly linkedTo: (name: string) => LinkedUnits;
  /** The unit that has this other name; null: none. */
  readonly unitOf: (alias: string) => string | null;
  readonly onEnd: (end: JobEnd) => void;
  readonly onState: (name: string, activeState: string) => void;
  /** false: a unit that it depends on cannot be started now. */
  readonly admits: (unit: FakeUnit) => boolean;
}

/** The loaded units of the fake, and how they change. */
export class FakeUnits {
  readonly #options: FakeUnitsOptions;
  readonly #units = new Map<string, FakeUnit>();
  readonly #scripts = new Map<string, UnitScript>();
  #counter = 0;

  constructor(options: FakeUnitsOptions) {
    this.#options = options;
  }

  all(): readonly FakeUnit[] {
    return [...this.#units.values()];
  }

  get(name: string): FakeUnit | undefined {
    return this.#units.get(name);
  }

  /** Loads it from its file when it is not loaded; null when there is no file. */
  find(name: string): FakeUnit | null {
    const id = this.#options.unitOf(name) ?? name;
    const loaded = this.#units.get(id);
    if (loaded !== undefined) return loaded;
    const text = this.#options.textOf(id);
    return text === null ? null : this.load(id, text);
  }

  script(name: string, script: UnitScript): void {
    this.#scripts.set(name, script);
  }

  forgetAll(): void {
    const all = [...this.#units.values()];
    for (const unit of all) {
      unit.job?.cancelled.abort();
      unit.waiting?.abort();
    }
    this.#units.clear();
    for (const { name } of all) this.#options.onState(name, 'inactive');
  }

  /** Queues a job, in place of one that is queued already. */
  run(type: JobEnd['type'], unit: FakeUnit, isOurs = true): void {
    const isTakenAlong = unit.job?.type === type && !(type === 'restart' && unit.job.isStarting);
    if (isTakenAlong) return;
    this.#cancelJob(unit, 'canceled');
    const job: FakeJob = { type, cancelled: new AbortController(), isStarting: false, isOurs };
    unit.job = job;
    void this.#carryOut(unit, job);
  }

  async #carryOut(unit: FakeUnit, job: FakeJob): Promise<void> {
    const { signal } = job.cancelled;
    // Accepted first, done afterwards, as with the real one.
    await Promise.resolve();
    let result = 'done';
    // What is ending has to end before it is started.
    const isToEnd = job.type !== 'start' || unit.activeState === 'deactivating';
    if (isToEnd && !signal.aborted) await this.#stop(unit, signal);
    if (job.type !== 'stop' && !signal.aborted) {
      job.isStarting = true;
      unit.restarts = 0;
      result = await this.start(unit, signal);
    }
    if (signal.aborted) return;
    unit.job = null;
    this.#collect(unit);
    this.#tellEnd(unit, job, result);
  }

  async #stop(unit: FakeUnit, signal: AbortSignal): Promise<void> {
    if (unit.activeState === 'inactive' || unit.activeState === 'failed') return;
    const { stopMs } = this.#scriptOf(unit);
    if (stopMs > 0) {
      this.#show(unit, 'deactivating', 'stop');
      await this.#options.clock.sleep(stopMs, signal);
      if (signal.aborted) return;
    }
    this.settle(unit, 'inactive', 'success');
  }

  /** All its processes die from SIGKILL. */
  kill(unit: FakeUnit): void {
    if (unit.activeState === 'inactive' || unit.activeState === 'failed') return;
    this.#cancelJob(unit, unit.job?.type === 'stop' ? 'done' : 'failed');
    this.settle(unit, 'failed', 'signal');
  }

  #cancelJob(unit: FakeUnit, result: string): void {
    const { job } = unit;
    if (job === null) return;
    job.cancelled.abort();
    unit.job = null;
    this.#tellEnd(unit, job, result);
  }

  #tellEnd({ name }: FakeUnit, { type, isOurs }: FakeJob, result: string): void {
    if (isOurs) this.#options.onEnd({ unit: name, type, result });
  }

  /** At once, without a job. @returns what the result of a job would be */
  async start(unit: FakeUnit, signal: AbortSignal): Promise<string> {
    if (unit.activeState === 'active') return 'done';
    const script = this.#scriptOf(unit);
    const required = [...script.requires, ...unit.linked.requires];
    if (!this.#options.admits(unit)) return 'dependency';
    if (!(await this.#startRequired(required, signal))) return 'dependency';
    for (const name of unit.linked.wants) await this.#startRequired([name], signal);
    if (!script.isConditionMet) return 'done';
    unit.invocationId = this.#newInvocationId();
    unit.result = 'success';
    unit.exit = null;
    if (script.startMs > 0) {
      this.#show(unit, 'activating', 'start');
      await this.#options.clock.sleep(script.startMs, signal);
      if (signal.aborted) return 'canceled';
    }
    if (script.isOneshot) return this.#finishOneshot(unit, script);
    this.activate(unit);
    // Type=simple counts as started before its program is executed.
    if (script.exitCode === 0) this.settle(unit, 'inactive', 'success');
    else if (script.exitCode !== null) this.fail(unit, { code: 'exited', status: script.exitCode });
    return 'done';
  }

  #finishOneshot(unit: FakeUnit, script: Required<UnitScript>): string {
    if (script.exitCode !== 0 && script.exitCode !== null) {
      this.fail(unit, { code: 'exited', status: script.exitCode });
      return 'failed';
    }
    if (script.remainsAfterExit) this.#show(unit, 'active', 'exited');
    else this.settle(unit, 'inactive', 'success');
    return 'done';
  }

  async #startRequired(names: readonly string[], signal: AbortSignal): Promise<boolean> {
    for (const name of names) {
      const unit = this.find(name);
      if (unit === null || (await this.start(unit, signal)) !== 'done') return false;
    }
    return true;
  }

  activate(unit: FakeUnit): void {
    unit.invocationId ??= this.#newInvocationId();
    if (unitType(unit.name) === 'service') unit.mainPid = this.#count() + 100_000;
    this.#show(unit, 'active', subStates[unitType(unit.name)] ?? 'active');
  }

  settle(unit: FakeUnit, activeState: 'inactive' | 'failed', result: string): void {
    unit.mainPid = 0;
    unit.result = result;
    this.#show(unit, activeState, activeState === 'failed' ? 'failed' : 'dead');
    this.#collect(unit);
  }

  /** Its main process ended like this, and it is restarted if its file says so. */
  fail(unit: FakeUnit, exit: ProcessExit): void {
    const { restart } = this.#scriptOf(unit);
    unit.exit = exit;
    const result = exit.code === 'exited' ? 'exit-code' : 'signal';
    if (restart === null) return this.settle(unit, 'failed', result);
    unit.mainPid = 0;
    unit.result = result;
    this.#show(unit, 'activating', 'auto-restart');
    unit.waiting = new AbortController();
    void this.#restart(unit, restart, unit.waiting.signal);
  }

  async #restart(unit: FakeUnit, { delayMs, burst }: RestartScript, signal: AbortSignal) {
    await this.#options.clock.sleep(delayMs, signal);
    // A job, or a reboot, came first.
    if (signal.aborted || unit.subState !== 'auto-restart') return;
    if (unit.restarts >= burst) return this.settle(unit, 'failed', 'start-limit-hit');
    unit.restarts += 1;
    await this.start(unit, signal);
  }

  /** systemd forgets what is inactive; what failed it keeps. */
  #collect(unit: FakeUnit): void {
    if (unit.activeState === 'inactive' && unit.job === null) this.#units.delete(unit.name);
  }

  #show(unit: FakeUnit, activeState: string, subState: string): void {
    this.#units.set(unit.name, unit);
    if (activeState === 'inactive' || activeState === 'failed') unit.waiting?.abort();
    unit.activeState = activeState;
    unit.subState = subState;
    this.#options.onState(unit.name, activeState);
  }

  #scriptOf(unit: FakeUnit): Required<UnitScript> {
    return { ...scriptOf(unit.text), ...this.#scripts.get(unit.name) };
  }

  load(name: string, text: string): FakeUnit {
    const unit: FakeUnit = {
      name,
      text,
      linked: this.#options.linkedTo(name),
      activeState: 'inactive',
      subState: 'dead',
      result: 'success',
      exit: null,
      restarts: 0,
      invocationId: null,
      mainPid: 0,
      job: null,
      waiting: null,
    };
    this.#units.set(name, unit);
    return unit;
  }

  active(name: string): FakeUnit {
    const unit = this.#units.get(name);
    if (unit?.activeState === 'active') return unit;
    throw new Error(`${name} is ${unit?.activeState ?? 'not loaded'}, not active`);
  }

  #count(): number {
    this.#counter += 1;
    return this.#counter;
  }

  #newInvocationId(): string {
    return this.#count().toString(16).padStart(32, '0');
  }
}

/** Of an active unit that is neither a oneshot nor something else without a process. */
const subStates: Readonly<Record<string, string>> = {
  service: 'running',
  timer: 'waiting',
  socket: 'listening',
  path: 'waiting',
  mount: 'mounted',
};

/** As a systemd says it. */
export function runOf(unit: FakeUnit): UnitRun {
  return {
    result: resultInterface(unit.name) === null ? null : unit.result,
    exit: unit.result === 'success' ? null : unit.exit,
    invocationId: unit.invocationId,
  };
}
