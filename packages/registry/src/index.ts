export type { Candidate } from './campaign.ts';
export type { EtcdOptions } from './client.ts';
export {
  MemoryAssignmentStore,
  MemoryKnownStore,
  MemoryLeaseStore,
  openFakeRegistry,
} from './fake.ts';
export { MemoryStore } from './memory-store.ts';
export type { RegistryObserver } from './observed.ts';
export type { MachineFacts, RegisterOptions } from './presence.ts';
export { openRegistry, openRegistryOn } from './registry.ts';
export type { Registry, RegistryOptions } from './registry.ts';
export { keyOf } from './store.ts';
export type { KeyEvent, Store, Txn, TxnResult, Watch, WatchListener, WatchRange } from './store.ts';
