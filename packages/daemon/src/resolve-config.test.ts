import type { Flags } from './command-line.ts';
import { configKeyNames, environmentName } from './config-keys.ts';
import type { Environment } from './config-sources.ts';
import { resolveConfig } from './resolve-config.ts';

const noFlags: Flags = { config: null, dev: false, user: false, state: null, acceptStore: false };

interface Given {
  readonly flags?: Partial<Flags>;
  readonly env?: Environment;
  readonly yaml?: string;
}

function given({ flags = {}, env = {}, yaml }: Given) {
  const file = yaml === undefined ? null : { path: '/etc/muster/musterd.yaml', text: yaml };
  return resolveConfig({ flags: { ...noFlags, ...flags }, env, file, home: '/home/ada' });
}

function valid(input: Given) {
  const { config, problems } = given(input);
  expect(problems).toEqual([]);
  return config;
}

const defaults = {
  dev: false,
  etcd: {
    endpoints: ['http://127.0.0.1:2379'],
    prefix: '/muster',
    compactMs: 3_600_000,
    tls: null,
  },
  machine: {
    address: null,
    metadata: {},
    reserve: { milliCpus: 0, memory: null, disk: { type: 'share', permyriad: 500 } },
    tasks: null,
    ttlSeconds: 8,
  },
  agent: { enabled: true, pollMs: 1000, awaySeconds: 600, offlineMs: 180_000, manager: 'system' },
  scheduler: { enabled: true },
  api: {
    listen: [{ type: 'unix', path: '/run/muster/muster.sock' }],
    insecure: false,
    tls: null,
    tokenLimit: 100,
  },
  log: { level: 'info' },
  state: '/var/lib/muster',
  runtime: '/run/muster',
};

const everything = `
etcd:
  endpoints: [https://10.0.0.1:2379, "https://[fd00::1]:2379/"]
  prefix: /clusters/blue
  compact: off
  tls: { ca: /pki/ca.pem, cert: /pki/etcd.pem, key: /pki/etcd.key }
machine:
  address: 10.0.0.5
  metadata:
    region: eu
    version: 1.10   # stays as it is written
    ssd: true
  reserve: { cpu: 50%, memory: 512M, disk: 10% }
  tasks: 2000
  ttl: 10s
agent: { enabled: false, poll: 500ms, away: 1h, offline: 20s, manager: user }
scheduler: { enabled: false }
api:
  listen: ["unix:/run/m.sock", "tcp:[::]:49153", "tcp:0.0.0.0:49154"]
  tls: { ca: /pki/ca.pem, cert: /pki/api.pem, key: /pki/api.key }
  tokenlimit: 7
log: { level: debug }
state: /srv/muster
runtime: /run/m
`;

