import { Agent, AssignmentKeeper } from '@muster/agent';
import type { Clock, Log } from '@muster/core';
import {
  MemoryAssignmentStore,
  MemoryKnownStore,
  MemoryLeaseStore,
  openRegistry,
} from '@muster/registry';
import type { MachineFacts, Registry } from '@muster/registry';
import { MemoryNoteStore } from '@muster/systemd';
import { SimulatedSystemd } from './simulated-systemd.ts';
import type { SimulatedSystemdOptions } from './simulated-systemd.ts';

/** What `agent.poll` is by default. */
const pollMs = 1000;

const quiet = (): void => undefined;
const noLog: Log = { debug: quiet, info: quiet, warn: quiet, error: quiet };

export interface SimulatedMachineOptions extends SimulatedSystemdOptions {
  readonly number: number;
  readonly endpoint: string;
  readonly prefix: string;
  /** Its `machine.ttl`. */
  readonly ttlSeconds: number;
}

/** The id of the machine with a number, 0 or more. */
export function machineId(number: number): string {
  return (number + 1).toString(16).padStart(32, '0');
}

/** What such machines tell apart by metadata. */
export const zones = 10;

function factsOf(number: number): MachineFacts {
  return {
    id: machineId(number),
    bootId: `boot-of-${number}`,
    hostname: `simulated-${number}`,
    address: null,
    apiUrl: null,
    metadata: { zone: `z${number % zones}`, disk: number % 2 === 0 ? 'ssd' : 'hdd' },
    capacity: { cpus: 16, memoryBytes: 64 * 2 ** 30 },
    version: 'simulated',
  };
}

/**
 * One machine as musterd makes it, but for its systemd and its disks, which are in memory, and without a
 * scheduler and an API. All machines of a process share one connection to etcd, since gRPC gives equal
 * clients the same; each has a watch stream and a lease of its own, as in reality.
 */
export class SimulatedMachine {
  readonly systemd: SimulatedSystemd;
  readonly #registry: Registry;
  readonly #stop = new AbortController();
  readonly #done: Promise<unknown>;

  /** Begins at once. */
  constructor(options: SimulatedMachineOptions) {
    const { number, endpoint, prefix, clock } = options;
    const facts = factsOf(number);
    this.systemd = new SimulatedSystemd(options);
    this.#registry = openRegistry({
      endpoints: [endpoint],
      prefix,
      machineId: facts.id,
      clock,
      log: noLog,
      knownStore: new MemoryKnownStore(),
    });
    this.#done = this.#run(facts, clock, options.ttlSeconds);
  }

  isRegistered(): boolean {
    return this.#registry.presence.session() !== null;
  }

  /** It is gone from one moment to the next: its lease ends when its time is over. */
  async die(): Promise<void> {
    this.systemd.outage(true);
    this.#stop.abort();
    await this.#registry.close();
    await this.#done;
  }

  #run(facts: MachineFacts, clock: Clock, ttlSeconds: number): Promise<unknown> {
    const { agent: registry, presence } = this.#registry;
    const common = { registry, clock, log: noLog };
    const agent = new Agent({
      ...common,
      systemd: this.systemd,
      notes: new MemoryNoteStore(facts.bootId),
      bootId: facts.bootId,
      pollMs,
    });
    const keeper = new AssignmentKeeper({ ...common, assignments: new MemoryAssignmentStore() });
    return Promise.all([
      agent.run(this.#stop.signal),
      keeper.run(this.#stop.signal),
      presence.register(facts, { ttlSeconds, leaseStore: new MemoryLeaseStore() }),
    ]);
  }
}
