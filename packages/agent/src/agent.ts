import { isHeld, ReconcileLoop, expandSpecifiers } from '@muster/core';
import type {
  AgentRegistry,
  AgentSnapshot,
  Clock,
  JobEnd,
  LoadedUnit,
  Log,
  NoteStore,
  PassEnd,
  Systemd,
  UnitNote,
} from '@muster/core';
import { Applier } from './applier.ts';
import { readContent } from './content.ts';
import type { Content } from './content.ts';
import { Fence, forgetRisen } from './fence.ts';
import { isUp, planUnit } from './plan.ts';
import type { JobType, MachineFacts, UnitInput, UnitTask } from './plan.ts';
import { Publisher } from './publisher.ts';
import { planWithoutStore } from './without-store.ts';
import type { Picture, WithoutStore } from './without-store.ts';

export interface AgentOptions {
  readonly registry: AgentRegistry;
  readonly systemd: Systemd;
  readonly notes: NoteStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly bootId: string;
  readonly pollMs: number;
  /** What it follows in a boot in which the store cannot be reached; absent: nothing. */
  readonly withoutStore?: WithoutStore;
  readonly observer?: AgentObserver;
}

/** Told what the agent does, for counting. Must not throw. */
export interface AgentObserver {
  readonly passed: (pass: PassEnd) => void;
  /** A step for one unit was carried out, or not; `none`: it was about files and notes only. */
  readonly taskEnded: (job: JobType | 'none', result: 'done' | 'failed') => void;
}

/** Jobs asked for in one pass; what is left waits for the next, so that states are told between. */
const jobsPerPass = 100;
const filesEveryMs = 30_000;
const maxRestMs = 50;
/** An end that was not told (the bus went away meanwhile) is assumed after this long without a job. */
const lostEndMs = 3_000;

/** What a pass follows, and how. */
interface Guide {
  readonly picture: Picture;
  readonly plan: typeof planUnit;
  /** Whether it may be followed now. */
  readonly isHeld: () => boolean;
}

/** What a pass decides from, but for files and what has ended. */
interface Sight {
  readonly snapshot: AgentSnapshot;
  readonly listed: readonly LoadedUnit[];
  readonly session: string | null;
  readonly isHeld: boolean;
}

function isSame(a: Sight | null, b: Sight): boolean {
  return (
    a?.snapshot === b.snapshot &&
    a.listed === b.listed &&
    a.session === b.session &&
    a.isHeld === b.isHeld
  );
}

function byName(units: readonly LoadedUnit[]): Map<string, LoadedUnit> {
  return new Map(units.map((unit) => [unit.name, unit]));
}

/**
 * Makes one machine's systemd run what is assigned to it, and says what became of it.
 *
 * Who decides: planUnit, from one snapshot of the assignments and one list from systemd. Who acts:
 * Applier. A pass that cannot read one of them does nothing at all. Twice the same pass does
 * nothing the second time. One that dies half-way is taken up again from the notes in /run.
 */
export class Agent {
  readonly #options: AgentOptions;
  readonly #loop: ReconcileLoop;
  readonly #applier: Applier;
  readonly #publisher: Publisher;
  readonly #fence: Fence;
  #notes: Map<string, UnitNote> | null = null;
  #files: Map<string, string> = new Map();
  #filesReadAt = -Infinity;
  /** By hash, only of hashes assigned here. */
  readonly #contents = new Map<string, Content>();
  readonly #ended: JobEnd[] = [];
  /** Units that the pass before put right. */
  #healed: ReadonlySet<string> = new Set();
  #wasRegistered = false;
  /** What the last pass saw, when it left nothing to do or to tell; else null. */
  #settled: Sight | null = null;
  /** Units whose job was asked for by this process and has not ended yet, and since when (boot clock). */
  readonly #awaited = new Map<string, number>();

