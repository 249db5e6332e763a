import type { ConfigKey } from './config-keys.ts';
import type { Config } from './config-model.ts';
import type { Setting } from './config-sources.ts';
import { maxSocketPathBytes } from './config-values.ts';

/** What no key says wrongly by itself, but keys say together. */
export function contradictions(
  config: Config,
  settings: ReadonlyMap<ConfigKey, Setting>,
): readonly string[] {
  const problems: string[] = [];
  const report = (key: ConfigKey, problem: string): void => {
    const where = settings.get(key)?.where;
    problems.push(where === undefined ? problem : `${where}: ${problem}`);
  };
  const { etcd, api } = config;
  const wantsTls = etcd.endpoints.filter((endpoint) => endpoint.startsWith('https:'));
  const [withoutTls] = etcd.endpoints.filter((endpoint) => !endpoint.startsWith('https:'));
  if (wantsTls.length > 0 && withoutTls !== undefined) {
    report('etcd.endpoints', 'etcd.endpoints has both https and other addresses; use one kind');
  } else if (wantsTls.length > 0 && etcd.tls === null) {
    report('etcd.endpoints', `etcd.endpoints has "${wantsTls[0]}"; set etcd.tls.ca for it`);
  } else if (withoutTls !== undefined && etcd.tls !== null) {
    report('etcd.tls.ca', `etcd.tls is set, but etcd.endpoints has "${withoutTls}" without https`);
  }
  const tcp = api.listen.find((address) => address.type === 'tcp');
  const hasTls = api.tls !== null || settings.has('api.tls.ca');
  if (tcp !== undefined && !api.insecure && !hasTls) {
    const remedy =
      'set api.tls.ca, api.tls.cert and api.tls.key, or api.insecure: true to obey whoever can connect';
    report('api.listen', `api.listen has a TCP address (port ${tcp.port}) without TLS: ${remedy}`);
  }
  if (api.insecure && api.tls !== null) {
    report('api.insecure', 'api.insecure is true, but api.tls is set; remove one of the two');
  }
  for (const address of api.listen) {
    if (address.type === 'unix' && Buffer.byteLength(address.path) > maxSocketPathBytes) {
      const limit = `a unix socket's path has at most ${maxSocketPathBytes} bytes`;
      problems.push(`runtime is too long for ${address.path}: ${limit}`);
    }
  }
  return problems;
}