describe('what a configuration says', () => {
  test('nothing: the defaults', () => {
    expect(valid({})).toEqual(defaults);
  });

  test('an empty file, or sections without keys: the defaults', () => {
    expect(valid({ yaml: '' })).toEqual(defaults);
    expect(valid({ yaml: '# nothing\netcd:\nmachine:\n  ttl:\n' })).toEqual(defaults);
  });

  test('every key in a file', () => {
    expect(valid({ yaml: everything })).toEqual({
      dev: false,
      etcd: {
        endpoints: ['https://10.0.0.1:2379', 'https://[fd00::1]:2379'],
        prefix: '/clusters/blue',
        compactMs: null,
        tls: { ca: '/pki/ca.pem', client: { cert: '/pki/etcd.pem', key: '/pki/etcd.key' } },
      },
      machine: {
        address: '10.0.0.5',
        metadata: { region: 'eu', version: '1.10', ssd: 'true' },
        reserve: {
          milliCpus: 500,
          memory: { type: 'count', count: 512 * 1024 ** 2 },
          disk: { type: 'share', permyriad: 1000 },
        },
        tasks: 2000,
        ttlSeconds: 10,
      },
      agent: { enabled: false, pollMs: 500, awaySeconds: 3600, offlineMs: 20_000, manager: 'user' },
      scheduler: { enabled: false },
      api: {
        listen: [
          { type: 'unix', path: '/run/m.sock' },
          { type: 'tcp', host: '::', port: 49153 },
          { type: 'tcp', host: '0.0.0.0', port: 49154 },
        ],
        insecure: false,
        tls: { ca: '/pki/ca.pem', cert: '/pki/api.pem', key: '/pki/api.key' },
        tokenLimit: 7,
      },
      log: { level: 'debug' },
      state: '/srv/muster',
      runtime: '/run/m',
    });
  });

  test('every key in the environment says the same', () => {
    const env = {
      MUSTER_ETCD_ENDPOINTS: 'https://10.0.0.1:2379, https://[fd00::1]:2379',
      MUSTER_ETCD_PREFIX: '/clusters/blue',
      MUSTER_ETCD_COMPACT: 'off',
      MUSTER_ETCD_TLS_CA: '/pki/ca.pem',
      MUSTER_ETCD_TLS_CERT: '/pki/etcd.pem',
      MUSTER_ETCD_TLS_KEY: '/pki/etcd.key',
      MUSTER_MACHINE_ADDRESS: '10.0.0.5',
      MUSTER_MACHINE_METADATA: 'region=eu,version=1.10,ssd=true',
      MUSTER_MACHINE_RESERVE_CPU: '0.5',
      MUSTER_MACHINE_RESERVE_MEMORY: '512M',
      MUSTER_MACHINE_RESERVE_DISK: '10%',
      MUSTER_MACHINE_TASKS: '2000',
      MUSTER_MACHINE_TTL: '10s',
      MUSTER_AGENT_ENABLED: 'false',
      MUSTER_AGENT_POLL: '500ms',
      MUSTER_AGENT_AWAY: '1h',
      MUSTER_AGENT_OFFLINE: '20s',
      MUSTER_AGENT_MANAGER: 'user',
      MUSTER_SCHEDULER_ENABLED: 'false',
      MUSTER_API_LISTEN: 'unix:/run/m.sock,tcp:[::]:49153,tcp:0.0.0.0:49154',
      MUSTER_API_INSECURE: 'false',
      MUSTER_API_TLS_CA: '/pki/ca.pem',
      MUSTER_API_TLS_CERT: '/pki/api.pem',
      MUSTER_API_TLS_KEY: '/pki/api.key',
      MUSTER_API_TOKENLIMIT: '7',
      MUSTER_LOG_LEVEL: 'debug',
      MUSTER_STATE: '/srv/muster',
      MUSTER_RUNTIME: '/run/m',
    };
    expect(Object.keys(env)).toEqual(configKeyNames.map(environmentName));
    expect(valid({ env })).toEqual(valid({ yaml: everything }));
  });

  test('flags win over the environment, which wins over the file; an empty variable says nothing', () => {
    const config = valid({
      flags: { state: '/from/flag' },
      env: { MUSTER_STATE: '/from/env', MUSTER_MACHINE_TTL: '20s', MUSTER_LOG_LEVEL: '' },
      yaml: 'state: /from/file\nmachine: { ttl: 30s }\nlog: { level: warn }',
    });
    expect(config).toMatchObject({
      state: '/from/flag',
      machine: { ttlSeconds: 20 },
      log: { level: 'warn' },
    });
  });

  test('--user: directories of the user', () => {
    const home = valid({ flags: { user: true }, env: { XDG_RUNTIME_DIR: '/run/user/1000' } });
    expect(home).toMatchObject({
      agent: { manager: 'user' },
      state: '/home/ada/.local/state/muster',
      runtime: '/run/user/1000/muster',
      api: { listen: [{ type: 'unix', path: '/run/user/1000/muster/muster.sock' }] },
    });
    const xdg = { XDG_RUNTIME_DIR: '/run/user/1000', XDG_STATE_HOME: '/data/state' };
    expect(valid({ flags: { user: true }, env: xdg }).state).toBe('/data/state/muster');
  });

  test('--dev: the store named elsewhere is left alone', () => {
    const config = valid({
      flags: { dev: true },
      yaml: 'etcd: { endpoints: ["https://etcd:2379"], tls: { ca: /pki/ca.pem } }',
    });
    expect(config).toMatchObject({ dev: true, etcd: { endpoints: [], tls: null } });
  });

  test("the command line's own variable is none of the daemon's business", () => {
    expect(valid({ env: { MUSTER_ENDPOINT: 'http://x', PATH: '/bin' } })).toEqual(defaults);
  });
});

const inFile = '/etc/muster/musterd.yaml';

