import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machineEnvironment, MachineEnvFile } from './machine-env.ts';

const machine = { id: '3d12', hostname: 'web-1', address: '10.0.0.5', metadata: {} };
const base = 'MUSTER_MACHINE_ID="3d12"\nMUSTER_MACHINE_NAME="web-1"\n';
const start = `${base}MUSTER_MACHINE_ADDRESS="10.0.0.5"\n`;

test.each([
  ['a plain machine', {}, null, start],
  ['an address nobody knows is left out', { address: null }, null, base],
  [
    'metadata, sorted by key',
    { metadata: { region: 'eu', disk: 'ssd' } },
    null,
    `${start}MUSTER_METADATA_DISK="ssd"\nMUSTER_METADATA_REGION="eu"\n`,
  ],
  [
    'settings replace, add and remove',
    { metadata: { region: 'eu', disk: 'ssd' } },
    { metadata: { region: 'us', disk: null, rack: '7' } },
    `${start}MUSTER_METADATA_RACK="7"\nMUSTER_METADATA_REGION="us"\n`,
  ],
  [
    'keys that are no names of variables',
    { metadata: { 'a.b-c': '1', é: '2' } },
    null,
    `${start}MUSTER_METADATA_A_B_C="1"\nMUSTER_METADATA__="2"\n`,
  ],
  [
    'two keys that become one variable: the first',
    { metadata: { 'a-b': '1', a_b: '2' } },
    null,
    `${start}MUSTER_METADATA_A_B="1"\n`,
  ],
  [
    'characters that mean something to systemd',
    { metadata: { k: 'a "b" \\n $HOME `x` # ; \' é\nnext' } },
    null,
    `${start}MUSTER_METADATA_K="a \\"b\\" \\\\n \\$HOME \\\`x\\\` # ; ' é\nnext"\n`,
  ],
])('%s', (_situation, changes, settings, expected) => {
  expect(machineEnvironment({ ...machine, ...changes }, settings)).toBe(expected);
});

test('the file is written when it changes, and only then', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'muster-env-'));
  try {
    const file = new MachineEnvFile(directory);
    await expect(file.update(base)).resolves.toBe(true);
    const { ino, mode } = await stat(file.path);
    expect(mode & 0o777).toBe(0o644);
    await expect(file.update(base)).resolves.toBe(false);
    expect((await stat(file.path)).ino).toBe(ino);
    await expect(file.update(start)).resolves.toBe(true);
    await expect(readFile(join(directory, 'machine.env'), 'utf8')).resolves.toBe(start);
  } finally {
    await rm(directory, { recursive: true });
  }
});
