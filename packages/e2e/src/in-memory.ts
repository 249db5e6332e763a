import { hashUnitFile, parseUnitFile, serializeUnitFile } from '@muster/core';
import type { DesiredState, Unit, UnitCounts, UnitState } from '@muster/core';
import { VirtualClock } from '@muster/core/testing';
import {
  MemoryAssignmentStore,
  MemoryKnownStore,
  MemoryLeaseStore,
  MemoryStore,
  openFakeRegistry,
} from '@muster/registry';
import type { Registry } from '@muster/registry';
import { FakeSystemd, MemoryNoteStore } from '@muster/systemd';
import { runMusterd } from './memory-musterd.ts';

const log = {
  debug: (): void => undefined,
  info: (): void => undefined,
  warn: (): void => undefined,
  error: (): void => undefined,
};

/** One machine: a systemd and what is on its disks outlive the musterd that runs on it. */
export class MemoryMachine {
  readonly id: string;
  readonly systemd: FakeSystemd;
  readonly #cluster: MemoryCluster;
  readonly #known = new MemoryKnownStore();
  readonly #lease = new MemoryLeaseStore();
  /** On its disk. */
  readonly noted = new MemoryAssignmentStore();
  /** In /run. */
  readonly #refusal: { bootId: string | null } = { bootId: null };
  readonly #bootPrefix: string;
  #boot = 1;
  #notes: MemoryNoteStore;
  #running: { registry: Registry; stop: AbortController; done: Promise<unknown> } | null = null;

  /** @param bootPrefix - tells two machines apart that have one machine-id */
  constructor(cluster: MemoryCluster, id: string, bootPrefix = id) {
    this.#cluster = cluster;
    this.id = id;
    this.#bootPrefix = bootPrefix;
    this.systemd = new FakeSystemd(cluster.clock);
    this.#notes = new MemoryNoteStore(this.bootId);
  }

  get bootId(): string {
    return `${this.#bootPrefix}-boot-${this.#boot}`;
  }

  get registry(): Registry {
    if (this.#running === null) throw new Error(`musterd does not run on ${this.id}`);
    return this.#running.registry;
  }

  /** Starts musterd: agent and scheduler. */
  start(): void {
    const { clock, store } = this.#cluster;
    const registry = openFakeRegistry(store, {
      machineId: this.id,
      clock,
      log,
      knownStore: this.#known,
    });
    const stop = new AbortController();
    const done = runMusterd(
      {
        registry,
        systemd: this.systemd,
        notes: this.#notes,
        leaseStore: this.#lease,
        assignments: this.noted,
        refusal: this.#refusal,
        clock,
        log,
        machine: { id: this.id, bootId: this.bootId, metadata: {} },
      },
      stop.signal,
    );
    this.#running = { registry, stop, done };
  }

  /**
   * musterd is gone from one moment to the next: nothing is parked or resigned in order.
   * @param ms - for how long at least; by then it has given up what it was about to do
   */
  async kill(ms = 10_000): Promise<void> {
    const running = this.#running;
    this.#running = null;
    if (running === null) return;
    // What it still tries to write in its last pass must not arrive.
    this.#cluster.store.outage(true, this.id);
    running.stop.abort();
    await this.#cluster.clock.advance(ms);
    await running.registry.close();
    await running.done;
    this.#cluster.store.outage(false, this.id);
  }

  /** An operator accepts the store that musterd finds next. */
  acceptStore(): void {
    this.#known.known = null;
  }

  /** The machine boots anew, with nothing running and nothing in /run. */
  reboot(): void {
    this.#boot += 1;
    this.systemd.reboot();
    this.#notes = new MemoryNoteStore(this.bootId);
  }

  /** Names of units that are up. */
  async up(): Promise<string[]> {
    const units = await this.systemd.listUnits();
    return units
      .filter((u) => u.activeState === 'active')
      .map((u) => u.name)
      .sort();
  }
}

/** A whole cluster in one process, on a clock that moves when told to. */
export class MemoryCluster {
  readonly clock = new VirtualClock();
  readonly store = new MemoryStore();
  readonly machines: readonly MemoryMachine[];

  constructor(count: number) {
    this.machines = Array.from({ length: count }, (_, i) => new MemoryMachine(this, `m${i + 1}`));
  }

  /** Starts every musterd and lets them find each other. */
  async start(): Promise<void> {
    for (const machine of this.machines) machine.start();
    await this.clock.advance(2_000);
  }

  machine(number: number): MemoryMachine {
    const found = this.machines[number - 1];
    if (found === undefined) throw new Error(`there is no machine ${number}`);
    return found;
  }

  async write(
    name: string,
    text: string,
    desiredState: DesiredState = 'launched',
    via = 1,
  ): Promise<void> {
    const { units } = this.machine(via).registry;
    const file = parseUnitFile(text);
    const before = (await units.units([name])).get(name)?.unit;
    await units.write([
      {
        name,
        expect: before?.modRevision ?? 0,
        set: {
          hash: hashUnitFile(file),
          file: serializeUnitFile(file),
          desiredState,
          restarts: before?.restarts ?? 0,
          origin: { by: 'test' },
        },
      },
    ]);
    await this.clock.advance(1_500);
  }

  /** Asks for restarts or starts of a unit, as the API counts them. */
  async ask(name: string, count: (unit: Unit) => UnitCounts, via = 1): Promise<void> {
    const { units } = this.machine(via).registry;
    const found = (await units.units([name])).get(name);
    if (found?.file == null) throw new Error(`there is no ${name}`);
    const { hash, desiredState, origin, modRevision } = found.unit;
    const set = { hash, desiredState, origin, file: found.file, ...count(found.unit) };
    await units.write([{ name, expect: modRevision, set }]);
    await this.clock.advance(1_500);
  }

  async destroy(name: string, via = 1): Promise<void> {
    const { units } = this.machine(via).registry;
    const before = (await units.units([name])).get(name)?.unit;
    await units.write([{ name, expect: before?.modRevision ?? 0, set: null }]);
    await this.clock.advance(1_500);
  }

  /** Numbers of the machines on which a unit is up. */
  async where(name: string): Promise<number[]> {
    const found: number[] = [];
    for (const [index, machine] of this.machines.entries()) {
      if ((await machine.up()).includes(name)) found.push(index + 1);
    }
    return found;
  }

  async states(name: string, via = 1): Promise<readonly UnitState[]> {
    return (await this.machine(via).registry.units.detail(name))?.states ?? [];
  }

  async stop(): Promise<void> {
    for (const machine of this.machines) await machine.kill();
  }
}
