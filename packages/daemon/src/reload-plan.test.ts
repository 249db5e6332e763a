import type { Flags } from './command-line.ts';
import { configKeyNames } from './config-keys.ts';
import type { ConfigKey } from './config-keys.ts';
import type { Config } from './config-model.ts';
import { planReload, restartKeys } from './reload-plan.ts';
import { resolveConfig } from './resolve-config.ts';

const noFlags: Flags = { config: null, dev: false, user: false, state: null, acceptStore: false };

/** A configuration as it would be read: from flags, environment and these lines of the file. */
function read(text: string, flags: Partial<Flags> = {}): Config {
  const { config, problems } = resolveConfig({
    flags: { ...noFlags, ...flags },
    env: { XDG_RUNTIME_DIR: '/run/user/1' },
    file: { path: '/etc/muster/musterd.yaml', text },
    home: '/home/ada',
  });
  expect(problems).toEqual([]);
  return config;
}

const tls = 'tls: { ca: /pki/ca, cert: /pki/cert, key: /pki/key }';

test.each<[string, string, string, readonly ConfigKey[], readonly ConfigKey[]]>([
  ['nothing', '', '', [], []],
  ['a default that is written down', '', 'agent: { poll: 1s }', [], []],
  ['comments and order', 'state: /s\nruntime: /r', '# hm\nruntime: /r\nstate: /s', [], []],
  ['the log level', '', 'log: { level: debug }', ['log.level'], []],
  ['metadata', 'machine: { metadata: { a: b } }', '', ['machine.metadata'], []],
  [
    'metadata in another order',
    'machine: { metadata: { a: b, c: d } }',
    'machine: { metadata: { c: d, a: b } }',
    [],
    [],
  ],
  ['the address', '', 'machine: { address: 10.0.0.1 }', ['machine.address'], []],
  [
    'what is kept for the machine',
    'machine: { reserve: { memory: 1G } }',
    'machine: { reserve: { memory: 2G, disk: 10% }, tasks: 100 }',
    ['machine.reserve.memory', 'machine.reserve.disk', 'machine.tasks'],
    [],
  ],
  ['the ttl', '', 'machine: { ttl: 10s }', [], ['machine.ttl']],
  ['how often is looked', '', 'agent: { poll: 2s, away: 1m }', ['agent.poll', 'agent.away'], []],
  ['starting without etcd', '', 'agent: { offline: off }', ['agent.offline'], []],
  ['compaction', '', 'etcd: { compact: off }', ['etcd.compact'], []],
  ['pages', '', 'api: { tokenlimit: 7 }', ['api.tokenlimit'], []],
  ['a listener', '', 'api: { listen: [unix:/a, unix:/b] }', ['api.listen'], []],
  [
    'protection',
    'api: { listen: ["tcp:0.0.0.0:1"], insecure: true }',
    `api: { listen: ["tcp:0.0.0.0:1"], ${tls} }`,
    ['api.insecure', 'api.tls.ca', 'api.tls.cert', 'api.tls.key'],
    [],
  ],
  [
    'a certificate',
    `api: { ${tls} }`,
    'api: { tls: { ca: /pki/ca, cert: /pki/new, key: /pki/key } }',
    ['api.tls.cert'],
    [],
  ],
  [
    'the store',
    '',
    'etcd: { endpoints: ["https://10.0.0.1:2379"], prefix: /blue, tls: { ca: /c, cert: /d, key: /e } }',
    [],
    ['etcd.endpoints', 'etcd.prefix', 'etcd.tls.ca', 'etcd.tls.cert', 'etcd.tls.key'],
  ],
  [
    'what runs',
    '',
    'agent: { enabled: false }\nscheduler: { enabled: false }',
    [],
    ['agent.enabled', 'scheduler.enabled'],
  ],
  ['directories', '', 'state: /s\nruntime: /r', [], ['state', 'runtime']],
  [
    'the manager, and the directories that follow from it',
    '',
    'agent: { manager: user }',
    [],
    ['agent.manager', 'state', 'runtime'],
  ],
  [
    'some that hold at once and some that wait',
    'machine: { ttl: 8s }',
    'machine: { ttl: 9s, metadata: { a: b } }\nlog: { level: warn }\nstate: /s',
    ['machine.metadata', 'log.level'],
    ['machine.ttl', 'state'],
  ],
])('a reload that changes %s', (_, before, after, changed, waiting) => {
  const [running, next] = [read(before), read(after)];
  const plan = planReload(running, next);
  expect({ changed: plan.changed, waiting: plan.waiting }).toEqual({ changed, waiting });
  // What was taken over is not taken over once more; what waits goes on waiting.
  expect(planReload(plan.config, next)).toEqual({ config: plan.config, changed: [], waiting });
  // And going back is possible.
  expect(planReload(plan.config, running)).toEqual({ config: running, changed, waiting: [] });
});

test('what holds at once is the new value, what waits is the old one', () => {
  const running = read('machine: { ttl: 8s, metadata: { a: b } }\netcd: { prefix: /old }');
  const next = read(
    'machine: { ttl: 9s, metadata: { c: d } }\netcd: { prefix: /new, compact: 2h }',
  );
  expect(planReload(running, next).config).toEqual({
    ...running,
    machine: { ...running.machine, metadata: { c: 'd' } },
    etcd: { ...running.etcd, compactMs: 7_200_000 },
  });
});

test.each([
  ['the default socket', 'runtime: /new', ['/run/muster/muster.sock']],
  [
    'a socket in the new directory',
    'runtime: /new\napi: { listen: [unix:/new/a/b.sock] }',
    ['/run/muster/a/b.sock'],
  ],
  [
    'sockets elsewhere',
    'runtime: /new\napi: { listen: [unix:/newer/a.sock, unix:/new.sock] }',
    ['/newer/a.sock', '/new.sock'],
  ],
])('while another runtime directory waits, %s stays in the old one', (_, after, paths) => {
  const { config } = planReload(read(''), read(after));
  expect(config.api.listen).toEqual(paths.map((path) => ({ type: 'unix', path })));
});

test('flags given at the start keep their precedence', () => {
  const flags = { dev: true, user: true, state: '/mine' };
  const file = 'state: /other\nagent: { manager: system }\nlog: { level: warn }';
  const plan = planReload(read('', flags), read(file, flags));
  expect({ changed: plan.changed, waiting: plan.waiting }).toEqual({
    changed: ['log.level'],
    waiting: [],
  });
  expect(plan.config).toMatchObject({ dev: true, state: '/mine', agent: { manager: 'user' } });
});

test('every key that waits is one that there is', () => {
  expect(configKeyNames.filter((key) => restartKeys.has(key))).toEqual([...restartKeys]);
});
