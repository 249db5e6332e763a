import { join, resolve } from 'node:path';
import { parseByteAmount, parseMilliCpus } from '@muster/core';
import type { Amount } from '@muster/core';
import type { Flags } from './command-line.ts';
import { contradictions } from './config-contradictions.ts';
import { configKeys } from './config-keys.ts';
import type { ConfigKey } from './config-keys.ts';
import type { Config, EtcdTls } from './config-model.ts';
import { readEnvironment, readYaml } from './config-sources.ts';
import type { Environment, Setting, Settings } from './config-sources.ts';
import {
  parseBoolean,
  parseDurationWithin,
  parseEndpoint,
  parseIpAddress,
  parseListenAddress,
  parseMetadatum,
  parseNumberWithin,
  parseOneOf,
  parsePath,
  parsePrefix,
  parseSecondsWithin,
} from './config-values.ts';

export interface ConfigInput {
  readonly flags: Flags;
  readonly env: Environment;
  /** null: there is none. */
  readonly file: { readonly path: string; readonly text: string } | null;
  readonly home: string;
}

/**
 * Puts flags, environment, file and defaults together, in this order of precedence.
 * @returns `config` is to be used only when there is no problem
 */
export function resolveConfig(input: ConfigInput): {
  readonly config: Config;
  readonly problems: readonly string[];
} {
  const { flags, env, home } = input;
  const file = input.file === null ? empty : readYaml(input.file.path, input.file.text);
  const environment = readEnvironment(env);
  const settings = new Map([
    ...file.settings,
    ...environment.settings,
    ...flagSettings(flags),
    ...(flags.dev ? devSettings : []),
  ]);
  const reader = new Reader(settings, [...file.problems, ...environment.problems]);
  const config = readConfig(reader, { env, home, dev: flags.dev });
  reader.problems.push(...contradictions(config, settings));
  return { config, problems: reader.problems };
}

const empty: Settings = { settings: new Map(), problems: [] };

function flagSettings(flags: Flags): [ConfigKey, Setting][] {
  const settings: [ConfigKey, Setting][] = [];
  if (flags.user) settings.push(['agent.manager', { where: '--user', items: ['user'] }]);
  if (flags.state !== null) {
    settings.push(['state', { where: '--state', items: [resolve(flags.state)] }]);
  }
  return settings;
}

const devSettings: readonly [ConfigKey, Setting][] = (
  ['etcd.endpoints', 'etcd.tls.ca', 'etcd.tls.cert', 'etcd.tls.key'] as const
).map((key) => [key, { where: '--dev', items: [] }]);

/** Takes settings one by one; what does not fit becomes a problem and the fallback. */
class Reader {
  readonly problems: string[];
  readonly #settings: ReadonlyMap<ConfigKey, Setting>;

  constructor(settings: ReadonlyMap<ConfigKey, Setting>, problems: string[]) {
    this.#settings = settings;
    this.problems = problems;
  }

  one<T, F>(key: ConfigKey, parse: (text: string) => T | null, fallback: F): T | F {
    const [first] = this.list(key, parse, []);
    return first ?? fallback;
  }

  list<T>(key: ConfigKey, parse: (text: string) => T | null, fallback: readonly T[]): readonly T[] {
    const setting = this.#settings.get(key);
    if (setting === undefined) return fallback;
    const values: T[] = [];
    for (const item of setting.items) {
      const value = parse(item);
      if (value !== null) values.push(value);
      else {
        const { kind, expected } = configKeys[key];
        const verb = kind === 'text' ? 'is' : 'has';
        const what = `${key} ${verb} ${JSON.stringify(item)}`;
        this.problems.push(`${setting.where}: ${what}; expected ${expected}`);
      }
    }
    return values;
  }
}

