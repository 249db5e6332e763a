import { nearest } from '@muster/core';

interface KeySpec {
  /** `text` is one value, `list` several, `map` names with values. */
  readonly kind: 'text' | 'list' | 'map';
  /** What a right value looks like; completes the sentence "expected …". */
  readonly expected: string;
}

const text = (expected: string): KeySpec => ({ kind: 'text', expected });
const path = text('the absolute path of a file');
const directory = text('the absolute path of a directory');
const flag = text('true or false');

/** Every configuration key there is. Described for people in docs/configuration.md. */
export const configKeys = {
  'etcd.endpoints': {
    kind: 'list',
    expected: 'addresses of the form http://HOST:PORT, https://HOST:PORT or unix:/PATH',
  },
  'etcd.prefix': text('a path that begins with / and does not end with it, such as /muster'),
  'etcd.compact': text('off or a duration from 1m to 720h, such as 1h'),
  'etcd.tls.ca': path,
  'etcd.tls.cert': path,
  'etcd.tls.key': path,
  'machine.address': text('an IP address'),
  'machine.metadata': {
    kind: 'map',
    expected:
      'NAME=VALUE with a name of letters, digits, _ . - and a value that is not empty and has no control characters',
  },
  'machine.reserve.cpu': text('a number of CPUs or a percentage of one, such as 0.5 or 50%'),
  'machine.reserve.memory': text('an amount or a percentage, such as 512M or 10%'),
  'machine.reserve.disk': text('an amount or a percentage, such as 10G or 5%'),
  'machine.tasks': text('a whole number from 1 to 999999999'),
  'machine.ttl': text('a duration of whole seconds from 4s to 10m, such as 8s'),
  'agent.enabled': flag,
  'agent.poll': text('a duration from 100ms to 1m, such as 1s'),
  'agent.away': text('a duration of whole seconds from 1s to 24h, such as 10m'),
  'agent.offline': text('off or a duration from 1s to 24h, such as 3m'),
  'agent.manager': text('system or user'),
  'scheduler.enabled': flag,
  'api.listen': {
    kind: 'list',
    expected: 'addresses of the form unix:/PATH (at most 107 bytes) or tcp:HOST:PORT',
  },
  'api.insecure': flag,
  'api.tls.ca': path,
  'api.tls.cert': path,
  'api.tls.key': path,
  'api.tokenlimit': text('a whole number from 1 to 65535'),
  'log.level': text('debug, info, warn or error'),
  state: directory,
  runtime: directory,
} as const satisfies Record<string, KeySpec>;

export type ConfigKey = keyof typeof configKeys;

export function isConfigKey(key: string): key is ConfigKey {
  return Object.hasOwn(configKeys, key);
}

export const configKeyNames: readonly ConfigKey[] = Object.keys(configKeys).filter(isConfigKey);

/** `etcd`, `etcd.tls`, …: what may have keys below it in the file. */
export const configSections: ReadonlySet<string> = new Set(
  configKeyNames.flatMap((key) => {
    const parts = key.split('.');
    return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('.'));
  }),
);

/** `machine.ttl` → `MUSTER_MACHINE_TTL` */
export function environmentName(key: ConfigKey): string {
  return `MUSTER_${key.toUpperCase().replaceAll('.', '_')}`;
}

/** The key that was probably meant: one that ends in the same word, else the one written most alike. */
export function nearestKey(unknown: string): string {
  const word = unknown.split('.').at(-1);
  const [first, ...more] = configKeyNames.filter((key) => key.split('.').at(-1) === word);
  if (first !== undefined) return nearest(unknown, [first, ...more]);
  return nearest(unknown, ['state', ...configKeyNames, ...configSections]);
}

/** As `nearestKey`, for the name of an environment variable. */
export function nearestEnvironmentName(unknown: string): string {
  const word = unknown.replace(/^MUSTER_/, '');
  const names = configKeyNames.map(environmentName);
  const [first, ...more] = names.filter((name) => name.endsWith(`_${word}`));
  if (first !== undefined) return nearest(unknown, [first, ...more]);
  return nearest(unknown, ['MUSTER_STATE', ...names]);
}