  constructor(options: AgentOptions) {
    const { clock, log, observer } = options;
    this.#options = options;
    this.#loop = new ReconcileLoop({
      clock,
      pass: (signal) => this.#pass(signal),
      resyncMs: options.pollMs,
      maxBackoffMs: 2_000,
      restMs: (passMs) => Math.min(maxRestMs, passMs),
      ...(observer === undefined ? {} : { onPass: observer.passed }),
      onFailure: (err, failures) => {
        // At the start, and when etcd or the bus is restarted, the first tries fail: no news.
        if (failures === 3 || failures % 60 === 0)
          log.warn({ err, failures }, 'pass failed, nothing was concluded from it');
      },
    });
    this.#applier = new Applier(options);
    this.#publisher = new Publisher(options);
    this.#fence = new Fence(options);
  }

  /** Resolves after the pass in flight once the signal aborts. Units are left as they are. */
  async run(signal: AbortSignal): Promise<void> {
    const { registry, systemd, withoutStore } = this.#options;
    const unsubscribe = [
      registry.onChange(() => this.#loop.kick()),
      ...(withoutStore === undefined ? [] : [withoutStore.onChange(() => this.#loop.kick())]),
      systemd.onChange(() => this.#loop.kick()),
      systemd.onJobEnd((end) => {
        this.#ended.push(end);
        this.#loop.kick();
      }),
    ];
    await Promise.all([this.#loop.run(signal), this.#fence.run(signal), withoutStore?.run(signal)]);
    for (const undo of unsubscribe) undo();
  }

  /** How often the agent looks, from now on. */
  setPoll(ms: number): void {
    this.#loop.setResync(ms);
  }

  /** How many of this machine's units are in each of systemd's active states, as last looked at. */
  activeStates(): ReadonlyMap<string, number> {
    return this.#publisher.activeStates();
  }

  /** Units of this machine that are restarted again and again, as last looked at. */
  flapping(): readonly string[] {
    return this.#publisher.flapping();
  }

  async #pass(signal: AbortSignal): Promise<void> {
    const { registry, systemd, notes } = this.#options;
    const guide = await this.#guide();
    if (guide === null) return;
    const snapshot = guide.picture.snapshot();
    this.#notes ??= new Map(await notes.load());
    // Taken before the list: a job that ends later is told again by the next pass.
    const ended = [...this.#ended];
    const listed = await systemd.listUnits();
    const sight = { snapshot, listed, session: registry.session(), isHeld: this.#isHeld() };
    if (ended.length === 0 && !this.#areFilesDue() && isSame(this.#settled, sight)) return;
    this.#settled = null;
    const loaded = byName(listed);
    await this.#noteEnds(ended, loaded);
    if (this.#areFilesDue()) await this.#readFiles();
    const inputs = this.#inputs(snapshot, loaded);
    this.#applier.keepOnly(new Set(inputs.map((input) => input.unit)));
    await this.#readContents(inputs, guide.picture);
    const isAllTold = await this.#publisher.publish(inputs, {
      ended: new Set(ended.map((end) => end.unit)),
      healed: this.#healed,
      problems: this.#applier.problems,
      awaited: this.#awaited,
      unreadable: new Set(snapshot.unreadable),
    });
    this.#ended.splice(0, ended.length);
    this.#healed = new Set();
    const isStopping = await this.#isStopping(inputs);
    if (signal.aborted) return;
    const fenced = await systemd.fenced();
    // Telling the store can take seconds: what is done follows from what is assigned by now.
    const latest = guide.picture.snapshot();
    const facts = { isStopping, isHeld: this.#isHeld(), fenced };
    if (facts.isHeld && fenced.size > 0) {
      // Listed anew: what was up when the pass began may have been stopped for want of a lease since.
      await forgetRisen(systemd, fenced, byName(await systemd.listUnits()));
    }
    const tasks = this.#tasks(
      latest === snapshot ? inputs : this.#inputs(latest, loaded),
      facts,
      guide.plan,
    );
    await this.#act(tasks, guide);
    const isSettled = isAllTold && tasks.length === 0 && this.#awaited.size === 0;
    if (isSettled && !this.#applier.hasDelays()) this.#settled = sight;
  }

  /** null: nothing that is known may be followed now. */
  async #guide(): Promise<Guide | null> {
    const { registry, withoutStore } = this.#options;
    if (!this.#wasRegistered && registry.session() !== null) {
      this.#wasRegistered = true;
      withoutStore?.bar('it is registered');
    }
    // Until then this machine may be a clone of one that is alive.
    if (this.#wasRegistered) {
      return { picture: registry, plan: planUnit, isHeld: () => this.#isHeld() };
    }
    const picture = (await withoutStore?.picture()) ?? null;
    return picture === null ? null : { picture, plan: planWithoutStore, isHeld: () => true };
  }

  #inputs(snapshot: AgentSnapshot, loaded: ReadonlyMap<string, LoadedUnit>): UnitInput[] {
    const notes = this.#notes ?? new Map<string, UnitNote>();
    const assignments = new Map(snapshot.assignments.map((a) => [a.unit, a]));
    const names = new Set([...assignments.keys(), ...notes.keys(), ...this.#files.keys()]);
    for (const unit of snapshot.unreadable) names.delete(unit);
    return [...names].sort().map((unit) => ({
      unit,
      assignment: assignments.get(unit) ?? null,
      note: notes.get(unit) ?? null,
      fileHash: this.#files.get(unit) ?? null,
      loaded: loaded.get(unit) ?? null,
    }));
  }

  #isHeld(): boolean {
    const { registry, clock } = this.#options;
    return isHeld(registry.lease(), clock.monotonic());
  }

  #tasks(
    inputs: readonly UnitInput[],
    known: Pick<MachineFacts, 'isStopping' | 'isHeld' | 'fenced'>,
    plan: Guide['plan'],
  ): UnitTask[] {
    const loadedOnly = new Set(
      inputs.flatMap(({ unit, assignment }) =>
        assignment?.desiredState === 'loaded' ? [unit] : [],
      ),
    );
    const facts = {
      ...known,
      bootId: this.#options.bootId,
      isToStayUp: (unit: string, hash: string): boolean => {
        const content = this.#contents.get(hash);
        if (content?.restartsAlways !== true) return false;
        // It went down with a unit that was stopped on purpose; starting it would start that, too.
        return !content.boundTo.some((name) => loadedOnly.has(expandSpecifiers(name, unit)));
      },
    };
    const order = new Map(inputs.map((input) => [input.unit, input.assignment?.modRevision ?? 0]));
    const tasks: UnitTask[] = [];
    for (const input of inputs) {
      if (this.#applier.isDelayed(input.unit, input.assignment?.modRevision ?? 0)) continue;
      const task = plan(input, facts);
      if (task !== null) tasks.push(task);
    }
    // Withdrawn units first, then in the order in which the leader assigned them.
    return tasks.sort((a, b) => (order.get(a.unit) ?? 0) - (order.get(b.unit) ?? 0));
  }

  async #act(all: readonly UnitTask[], { picture, isHeld }: Guide): Promise<void> {
    const tasks = all.slice(0, jobsPerPass);
    if (tasks.length === 0 && !this.#options.systemd.needsReload()) return;
    const outcome = await this.#applier.apply(tasks, {
      notes: this.#notes ?? new Map<string, UnitNote>(),
      files: this.#files,
      awaited: this.#awaited,
      texts: picture,
      isHeld,
    });
    this.#healed = new Set(outcome.healed);
    const more = all.length > tasks.length || outcome.doneWithoutJob > 0;
    if (more) this.#loop.kick();
    if (outcome.failed > 0) this.#filesReadAt = -Infinity;
  }

  async #noteEnds(
    ended: readonly JobEnd[],
    loaded: ReadonlyMap<string, LoadedUnit>,
  ): Promise<void> {
    const now = this.#options.clock.monotonic();
    const ends: { unit: string; type?: JobType; result: string }[] = [...ended];
    for (const [unit, since] of this.#awaited) {
      const hasJob = loaded.get(unit)?.job != null;
      const isTold = this.#ended.some((end) => end.unit === unit);
      if (!hasJob && !isTold && now - since > lostEndMs) ends.push({ unit, result: 'done' });
    }
    for (const { unit, type, result } of ends) {
      this.#awaited.delete(unit);
      const note = this.#notes?.get(unit);
      // It was to be up, and what keeps units down that have no lease may have refused it: that it
      // has one by now says nothing of then.
      const mayBeRefused = result === 'dependency' && note?.desiredState === 'launched';
      if (mayBeRefused) await this.#options.systemd.noteFenced([unit]);
      // One that was canceled was not up yet when it was stopped, perhaps for want of a lease.
      else if ((type === 'start' || type === 'restart') && result !== 'canceled')
        await this.#options.systemd.forgetFenced(unit);
      if (note === undefined || note.jobResult === result) continue;
      const next = { ...note, jobResult: result };
      await this.#options.notes.save(next);
      this.#notes?.set(unit, next);
    }
  }

  #areFilesDue(): boolean {
    return this.#options.clock.monotonic() - this.#filesReadAt >= filesEveryMs;
  }

  async #readFiles(): Promise<void> {
    this.#files = new Map(await this.#options.systemd.files());
    this.#filesReadAt = this.#options.clock.monotonic();
  }

  async #isStopping(inputs: readonly UnitInput[]): Promise<boolean> {
    const mayStart = inputs.some(
      (input) => input.assignment?.desiredState === 'launched' && !isUp(input.loaded),
    );
    return mayStart ? await this.#options.systemd.isStopping() : false;
  }

  /** Reads the content of launched units that are down: whether they are to be put right. */
  async #readContents(inputs: readonly UnitInput[], texts: Picture): Promise<void> {
    const assigned = new Set<string>();
    const wanted = new Set<string>();
    for (const { assignment, note, loaded } of inputs) {
      if (assignment === null) continue;
      assigned.add(assignment.hash);
      const isDown = loaded === null || loaded.activeState === 'inactive';
      const mayHeal = note?.wasStarted === true && assignment.desiredState === 'launched' && isDown;
      if (mayHeal && !this.#contents.has(assignment.hash)) wanted.add(assignment.hash);
    }
    for (const hash of this.#contents.keys()) if (!assigned.has(hash)) this.#contents.delete(hash);
    if (wanted.size === 0) return;
    const { log } = this.#options;
    try {
      for (const [hash, text] of await texts.unitFiles([...wanted])) {
        this.#contents.set(hash, readContent(text));
      }
    } catch (err) {
      log.debug({ err }, 'cannot read unit files now; units that are down stay down meanwhile');
    }
  }
}
