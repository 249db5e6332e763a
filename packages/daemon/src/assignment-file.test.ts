import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Assignment, Log } from '@muster/core';
import { MemoryKnownStore } from '@muster/registry';
import { AssignmentFile } from './assignment-file.ts';
import type { Home } from './assignment-file.ts';
import { RefusalFile } from './refusal-file.ts';

let directory: string;
let said: string[];
const say = (_fields: object, message: string): void => void said.push(message);
const log: Log = { debug: say, info: say, warn: say, error: say };
const knownStore = new MemoryKnownStore();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'muster-assignments-'));
  said = [];
  knownStore.known = { clusterId: 'c0ffee', revision: 42 };
});
afterEach(() => rm(directory, { recursive: true }));

const home: Home = {
  machine: 'm1',
  prefix: '/muster',
  endpoints: ['http://a:2379', 'http://b:2379'],
};
const assignment: Assignment = {
  unit: 'web@1.service',
  machine: 'm1',
  hash: 'a'.repeat(40),
  desiredState: 'launched',
  restarts: 2,
  starts: 1,
  incarnation: 7,
  role: 'holder',
  reason: 'least loaded',
  at: 1,
  modRevision: 9,
};
const noted = {
  assignments: [assignment],
  files: new Map([[assignment.hash, '[Service]\nExecStart=/bin/echo ä "\n']]),
};
const open = (changed: Partial<Home> = {}): AssignmentFile =>
  new AssignmentFile({ directory, home: { ...home, ...changed }, knownStore, log });

test('what was saved last is loaded, by nobody but the owner, and nothing is left lying about', async () => {
  await expect(open().load()).resolves.toBeNull();
  await open().save({ assignments: [], files: new Map() });
  await open().save(noted);
  await expect(open().load()).resolves.toEqual(noted);
  await expect(readdir(directory)).resolves.toEqual(['assignments.json']);
  expect((await stat(join(directory, 'assignments.json'))).mode & 0o777).toBe(0o600);
  expect(said).toEqual([]);
});

test.each<[string, Partial<Home>, string | null]>([
  ['another machine-id', { machine: 'm2' }, 'c0ffee'],
  ['another prefix', { prefix: '/green' }, 'c0ffee'],
  ['other endpoints', { endpoints: ['http://a:2379', 'http://c:2379'] }, 'c0ffee'],
  ['another cluster', {}, 'cafe'],
  ['a store that an operator is yet to accept', {}, null],
])('%s: it is not used, and that is said', async (_, changed, clusterId) => {
  await open().save(noted);
  knownStore.known = clusterId === null ? null : { clusterId, revision: 42 };
  await expect(open(changed).load()).resolves.toBeNull();
  expect(said).toEqual(['what was assigned here last is not of this cluster']);
});

test('the order of the endpoints says nothing', async () => {
  await open().save(noted);
  await expect(open({ endpoints: home.endpoints.toReversed() }).load()).resolves.toEqual(noted);
});

test.each<[string, (text: string) => string]>([
  ['empty', () => ''],
  ['cut off', (text) => text.slice(0, -20)],
  ['zeros, as after a power cut', (text) => '\0'.repeat(text.length)],
  ['a digit changed', (text) => text.replace('"modRevision":9', '"modRevision":8')],
  ['a text changed', (text) => text.replace('/bin/echo', '/bin/exho')],
  ['of another format', (text) => text.replace('"format":1', '"format":2')],
])('%s: as if there were none, and that is said', async (_, damage) => {
  await open().save(noted);
  const path = join(directory, 'assignments.json');
  const text = await readFile(path, 'utf8');
  expect(damage(text)).not.toBe(text);
  await writeFile(path, damage(text));
  await expect(open().load()).resolves.toBeNull();
  expect(said).toEqual(['what was assigned here last is not used']);
});

describe('a refusal', () => {
  test('is known for the rest of the boot', async () => {
    await expect(new RefusalFile(directory, log).load('b1')).resolves.toBeNull();
    await new RefusalFile(directory, log).save('b1');
    await expect(new RefusalFile(directory, log).load('b1')).resolves.toBe('b1');
  });

  test('that cannot be read any more was one', async () => {
    await writeFile(join(directory, 'refused.json'), '');
    await expect(new RefusalFile(directory, log).load('b1')).resolves.toBe('b1');
  });

  test('that cannot be noted is said', async () => {
    await new RefusalFile(join(directory, 'missing'), log).save('b1');
    expect(said).toEqual(['could not note that this machine was refused']);
  });
});