describe('what is wrong with a file', () => {
  test.each([
    [
      'a key written wrongly',
      'machine:\n  address: 10.0.0.5\n  tll: 8s\n',
      `${inFile}:3: unknown key machine.tll; the nearest is machine.ttl`,
    ],
    [
      'a section written wrongly',
      'machin: { ttl: 8s }',
      `${inFile}:1: unknown key machin; the nearest is machine`,
    ],
    [
      'a key in the wrong section',
      'endpoints: ["http://a:1"]',
      `${inFile}:1: unknown key endpoints; the nearest is etcd.endpoints`,
    ],
    [
      'a text where keys belong',
      'log: debug',
      `${inFile}:1: log is "debug"; expected keys with values`,
    ],
    [
      'a list where the file should have keys',
      '- a\n- b',
      `${inFile}:1: the file is a list; expected keys with values`,
    ],
    [
      'a text where a list belongs',
      'etcd:\n  endpoints: http://127.0.0.1:2379',
      `${inFile}:2: etcd.endpoints is "http://127.0.0.1:2379"; expected a list of addresses of the form http://HOST:PORT, https://HOST:PORT or unix:/PATH`,
    ],
    [
      'a list with nothing in it',
      'etcd: { endpoints: [] }',
      expect.stringContaining(
        `${inFile}:1: etcd.endpoints is an empty list; expected a list of addr`,
      ),
    ],
    [
      'a list where one value belongs',
      'machine: { ttl: [8s] }',
      `${inFile}:1: machine.ttl is a list; expected a duration of whole seconds from 4s to 10m, such as 8s`,
    ],
    [
      'not YAML',
      'etcd:\n  endpoints: [a, b\nmachine: {}',
      expect.stringMatching(/^\/etc\/muster\/musterd\.yaml:3: not valid YAML: \S.*[^:]$/),
    ],
    [
      'a key given twice',
      'state: /a\nstate: /b',
      `${inFile}:2: not valid YAML: Map keys must be unique`,
    ],
  ])('%s', (_situation, yaml, sentence) => {
    expect(given({ yaml }).problems).toContainEqual(sentence);
  });
});

describe('what is wrong with a value', () => {
  test.each([
    [
      'MUSTER_MACHINE_TTL',
      '3s',
      'machine.ttl is "3s"; expected a duration of whole seconds from 4s to 10m, such as 8s',
    ],
    ['MUSTER_MACHINE_TTL', '601s', 'machine.ttl is "601s"; expected a duration of whole seconds'],
    ['MUSTER_MACHINE_TTL', '4500ms', 'machine.ttl is "4500ms"; expected a duration of whole'],
    ['MUSTER_MACHINE_TTL', '8', 'machine.ttl is "8"; expected a duration'],
    [
      'MUSTER_AGENT_POLL',
      '99ms',
      'agent.poll is "99ms"; expected a duration from 100ms to 1m, such as 1s',
    ],
    ['MUSTER_AGENT_POLL', '61s', 'agent.poll is "61s"; expected a duration from 100ms to 1m'],
    ['MUSTER_AGENT_AWAY', '25h', 'agent.away is "25h"; expected a duration of whole seconds from'],
    ['MUSTER_AGENT_ENABLED', 'yes', 'agent.enabled is "yes"; expected true or false'],
    ['MUSTER_AGENT_MANAGER', 'root', 'agent.manager is "root"; expected system or user'],
    [
      'MUSTER_ETCD_COMPACT',
      'never',
      'etcd.compact is "never"; expected off or a duration from 1m to 720h, such as 1h',
    ],
    ['MUSTER_ETCD_PREFIX', 'muster/', 'etcd.prefix is "muster/"; expected a path that begins'],
    [
      'MUSTER_ETCD_ENDPOINTS',
      'http://a:2379,etcd-b',
      'etcd.endpoints has "etcd-b"; expected addresses of the form http://HOST:PORT',
    ],
    ['MUSTER_ETCD_ENDPOINTS', 'http://a', 'etcd.endpoints has "http://a"; expected addresses'],
    ['MUSTER_ETCD_ENDPOINTS', 'http://a:70000', 'etcd.endpoints has "http://a:70000"; expected'],
    ['MUSTER_ETCD_ENDPOINTS', 'http://u:p@a:1', 'etcd.endpoints has "http://u:p@a:1"; expected'],
    ['MUSTER_MACHINE_ADDRESS', 'web1', 'machine.address is "web1"; expected an IP address'],
    ['MUSTER_MACHINE_METADATA', 'region=eu,ssd', 'machine.metadata has "ssd"; expected NAME=VALUE'],
    ['MUSTER_MACHINE_METADATA', 'a b=c', 'machine.metadata has "a b=c"; expected NAME=VALUE'],
    ['MUSTER_API_LISTEN', '0.0.0.0:80', 'api.listen has "0.0.0.0:80"; expected addresses of the'],
    ['MUSTER_API_LISTEN', `unix:/${'x'.repeat(107)}`, 'api.listen has "unix:/xxx'],
    [
      'MUSTER_API_TOKENLIMIT',
      '0',
      'api.tokenlimit is "0"; expected a whole number from 1 to 65535',
    ],
    ['MUSTER_API_TOKENLIMIT', '65536', 'api.tokenlimit is "65536"; expected a whole number'],
    ['MUSTER_API_TOKENLIMIT', '1e2', 'api.tokenlimit is "1e2"; expected a whole number'],
    ['MUSTER_LOG_LEVEL', 'verbose', 'log.level is "verbose"; expected debug, info, warn or error'],
    ['MUSTER_STATE', 'state', 'state is "state"; expected the absolute path of a directory'],
    ['MUSTER_MACHINE_TLL', '8s', 'unknown variable; the nearest is MUSTER_MACHINE_TTL'],
    ['MUSTER_TTL', '8s', 'unknown variable; the nearest is MUSTER_MACHINE_TTL'],
  ])('%s=%s', (name, value, sentence) => {
    const { problems } = given({ env: { [name]: value } });
    expect(problems).toEqual([expect.stringContaining(`${name}: ${sentence}`)]);
  });
});

