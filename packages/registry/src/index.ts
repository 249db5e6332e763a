export { openRegistry } from './registry.ts';
export type { Registry, RegistryOptions } from './registry.ts';
export type { EtcdOptions } from './client.ts';
export type { MachineFacts } from './presence.ts';
