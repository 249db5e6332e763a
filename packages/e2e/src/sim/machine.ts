import type { Log, Metadata, UnitNote } from '@muster/core';
import type { VirtualClock } from '@muster/core/testing';
import {
  MemoryAssignmentStore,
  MemoryKnownStore,
  MemoryLeaseStore,
  openRegistryOn,
} from '@muster/registry';
import type { MemoryStore, Registry } from '@muster/registry';
import { FakeSystemd, MemoryNoteStore } from '@muster/systemd';
import { runMusterd } from '../memory-musterd.ts';
import { FlakyBus } from './flaky-bus.ts';
import { linkTo } from './link.ts';
import type { Network } from './network.ts';
import { clockOf, ofProcess, SimProcess } from './process.ts';
import type { Random } from './random.ts';
import type { Say } from './trace.ts';

/** Told what really happens on a machine. */
interface MachineObserver {
  readonly state: (machine: SimMachine, unit: string, activeState: string) => void;
  readonly asked: (machine: SimMachine, unit: string, job: string) => void;
  readonly noted: (machine: SimMachine, note: UnitNote) => void;
  /** The store refused a write of a process. */
  readonly refused: (process: string, keys: readonly string[]) => void;
  /** A process began (true) or ended; it ends also when its machine does. */
  readonly ran: (machine: SimMachine, isBegin: boolean) => void;
  /** A leader's plan was not what one that thinks of every unit anew comes to. */
  readonly misplanned: (machine: SimMachine) => void;
}

export interface SimMachineOptions {
  readonly id: string;
  readonly metadata: Metadata;
  readonly clock: VirtualClock;
  readonly store: MemoryStore;
  readonly network: Network;
  readonly random: Random;
  readonly say: Say;
  readonly observer: MachineObserver;
}

interface Running {
  readonly process: SimProcess;
  readonly registry: Registry;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

const awaySeconds = 600;
/** systemd's TimeoutStopSec for musterd. */
const stopLimitMs = 20_000;

/** A machine: its systemd and its disk outlive the musterd that runs on it. */
export class SimMachine {
  readonly id: string;
  readonly systemd: FakeSystemd;
  readonly bus: FlakyBus;
  readonly #options: SimMachineOptions;
  readonly #known = new MemoryKnownStore();
  readonly #lease = new MemoryLeaseStore();
  readonly #assignments = new MemoryAssignmentStore();
  #refusal: { bootId: string | null } = { bootId: null };
  #notes: MemoryNoteStore;
  #boot = 1;
  #run = 0;
  #running: Running | null = null;
  #isPowered = true;

  constructor(options: SimMachineOptions) {
    const { id, clock, observer, random } = options;
    this.#options = options;
    this.id = id;
    this.systemd = new FakeSystemd(clock, {
      state: (unit, activeState) => observer.state(this, unit, activeState),
      asked: ({ unit, type }) => observer.asked(this, unit, type),
    });
    this.bus = new FlakyBus(clock, random.fork('bus'));
    this.#notes = new MemoryNoteStore(this.bootId);
  }

  get bootId(): string {
    return `${this.id}-boot-${this.#boot}`;
  }

  get metadata(): Metadata {
    return this.#options.metadata;
  }

  get isPowered(): boolean {
    return this.#isPowered;
  }

  get process(): SimProcess | null {
    return this.#running?.process ?? null;
  }

  /** null: musterd does not run. */
  get registry(): Registry | null {
    return this.#running?.registry ?? null;
  }

  /** Units that something is noted of in this boot. */
  async notes(): Promise<readonly string[]> {
    return [...(await this.#notes.load()).keys()];
  }

  /** Starts musterd, if the machine is on and it does not run. */
  start(): void {
    const { id, clock, store, network, say, observer } = this.#options;
    if (this.#running !== null || !this.#isPowered) return;
    this.#run += 1;
    const name = `${id}.${this.#run}`;
    const process = new SimProcess(name, () => this.#ended(process));
    const ownClock = clockOf(process, clock);
    const log = logOf(say, process);
    const registry = openRegistryOn(
      linkTo({
        machine: id,
        process,
        store: store.connect(name),
        clock,
        network,
        refused: (keys) => observer.refused(name, keys),
      }),
      {
        prefix: '/muster',
        machineId: id,
        clock: ownClock,
        log,
        knownStore: ofProcess(process, this.#known),
      },
    );
    const notes = ofProcess(process, this.#notes, {
      seen: (method, args) => {
        if (method === 'save') observer.noted(this, args[0] as UnitNote);
      },
    });
    const stop = new AbortController();
    const done = runMusterd(
      {
        registry,
        systemd: ofProcess(process, this.systemd, {
          around: this.bus.around,
          synchronous: ['needsReload'],
        }),
        notes,
        leaseStore: ofProcess(process, this.#lease),
        assignments: ofProcess(process, this.#assignments),
        refusal: this.#refusal,
        clock: ownClock,
        log,
        planned: (isRight) => {
          if (!isRight) observer.misplanned(this);
        },
        machine: { id, bootId: this.bootId, metadata: this.#options.metadata },
      },
      stop.signal,
    );
    this.#running = { process, registry, stop, done };
    say(id, `musterd starts as ${name} in boot ${this.#boot}`);
    observer.ran(this, true);
  }

  /** An orderly stop; one that takes too long is killed. */
  stop(): void {
    const { id, clock, say } = this.#options;
    const running = this.#running;
    if (running === null) return;
    const { process } = running;
    say(id, 'musterd is told to stop');
    running.stop.abort();
    clock.after(stopLimitMs, () => process.kill());
    void this.#takeApart(running);
  }

  /** The power goes: nothing runs, and nothing in /run is left. */
  powerOff(): void {
    const { id, say } = this.#options;
    if (!this.#isPowered) return;
    say(id, 'the power goes');
    this.#isPowered = false;
    this.#running?.process.kill();
    this.systemd.reboot();
    this.#boot += 1;
    this.#notes = new MemoryNoteStore(this.bootId);
    this.#refusal = { bootId: null };
  }

  powerOn(): void {
    if (this.#isPowered) return;
    this.#options.say(this.id, 'boots');
    this.#isPowered = true;
    this.start();
  }

  async #takeApart({ process, registry, done }: Running): Promise<void> {
    await done;
    if (registry.agent.session() !== null) {
      await registry.presence.park(awaySeconds).catch(() => undefined);
    }
    await registry.close();
    process.kill();
  }

  #ended(process: SimProcess): void {
    const { id, network, say, observer } = this.#options;
    const running = this.#running;
    if (running?.process !== process) return;
    this.#running = null;
    // It does nothing any more; signals that nobody aborts would keep all of it in memory.
    running.stop.abort();
    void running.registry.close();
    network.breakWatches(id, 'its process is gone');
    say(id, `${process.name} is gone`);
    observer.ran(this, false);
  }
}

function logOf(say: Say, process: SimProcess): Log {
  const tell =
    (level: string) =>
    (fields: object, message: string): void => {
      if (!process.isDead) say(process.name, `${level}${message} ${show(fields)}`);
    };
  return { debug: () => undefined, info: tell(''), warn: tell('! '), error: tell('!! ') };
}

function show(fields: object): string {
  return Object.entries(fields)
    .filter(([key]) => key !== 'lease')
    .map(([key, value]) => `${key}=${showValue(value)}`)
    .join(' ');
}

function showValue(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