describe('what does not go together', () => {
  test.each<[string, Given, string]>([
    [
      'TCP without TLS',
      { yaml: 'api:\n  listen: ["tcp:127.0.0.1:49153"]' },
      `${inFile}:2: api.listen has a TCP address (port 49153) without TLS: set api.tls.ca, api.tls.cert and api.tls.key, or api.insecure: true to obey whoever can connect`,
    ],
    [
      'a part of TLS',
      { env: { MUSTER_API_TLS_CA: '/ca.pem', MUSTER_API_LISTEN: 'tcp:a:1' } },
      'api.tls.cert and api.tls.key is not set, but other keys of api.tls are',
    ],
    [
      'insecure with TLS',
      { yaml: 'api: { insecure: true, tls: { ca: /a, cert: /b, key: /c } }' },
      `${inFile}:1: api.insecure is true, but api.tls is set; remove one of the two`,
    ],
    [
      'https without an authority',
      { env: { MUSTER_ETCD_ENDPOINTS: 'https://a:2379' } },
      'MUSTER_ETCD_ENDPOINTS: etcd.endpoints has "https://a:2379"; set etcd.tls.ca for it',
    ],
    [
      'http with an authority',
      { env: { MUSTER_ETCD_TLS_CA: '/ca.pem' } },
      'MUSTER_ETCD_TLS_CA: etcd.tls is set, but etcd.endpoints has "http://127.0.0.1:2379" without https',
    ],
    [
      'http and https',
      { env: { MUSTER_ETCD_ENDPOINTS: 'http://a:1,https://b:1' } },
      'MUSTER_ETCD_ENDPOINTS: etcd.endpoints has both https and other addresses; use one kind',
    ],
    [
      'a certificate without its key',
      {
        env: {
          MUSTER_ETCD_ENDPOINTS: 'https://a:1',
          MUSTER_ETCD_TLS_CA: '/a',
          MUSTER_ETCD_TLS_CERT: '/b',
        },
      },
      'etcd.tls.cert and etcd.tls.key belong together, but only one is set',
    ],
    [
      'a certificate without an authority',
      { env: { MUSTER_ETCD_TLS_CERT: '/b', MUSTER_ETCD_TLS_KEY: '/c' } },
      'etcd.tls.ca is not set, but other keys of etcd.tls are',
    ],
    [
      'a user without a runtime directory',
      { flags: { user: true } },
      'runtime has no default: with the user manager it is below XDG_RUNTIME_DIR, which is not set; set runtime or MUSTER_RUNTIME',
    ],
    [
      'a socket path that is too long',
      { env: { MUSTER_RUNTIME: `/${'r'.repeat(100)}` } },
      `runtime is too long for /${'r'.repeat(100)}/muster.sock: a unix socket's path has at most 107 bytes`,
    ],
  ])('%s', (_situation, input, sentence) => {
    expect(given(input).problems).toContain(sentence);
  });

  test('TCP with insecure: true is what was asked for', () => {
    valid({ yaml: 'api: { listen: ["tcp:0.0.0.0:49153"], insecure: true }' });
  });
});

test('all problems are reported at once', () => {
  const { problems } = given({
    env: { MUSTER_AGENT_POLL: '1', MUSTER_STAT: 'x' },
    yaml: 'log: { level: loud, color: true }\nmachine: { ttl: 1s }\n',
  });
  expect(problems.map((problem) => problem.split(';')[0])).toEqual([
    `${inFile}:1: unknown key log.color`,
    'MUSTER_STAT: unknown variable',
    `${inFile}:2: machine.ttl is "1s"`,
    'MUSTER_AGENT_POLL: agent.poll is "1"',
    `${inFile}:1: log.level is "loud"`,
  ]);
});