function readConfig(
  reader: Reader,
  context: { readonly env: Environment; readonly home: string; readonly dev: boolean },
): Config {
  const manager = reader.one('agent.manager', parseOneOf('system', 'user'), 'system');
  const defaults = defaultDirectories(manager, context);
  const runtime = readRuntime(reader, defaults.runtime);
  return {
    dev: context.dev,
    etcd: {
      endpoints: reader.list('etcd.endpoints', parseEndpoint, ['http://127.0.0.1:2379']),
      prefix: reader.one('etcd.prefix', parsePrefix, '/muster'),
      compactMs: readOrOff(
        reader,
        'etcd.compact',
        parseDurationWithin(60_000, 720 * 3_600_000),
        3_600_000,
      ),
      tls: readEtcdTls(reader),
    },
    machine: {
      address: reader.one('machine.address', parseIpAddress, null),
      metadata: Object.fromEntries(reader.list('machine.metadata', parseMetadatum, [])),
      reserve: {
        milliCpus: reader.one('machine.reserve.cpu', parseMilliCpus, 0),
        memory: reader.one('machine.reserve.memory', parseByteAmount, null),
        disk: reader.one('machine.reserve.disk', parseByteAmount, aTwentieth),
      },
      tasks: reader.one('machine.tasks', parseNumberWithin(1, 999_999_999), null),
      ttlSeconds: reader.one('machine.ttl', parseSecondsWithin(4, 600), 8),
    },
    agent: {
      enabled: reader.one('agent.enabled', parseBoolean, true),
      pollMs: reader.one('agent.poll', parseDurationWithin(100, 60_000), 1000),
      awaySeconds: reader.one('agent.away', parseSecondsWithin(1, 86_400), 600),
      offlineMs: readOrOff(reader, 'agent.offline', parseDurationWithin(1000, 86_400_000), 180_000),
      manager,
    },
    scheduler: { enabled: reader.one('scheduler.enabled', parseBoolean, true) },
    api: readApi(reader, runtime),
    log: { level: reader.one('log.level', parseOneOf('debug', 'info', 'warn', 'error'), 'info') },
    state: reader.one('state', parsePath, defaults.state),
    runtime,
  };
}

const aTwentieth: Amount = { type: 'share', permyriad: 500 };

function defaultDirectories(
  manager: 'system' | 'user',
  { env, home }: { readonly env: Environment; readonly home: string },
): { readonly state: string; readonly runtime: string | null } {
  if (manager === 'system') return { state: '/var/lib/muster', runtime: '/run/muster' };
  const runtime = env['XDG_RUNTIME_DIR'];
  return {
    state: join(env['XDG_STATE_HOME'] || join(home, '.local/state'), 'muster'),
    runtime: runtime ? join(runtime, 'muster') : null,
  };
}

function readRuntime(reader: Reader, fallback: string | null): string {
  const runtime = reader.one('runtime', parsePath, fallback);
  if (runtime !== null) return runtime;
  const why = 'with the user manager it is below XDG_RUNTIME_DIR, which is not set';
  reader.problems.push(`runtime has no default: ${why}; set runtime or MUSTER_RUNTIME`);
  return '/';
}

/** @returns milliseconds; null: it is off */
function readOrOff(
  reader: Reader,
  key: ConfigKey,
  duration: (text: string) => number | null,
  fallbackMs: number,
): number | null {
  const parse = (text: string): number | 'off' | null => (text === 'off' ? text : duration(text));
  const value = reader.one(key, parse, fallbackMs);
  return value === 'off' ? null : value;
}

function readEtcdTls(reader: Reader): EtcdTls | null {
  const ca = reader.one('etcd.tls.ca', parsePath, null);
  const cert = reader.one('etcd.tls.cert', parsePath, null);
  const key = reader.one('etcd.tls.key', parsePath, null);
  if (ca === null && cert === null && key === null) return null;
  if (ca === null) reader.problems.push('etcd.tls.ca is not set, but other keys of etcd.tls are');
  if ((cert === null) !== (key === null)) {
    reader.problems.push('etcd.tls.cert and etcd.tls.key belong together, but only one is set');
  }
  return { ca: ca ?? '', client: cert === null || key === null ? null : { cert, key } };
}

function readApi(reader: Reader, runtime: string): Config['api'] {
  const path = join(runtime, 'muster.sock');
  const listen = reader.list('api.listen', parseListenAddress, [{ type: 'unix', path }]);
  const insecure = reader.one('api.insecure', parseBoolean, false);
  const tokenLimit = reader.one('api.tokenlimit', parseNumberWithin(1, 65_535), 100);
  const ca = reader.one('api.tls.ca', parsePath, null);
  const cert = reader.one('api.tls.cert', parsePath, null);
  const key = reader.one('api.tls.key', parsePath, null);
  if (ca !== null && cert !== null && key !== null) {
    return { listen, insecure, tls: { ca, cert, key }, tokenLimit };
  }
  const missing = Object.entries({ ca, cert, key }).filter(([, value]) => value === null);
  if (missing.length < 3) {
    const names = missing.map(([name]) => `api.tls.${name}`).join(' and ');
    reader.problems.push(`${names} is not set, but other keys of api.tls are`);
  }
  return { listen, insecure, tls: null, tokenLimit };
}
