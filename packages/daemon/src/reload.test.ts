import type { MachineFacts } from '@muster/registry';
import { ConfigError } from './config.ts';
import type { Config } from './config-model.ts';
import { createLog } from './log.ts';
import { reload } from './reload.ts';
import type { ReloadOptions, Running } from './reload.ts';
import { resolveConfig } from './resolve-config.ts';

const machine: MachineFacts = {
  id: '3d12',
  bootId: 'boot',
  hostname: 'web-1',
  address: '10.0.0.1',
  apiUrl: null,
  metadata: {},
  capacity: { cpus: 1, memoryBytes: 1 },
  version: '1',
};

function read(text: string): Config {
  const flags = { config: null, dev: false, user: false, state: null, acceptStore: false };
  const file = { path: '/etc/muster/musterd.yaml', text };
  return resolveConfig({ flags, env: {}, file, home: '/' }).config;
}

/** A daemon that notes what a reload does to it. */
class Daemon {
  readonly running: Running = { config: read(''), machine };
  readonly did: string[] = [];
  readonly lines: Record<string, unknown>[] = [];
  listenFails: Error | null = null;
  addressFails: Error | null = null;
  publish: () => Promise<void> = () => Promise.resolve();

  reload(next: string | ConfigError): Promise<void> {
    const options: ReloadOptions = {
      running: this.running,
      sources: {
        config: async () => {
          if (typeof next !== 'string') throw next;
          return read(next);
        },
        address: async (configured) => {
          if (this.addressFails !== null) throw this.addressFails;
          return configured ?? '10.0.0.7';
        },
        capacity: async ({ machine: { tasks } }) =>
          tasks === null ? machine.capacity : { ...machine.capacity, tasks },
      },
      targets: {
        listen: async (_config, address) => {
          if (this.listenFails !== null) throw this.listenFails;
          this.did.push(`listen at ${address}`);
          return `http://${address}:1`;
        },
        apply: ({ log }) => void this.did.push(`apply ${log.level}`),
        publish: async ({ address, apiUrl, metadata }) => {
          this.did.push(`publish ${address} ${apiUrl} ${JSON.stringify(metadata)}`);
          await this.publish();
        },
      },
      log: createLog('info', { write: (line) => void this.lines.push(JSON.parse(line)) }),
      onEnd: (result, waiting) => void this.did.push(`${result} ${waiting}`),
    };
    return reload(options);
  }
}

test('what can fail comes first, and the new values are there for who is told', async () => {
  const daemon = new Daemon();
  await daemon.reload('machine: { address: 10.0.0.9, metadata: { a: b } }\nlog: { level: warn }');
  expect(daemon.did).toEqual([
    'listen at 10.0.0.9',
    'apply warn',
    'publish 10.0.0.9 http://10.0.0.9:1 {"a":"b"}',
    'applied 0',
  ]);
  expect(daemon.running.machine).toEqual({
    ...machine,
    address: '10.0.0.9',
    apiUrl: 'http://10.0.0.9:1',
    metadata: { a: 'b' },
  });
  expect(daemon.running.config.log.level).toBe('warn');
  expect(daemon.lines).toMatchObject([
    { level: 'info', changed: ['machine.address', 'machine.metadata', 'log.level'] },
  ]);
});

test('what the machine has for units is read again', async () => {
  const daemon = new Daemon();
  await daemon.reload('machine: { tasks: 100 }');
  expect(daemon.running.machine.capacity).toEqual({ ...machine.capacity, tasks: 100 });
});

test('an address that is not configured is looked up again', async () => {
  const daemon = new Daemon();
  await daemon.reload('');
  expect(daemon.running.machine.address).toBe('10.0.0.7');
});

test('each key that waits is said in a warning of its own, each time', async () => {
  const daemon = new Daemon();
  for (const _ of [1, 2]) {
    daemon.lines.length = 0;
    await daemon.reload('etcd: { prefix: /other }\nmachine: { ttl: 10s }');
    expect(daemon.lines).toMatchObject([
      { level: 'warn', key: 'etcd.prefix' },
      { level: 'warn', key: 'machine.ttl' },
      { level: 'info', changed: [] },
    ]);
    expect(daemon.did.at(-1)).toBe('applied 2');
  }
});

test.each<[string, (daemon: Daemon) => Promise<void>, object[]]>([
  [
    'the configuration is not valid',
    (daemon) => daemon.reload(new ConfigError(['a: wrong', 'b: wrong, too'])),
    [{ problem: 'a: wrong' }, { problem: 'b: wrong, too' }, { problems: 2 }],
  ],
  [
    'a listener cannot be had',
    (daemon) => {
      daemon.listenFails = new Error('cannot listen on tcp:10.0.0.1:1');
      return daemon.reload('log: { level: debug }');
    },
    [{ err: { message: 'cannot listen on tcp:10.0.0.1:1' } }],
  ],
  [
    'the address cannot be found',
    (daemon) => {
      daemon.addressFails = new Error('no /proc');
      return daemon.reload('log: { level: debug }');
    },
    [{ err: { message: 'no /proc' } }],
  ],
])('nothing at all changes when %s', async (_, change, said) => {
  const daemon = new Daemon();
  const before = { ...daemon.running };
  await change(daemon);
  expect(daemon.did).toEqual(['refused 0']);
  expect(daemon.running).toEqual(before);
  expect(daemon.lines).toMatchObject(said.map((line) => ({ level: 'error', ...line })));
  expect(daemon.lines.at(-1)?.['msg']).toBe(
    'the configuration was not reloaded; everything is as it was',
  );
});
