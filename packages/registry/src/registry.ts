import { setMaxListeners } from 'node:events';
import type {
  AgentRegistry,
  Campaign,
  Clock,
  KnownStore,
  Log,
  MachineLeases,
  Revision,
  StoreContact,
  UnitRegistry,
} from '@muster/core';
import { StoreAgentRegistry } from './agent-registry.ts';
import { StoreCampaign } from './campaign.ts';
import type { Candidate } from './campaign.ts';
import { EtcdStore } from './client.ts';
import type { EtcdOptions } from './client.ts';
import { SharedView } from './cluster-view.ts';
import { Contact, noting } from './contact.ts';
import { StoreGuard } from './guard.ts';
import { StoreHistory } from './history.ts';
import { keysOf } from './keys.ts';
import { StoreMachineLeases } from './machine-leases.ts';
import { newNonce } from './nonce.ts';
import { observed } from './observed.ts';
import type { RegistryObserver } from './observed.ts';
import { Presence } from './presence.ts';
import { renewing } from './renewing.ts';
import type { Store } from './store.ts';
import { StoreUnitRegistry } from './unit-registry.ts';

/** The cluster's data, as one machine sees and writes it. */
export interface Registry {
  /** Watches this machine's own assignments and settings from the beginning. */
  readonly agent: AgentRegistry;
  readonly units: UnitRegistry;
  readonly contact: StoreContact;
  readonly leases: MachineLeases;
  readonly presence: Presence;
  campaign(candidate: Candidate): Campaign;
  /** The highest revision that was seen; null: the store is not trusted, or was not seen yet. */
  revision(): Revision | null;
  /** false: the store is not the one this machine belongs to, and nothing is touched. */
  isTrusted(): boolean;
  /** Ends watches, renewals and leadership. Leases end by themselves: park or resign before. */
  close(): Promise<void>;
}

export interface RegistryOptions {
  /** Of all keys; must look like `/muster`. */
  readonly prefix: string;
  readonly machineId: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly knownStore: KnownStore;
  readonly observer?: RegistryObserver;
}

/** Never waits for etcd: it may be away, and be there later. @throws {InvalidInputError} prefix */
export function openRegistry(options: RegistryOptions & EtcdOptions): Registry {
  return openRegistryOn(new EtcdStore(options), options);
}

/** The same on any store. */
export function openRegistryOn(bare: Store, options: RegistryOptions): Registry {
  const { clock, log, machineId, knownStore, observer } = options;
  const keys = keysOf(options.prefix);
  const contact = new Contact(clock, observer?.contact);
  const over = new AbortController();
  // Each reading of history listens to it.
  setMaxListeners(0, over.signal);
  const seen = observer === undefined ? bare : observed(observer, bare);
  const store = noting(contact, renewing(clock, seen, over.signal));
  const guard = new StoreGuard({ store, keys, knownStore, clock, log, newId: newNonce });
  const common = { store, guard, keys, contact, clock, log };
  const reads = observer === undefined ? {} : { onRead: observer.fullRead };
  const renewals = observer === undefined ? {} : { onRenewal: observer.leaseRenewal };
  const presence = new Presence({ ...common, machineId, ...renewals });
  const agent = new StoreAgentRegistry({ ...common, machineId, presence, ...reads });
  const view = new SharedView({ ...common, ...reads });
  // Who reads history must have no say in whether this machine is in contact with the store.
  const history = new StoreHistory({ ...common, store: seen, over: over.signal });
  agent.start();
  return {
    agent,
    units: new StoreUnitRegistry({ store, guard, keys, view, history, log }),
    contact,
    leases: new StoreMachineLeases(store, keys),
    presence,
    campaign: (candidate) => new StoreCampaign({ ...common, candidate, over: over.signal }),
    revision: () => guard.revision(),
    isTrusted: () => guard.isTrusted(),
    close: async () => {
      over.abort();
      await Promise.all([presence.close(), agent.close(), view.close()]);
      await guard.close();
      await bare.close();
    },
  };
}
