import { Agent, AssignmentKeeper, WithoutStore, whyBarred } from '@muster/agent';
import { DuplicateMachineError } from '@muster/core';
import type {
  AssignmentStore,
  Clock,
  LeaseStore,
  Log,
  Metadata,
  NoteStore,
  Systemd,
} from '@muster/core';
import type { Registry } from '@muster/registry';
import { Scheduler } from '@muster/scheduler';
import type { SchedulerObserver } from '@muster/scheduler';

/** What `machine.ttl` is by default. */
const ttlSeconds = 8;
const leaderTtlSeconds = 3;
/** How long the store has to be silent before a machine that booted starts units without it. */
export const offlineMs = 180_000;

export interface MusterdParts {
  readonly registry: Registry;
  readonly systemd: Systemd;
  readonly notes: NoteStore;
  readonly leaseStore: LeaseStore;
  readonly assignments: AssignmentStore;
  /** The boot in which another machine was alive under this one's id, as noted in /run. */
  readonly refusal: { bootId: string | null };
  readonly clock: Clock;
  readonly log: Log;
  /** Told of each plan of a leader whether one that thinks of every unit anew is the same. */
  readonly planned?: (isRight: boolean) => void;
  readonly machine: { readonly id: string; readonly bootId: string; readonly metadata: Metadata };
}

/**
 * Agent, scheduler and presence put together as musterd does it, without an API.
 * @returns resolves when all have ended after the signal aborted; nothing is parked
 */
export async function runMusterd(parts: MusterdParts, signal: AbortSignal): Promise<void> {
  const { registry, leaseStore, assignments, refusal, clock, log } = parts;
  const { bootId } = parts.machine;
  const lease = await leaseStore.load();
  const withoutStore = new WithoutStore({
    contact: registry.contact,
    assignments,
    clock,
    log,
    afterMs: offlineMs,
    barred: whyBarred({ bootId, lease, refusedIn: refusal.bootId }),
  });
  const { systemd, notes } = parts;
  const agent = new Agent({
    registry: registry.agent,
    systemd,
    notes,
    clock,
    log,
    bootId,
    pollMs: 1000,
    withoutStore,
  });
  const keeper = new AssignmentKeeper({ registry: registry.agent, assignments, clock, log });
  const loops = [agent, schedulerOf(parts), keeper].map((part) => part.run(signal));
  const registered = register(parts).catch((err: unknown) => {
    log.error({ err }, 'this machine is not registered');
    if (!(err instanceof DuplicateMachineError)) return;
    refusal.bootId = bootId;
    withoutStore.bar('another machine is alive');
  });
  await Promise.all([...loops, registered]);
}

function schedulerOf({ registry, clock, log, machine, planned }: MusterdParts): Scheduler {
  return new Scheduler({
    campaign: registry.campaign({
      machine: machine.id,
      apiUrl: null,
      ttlSeconds: leaderTtlSeconds,
    }),
    openView: () => registry.units.cluster(),
    contact: registry.contact,
    leases: registry.leases,
    clock,
    log,
    machineTtlMs: ttlSeconds * 1000,
    compactMs: null,
    ...(planned === undefined ? {} : { checkMs: 0, observer: observerOf(planned) }),
  });
}

function observerOf(planned: (isRight: boolean) => void): SchedulerObserver {
  const nothing = (): void => undefined;
  return {
    passed: nothing,
    leads: nothing,
    planned: nothing,
    committed: nothing,
    checked: (result) => planned(result === 'same'),
  };
}

function register({ registry, leaseStore, machine }: MusterdParts): Promise<void> {
  const facts = {
    id: machine.id,
    bootId: machine.bootId,
    hostname: machine.id,
    address: null,
    apiUrl: null,
    metadata: machine.metadata,
    capacity: { cpus: 1, memoryBytes: 1 },
    version: 'test',
  };
  return registry.presence.register(facts, { ttlSeconds, leaseStore });
}
