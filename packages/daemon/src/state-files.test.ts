import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '@muster/core';
import { prepareDirectories } from './directories.ts';
import { FileKnownStore } from './known-store.ts';
import { FileLeaseStore } from './lease-store.ts';
import { StateFileDamagedError } from './state-file.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'muster-state-'));
});
afterEach(() => rm(directory, { recursive: true }));

const warnings: unknown[] = [];
const ignore = (): void => undefined;
const log: Log = {
  debug: ignore,
  info: ignore,
  warn: (_fields, message) => void warnings.push(message),
  error: ignore,
};
beforeEach(() => warnings.splice(0));

const known = { clusterId: 'c0ffee', revision: 42 };
const lease = { leaseId: '7587', bootId: 'b', token: 't' };

const damaged: [string, string][] = [
  ['empty', ''],
  ['cut off', '{"clusterId":"c0ff'],
  ['zeros, as after a power cut', '\0'.repeat(40)],
  ['another shape', '[]'],
  ['a field missing', '{"clusterId":"c0ffee","leaseId":"1","bootId":"b"}'],
  ['a field of another type', '{"clusterId":"c0ffee","revision":"42","leaseId":1,"bootId":"b"}'],
  [
    'a field that says nothing',
    '{"clusterId":"","revision":1,"leaseId":"","bootId":"","token":""}',
  ],
];

describe('known-store', () => {
  test('nothing was seen yet', async () => {
    await expect(new FileKnownStore(directory).load()).resolves.toBeNull();
  });

  test('what was saved last is loaded, by nobody but the owner, and nothing is left lying about', async () => {
    const store = new FileKnownStore(directory);
    await Promise.all([1, 2, 3].map((revision) => store.save({ ...known, revision })));
    await store.save(known);
    await expect(new FileKnownStore(directory).load()).resolves.toEqual(known);
    await expect(readdir(directory)).resolves.toEqual(['known-store.json']);
    expect((await stat(join(directory, 'known-store.json'))).mode & 0o777).toBe(0o600);
  });

  test('saves made at the same time end with the last one', async () => {
    const store = new FileKnownStore(directory);
    const revisions = Array.from({ length: 20 }, (_, revision) => revision);
    await Promise.all(revisions.map((revision) => store.save({ ...known, revision })));
    await expect(store.load()).resolves.toEqual({ ...known, revision: 19 });
  });

  test.each(damaged)('%s: an error, never absence', async (_situation, text) => {
    const path = join(directory, 'known-store.json');
    await writeFile(path, text);
    const error = await new FileKnownStore(directory).load().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StateFileDamagedError);
    expect(error).toHaveProperty(
      'message',
      expect.stringMatching(
        `^${path} is damaged: .+; it cannot be told whether the store is still the one this machine belongs to; start musterd once with --accept-store`,
      ),
    );
    await expect(readFile(path, 'utf8')).resolves.toBe(text);
  });

  test('what cannot be read is not absent either', async () => {
    await mkdir(join(directory, 'known-store.json'));
    await expect(new FileKnownStore(directory).load()).rejects.toThrow('EISDIR');
  });

  test('a failed save is told to its caller and not to the next one', async () => {
    const path = join(directory, 'known-store.json');
    const store = new FileKnownStore(directory);
    await mkdir(path);
    await expect(store.save(known)).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    await rm(path, { recursive: true });
    await store.save(known);
    await expect(store.load()).resolves.toEqual(known);
    await expect(readdir(directory)).resolves.toEqual(['known-store.json']);
  });

  test('forgotten: as if nothing had been seen, damaged or not', async () => {
    const store = new FileKnownStore(directory);
    await store.forget();
    await writeFile(join(directory, 'known-store.json'), 'x');
    await store.forget();
    await expect(store.load()).resolves.toBeNull();
  });
});

describe('lease', () => {
  test('none, then the one that was saved', async () => {
    const store = new FileLeaseStore(directory, log);
    await expect(store.load()).resolves.toBeNull();
    await store.save(lease);
    await expect(new FileLeaseStore(directory, log).load()).resolves.toEqual(lease);
    expect(warnings).toEqual([]);
  });

  test.each(damaged)('%s: none, with a warning', async (_situation, text) => {
    await writeFile(join(directory, 'lease.json'), text);
    await expect(new FileLeaseStore(directory, log).load()).resolves.toBeNull();
    expect(warnings).toEqual(['lease file is damaged; a new lease will be asked for']);
  });
});

describe('directories', () => {
  const prepare = (state: string, manager: 'system' | 'user') =>
    prepareDirectories({
      state,
      runtime: join(directory, 'run/muster'),
      agent: { enabled: true, pollMs: 1000, awaySeconds: 600, offlineMs: null, manager },
    });

  test('are made, the state closed to others; again is no error', async () => {
    const state = join(directory, 'var/lib/muster');
    await prepare(state, 'system');
    await prepare(state, 'system');
    expect((await stat(state)).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory, 'run/muster'))).mode & 0o777).toBe(0o755);
  });

  test('that cannot be made are named', async () => {
    await writeFile(join(directory, 'file'), '');
    const state = join(directory, 'file/muster');
    const sentence = `cannot use ${state} as state directory (ENOTDIR)`;
    await expect(prepare(state, 'user')).rejects.toMatchObject({ message: sentence });
    await expect(prepare(state, 'system')).rejects.toMatchObject({
      code: 'directory',
      message: `${sentence}; run musterd as root, or with --user`,
    });
  });
});
