import { readFileSync, statfsSync } from 'node:fs';
import { readCapacity } from './capacity.ts';
import type { Config } from './config-model.ts';
import { resolveConfig } from './resolve-config.ts';

function read(machine: string, state = '/'): Pick<Config, 'machine' | 'state'> {
  const flags = { config: null, dev: false, user: false, state, acceptStore: false };
  const file = { path: '/musterd.yaml', text: `machine: { ${machine} }` };
  const { config, problems } = resolveConfig({ flags, env: {}, file, home: '/' });
  expect(problems).toEqual([]);
  return config;
}

const kib = /MemTotal: +(\d+) kB/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
const memoryBytes = Number(kib) * 1024;
const { blocks, bsize } = statfsSync('/');
const diskBytes = blocks * bsize;

test('a machine says what its system says, and keeps some of it', async () => {
  const capacity = await readCapacity(read(''));
  expect(capacity).toEqual({
    cpus: expect.any(Number),
    memoryBytes,
    diskBytes,
    cpuList: readFileSync('/sys/devices/system/cpu/online', 'utf8').trim(),
    reserved: {
      cpus: 0,
      memoryBytes: Math.min(1024 ** 3, Math.floor(memoryBytes / 10)),
      diskBytes: Math.floor(diskBytes / 20),
    },
  });
  expect(capacity.cpus).toBeGreaterThanOrEqual(1);
});

test('the configuration says how much is kept, and how many tasks there are', async () => {
  const config = read('tasks: 100, reserve: { cpu: 150%, memory: 25%, disk: 1M }');
  expect(await readCapacity(config)).toMatchObject({
    tasks: 100,
    reserved: {
      cpus: 1.5,
      memoryBytes: Math.floor(memoryBytes / 4),
      diskBytes: 1024 ** 2,
    },
  });
});

test('no more is kept than there is', async () => {
  const { reserved } = await readCapacity(read('reserve: { memory: 7P }'));
  expect(reserved?.memoryBytes).toBe(memoryBytes);
});

test('a disk that cannot be asked is not limited', async () => {
  const capacity = await readCapacity(read('', '/nonexistent/muster'));
  expect(capacity).not.toHaveProperty('diskBytes');
  expect(capacity.reserved?.diskBytes).toBe(0);
});
