import type {
  AssignmentStore,
  Clock,
  KnownStore,
  KnownStoreRecord,
  LeaseRecord,
  LeaseStore,
  Log,
  NotedAssignments,
} from '@muster/core';
import type { MemoryStore } from './memory-store.ts';
import type { RegistryObserver } from './observed.ts';
import { openRegistryOn } from './registry.ts';
import type { Registry } from './registry.ts';

export interface FakeRegistryOptions {
  readonly machineId: string;
  /** Default: real time. */
  readonly clock?: Clock;
  /** Default: silence. */
  readonly log?: Log;
  readonly prefix?: string;
  /** Default: a machine that never belonged to a cluster. */
  readonly knownStore?: KnownStore;
  readonly observer?: RegistryObserver;
}

/** The registry of one machine on a store in memory that several machines share. */
export function openFakeRegistry(store: MemoryStore, options: FakeRegistryOptions): Registry {
  return openRegistryOn(store.connect(options.machineId), {
    prefix: options.prefix ?? '/muster',
    machineId: options.machineId,
    clock: options.clock ?? realClock(),
    log: options.log ?? silentLog(),
    knownStore: options.knownStore ?? new MemoryKnownStore(),
    ...(options.observer === undefined ? {} : { observer: options.observer }),
  });
}

export class MemoryKnownStore implements KnownStore {
  known: KnownStoreRecord | null = null;

  load(): Promise<KnownStoreRecord | null> {
    return Promise.resolve(this.known);
  }

  save(known: KnownStoreRecord): Promise<void> {
    this.known = known;
    return Promise.resolve();
  }
}

export class MemoryLeaseStore implements LeaseStore {
  record: LeaseRecord | null = null;

  load(): Promise<LeaseRecord | null> {
    return Promise.resolve(this.record);
  }

  save(record: LeaseRecord): Promise<void> {
    this.record = record;
    return Promise.resolve();
  }
}

export class MemoryAssignmentStore implements AssignmentStore {
  noted: NotedAssignments | null = null;
  /** How often it was written. */
  saves = 0;

  load(): Promise<NotedAssignments | null> {
    return Promise.resolve(this.noted);
  }

  save(noted: NotedAssignments): Promise<void> {
    this.saves += 1;
    this.noted = noted;
    return Promise.resolve();
  }
}

export function silentLog(): Log {
  const say = (): void => undefined;
  return { debug: say, info: say, warn: say, error: say };
}

export function realClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve();
        const done = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        signal.addEventListener('abort', done);
      }),
  };
}
