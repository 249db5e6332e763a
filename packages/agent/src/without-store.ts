import { StoreUnavailableError, lastOption, parseUnitFile } from '@muster/core';
import type {
  AgentRegistry,
  AgentSnapshot,
  Assignment,
  AssignmentStore,
  Clock,
  LeaseRecord,
  Log,
  NotedAssignments,
  StoreContact,
  Unsubscribe,
} from '@muster/core';
import { planUnit } from './plan.ts';
import type { MachineFacts, UnitInput, UnitTask } from './plan.ts';
import { Silence } from './silence.ts';

/** What an agent follows: the store itself, or what was noted of it. */
export type Picture = Pick<AgentRegistry, 'snapshot' | 'unitFiles'>;

export interface WithoutStoreOptions {
  readonly contact: StoreContact;
  readonly assignments: AssignmentStore;
  readonly clock: Clock;
  readonly log: Log;
  /** How long the store has to be silent; null: units are never started without it. */
  readonly afterMs: number | null;
  /** Why this machine must not do it in this boot (see whyBarred); null: it may. */
  readonly barred: string | null;
}

/** What a machine knows of its present boot from the disk. */
export interface BootRecords {
  readonly bootId: string;
  readonly lease: LeaseRecord | null;
  /** The boot in which another machine was found alive under the id of this one; null: none. */
  readonly refusedIn: string | null;
}

/**
 * Why a machine must not start units without the store in this boot; null: it may. Pure. A lease is
 * noted before it is used, so a boot without one is a boot in which nothing was ever assigned.
 */
export function whyBarred({ bootId, lease, refusedIn }: BootRecords): string | null {
  if (refusedIn === bootId) return 'another machine with its id was seen alive';
  if (lease?.bootId === bootId) return 'it was registered in this boot, and its units run';
  return null;
}

/**
 * The next step of one unit while the store is away and was in this whole boot; null: there is
 * none. Pure. It only ever starts: what else there is to do is known when the store is back.
 */
export function planWithoutStore(input: UnitInput, facts: MachineFacts): UnitTask | null {
  const { assignment, note } = input;
  if (assignment === null || !isStarted(assignment)) return null;
  const isOfAnother =
    note !== null && note.answers !== 0 && note.answers !== assignment.modRevision;
  if (isOfAnother) return null;
  // Nothing newer can be known, and nothing of it is bound to a lease.
  const task = planUnit(input, { ...facts, isHeld: true });
  return task === null || task.job === null || task.job === 'start' ? task : null;
}

/** Whether it belongs here, and may run even when another machine has it by now. */
function isStarted({ role, isLeaving, onPartition }: Assignment): boolean {
  return role === 'holder' && isLeaving !== true && onPartition === undefined;
}

const lookEveryMs = 1_000;

/**
 * When the store was silent for the whole boot and for long enough: the assignments that this
 * machine had when it last saw the store. They hold until the store answers.
 *
 * Who decides: `isDue`, from how long the store was silent, and planWithoutStore. Who acts: the
 * agent, as ever. Twice: what was started is noted in /run and not started again. The file cannot
 * be read: nothing is started.
 */
export class WithoutStore {
  readonly #options: WithoutStoreOptions;
  readonly #silence: Silence;
  #afterMs: number | null;
  #barred: string | null;
  /** undefined: it has not been read; null: there is nothing to start from. */
  #picture: Picture | null | undefined;
  #units = 0;
  #wasDue = false;
  readonly #listeners = new Set<() => void>();

  constructor(options: WithoutStoreOptions) {
    this.#options = options;
    this.#silence = new Silence(options.contact, options.clock);
    this.#afterMs = options.afterMs;
    this.#barred = options.barred;
  }

  /** How long the store has to be silent, from now on; null as in the options. */
  setAfter(ms: number | null): void {
    this.#afterMs = ms;
  }

  /** From now on nothing is started without the store in this boot. */
  bar(reason: string): void {
    this.#barred = reason;
    this.#picture = undefined;
  }

  /** How many units there are that follow the noted assignments now; null: the store is followed. */
  units(): number | null {
    return this.#wasDue && this.#picture != null ? this.#units : null;
  }

  /** Called when it becomes time, when it is known what there is to start, and when the store answers again. */
  onChange(listener: () => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Keeps looking until it is barred or the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted && this.#barred === null) {
      if (this.#isDue() !== this.#wasDue) {
        this.#wasDue = !this.#wasDue;
        if (!this.#wasDue)
          log.info({}, 'the store answers again: no more units are started without it');
        this.#changed();
      }
      await clock.sleep(lookEveryMs, signal);
    }
    this.#wasDue = false;
  }

  /** null: nothing is to be started without the store now. Its snapshot throws when that ends. */
  async picture(): Promise<Picture | null> {
    if (!this.#wasDue || !this.#isDue()) return null;
    if (this.#picture === undefined) {
      this.#picture = await this.#read();
      this.#changed();
    }
    return this.#picture;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  #isDue(): boolean {
    const silentMs = this.#silence.ms();
    return this.#barred === null && this.#afterMs !== null && silentMs >= this.#afterMs;
  }

  async #read(): Promise<Picture | null> {
    const { assignments, log } = this.#options;
    const noted = await assignments.load();
    if (noted === null) return null;
    const kept = startable(noted);
    this.#units = kept.assignments.length;
    log.warn(
      { units: this.#units },
      'etcd was not reached since this machine booted: its units are started as they were assigned last',
    );
    return this.#show(kept);
  }

  #show({ assignments, files }: NotedAssignments): Picture {
    const revision = assignments.reduce((max, a) => Math.max(max, a.modRevision), 1);
    const snapshot: AgentSnapshot = { revision, assignments, settings: null, unreadable: [] };
    return {
      snapshot: () => {
        if (this.#isDue()) return snapshot;
        throw new StoreUnavailableError('etcd answers again, and has not been read yet');
      },
      unitFiles: async (hashes) => new Map([...files].filter(([hash]) => hashes.includes(hash))),
    };
  }
}

/** What is to be started. A leader that is older than `OnPartition=` does not put it into the assignment. */
function startable({ assignments, files }: NotedAssignments): NotedAssignments {
  const kept = new Set<string>();
  for (const [hash, text] of files) {
    if (lastOption(parseUnitFile(text), 'X-Fleet', 'OnPartition') !== 'stop') kept.add(hash);
  }
  return { assignments: assignments.filter((a) => isStarted(a) && kept.has(a.hash)), files };
}
