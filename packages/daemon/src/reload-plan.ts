import { relative, isAbsolute, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { configKeyNames } from './config-keys.ts';
import type { ConfigKey } from './config-keys.ts';
import type { Config } from './config-model.ts';
import type { ListenAddress } from './config-values.ts';

/** What is to become of a running daemon whose configuration was read anew. */
export interface ReloadPlan {
  /** What it runs with afterwards: the new values, but the old ones of keys that wait. */
  readonly config: Config;
  /** Keys with a new value that holds at once, in the order of the documentation. */
  readonly changed: readonly ConfigKey[];
  /** Keys whose new value waits for the next start. */
  readonly waiting: readonly ConfigKey[];
}

/**
 * Keys that are used up when musterd starts: what hangs on them is a connection, a lease or a
 * directory that cannot be swapped under what runs.
 */
export const restartKeys: ReadonlySet<ConfigKey> = new Set<ConfigKey>([
  'etcd.endpoints',
  'etcd.prefix',
  'etcd.tls.ca',
  'etcd.tls.cert',
  'etcd.tls.key',
  'machine.ttl',
  'agent.enabled',
  'agent.manager',
  'scheduler.enabled',
  'state',
  'runtime',
]);

const valueOf: Readonly<Record<ConfigKey, (config: Config) => unknown>> = {
  'etcd.endpoints': ({ etcd }) => etcd.endpoints,
  'etcd.prefix': ({ etcd }) => etcd.prefix,
  'etcd.compact': ({ etcd }) => etcd.compactMs,
  'etcd.tls.ca': ({ etcd }) => etcd.tls?.ca,
  'etcd.tls.cert': ({ etcd }) => etcd.tls?.client?.cert,
  'etcd.tls.key': ({ etcd }) => etcd.tls?.client?.key,
  'machine.address': ({ machine }) => machine.address,
  'machine.metadata': ({ machine }) => machine.metadata,
  'machine.reserve.cpu': ({ machine }) => machine.reserve.milliCpus,
  'machine.reserve.memory': ({ machine }) => machine.reserve.memory,
  'machine.reserve.disk': ({ machine }) => machine.reserve.disk,
  'machine.tasks': ({ machine }) => machine.tasks,
  'machine.ttl': ({ machine }) => machine.ttlSeconds,
  'agent.enabled': ({ agent }) => agent.enabled,
  'agent.poll': ({ agent }) => agent.pollMs,
  'agent.away': ({ agent }) => agent.awaySeconds,
  'agent.offline': ({ agent }) => agent.offlineMs,
  'agent.manager': ({ agent }) => agent.manager,
  'scheduler.enabled': ({ scheduler }) => scheduler.enabled,
  'api.listen': ({ api }) => api.listen,
  'api.insecure': ({ api }) => api.insecure,
  'api.tls.ca': ({ api }) => api.tls?.ca,
  'api.tls.cert': ({ api }) => api.tls?.cert,
  'api.tls.key': ({ api }) => api.tls?.key,
  'api.tokenlimit': ({ api }) => api.tokenLimit,
  'log.level': ({ log }) => log.level,
  state: ({ state }) => state,
  runtime: ({ runtime }) => runtime,
};

/**
 * @param running - what the daemon runs with
 * @param next - what its file, environment and command line say now; valid
 */
export function planReload(running: Config, next: Config): ReloadPlan {
  const config = merge(running, next);
  const differ = (a: Config, b: Config): ConfigKey[] =>
    configKeyNames.filter((key) => !isDeepStrictEqual(valueOf[key](a), valueOf[key](b)));
  return {
    config,
    changed: differ(running, config),
    waiting: differ(running, next).filter((key) => restartKeys.has(key)),
  };
}

/** New values, but for keys that wait. A list of cases, not of keys: values depend on each other. */
function merge(running: Config, next: Config): Config {
  const { dev, state, runtime, scheduler } = running;
  const { endpoints, prefix, tls } = running.etcd;
  const { enabled, manager } = running.agent;
  return {
    ...next,
    dev,
    etcd: { ...next.etcd, endpoints, prefix, tls },
    machine: { ...next.machine, ttlSeconds: running.machine.ttlSeconds },
    agent: { ...next.agent, enabled, manager },
    scheduler,
    api: { ...next.api, listen: next.api.listen.map(stayIn(runtime, next.runtime)) },
    state,
    runtime,
  };
}

/** A socket in the runtime directory, as it is by default, moves with it, and so waits with it. */
function stayIn(runtime: string, nextRuntime: string): (address: ListenAddress) => ListenAddress {
  return (address) => {
    if (address.type !== 'unix') return address;
    const inside = relative(nextRuntime, address.path);
    if (inside.startsWith('..') || isAbsolute(inside)) return address;
    return { type: 'unix', path: join(runtime, inside) };
  };
}
