import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UnitFiles } from './files.ts';
import { foreignDirectories } from './host-units.ts';

const text = '[Service]\nExecStart=/bin/true\n';
const file = (content: string) => ({
  hash: createHash('sha1').update(content).digest('hex'),
  text: content,
});

let root: string;
let files: UnitFiles;
let etc: string;
let own: string;
let usr: string;
let hostDirectories: readonly string[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'muster-files-'));
  [etc, own, usr] = [join(root, 'etc'), join(root, 'run'), join(root, 'usr')];
  mkdirSync(etc);
  mkdirSync(usr);
  files = new UnitFiles(own);
  files.prepare();
  // systemd may know our directory by another name.
  symlinkSync(own, join(root, 'alias'));
  hostDirectories = foreignDirectories([etc, join(root, 'absent'), join(root, 'alias'), usr], own);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('a file has a line that says whose it is, and then the text as it was given', () => {
  expect(files.write('a.service', file(text), hostDirectories)).toEqual({ type: 'written' });
  const [first, ...rest] = readFileSync(join(own, 'a.service'), 'utf8').split('\n');
  expect(first).toMatch(/^# Written by muster, .* sha1=[0-9a-f]{40}$/);
  expect(rest.join('\n')).toBe(text);
  expect(statSync(join(own, 'a.service')).mode & 0o777).toBe(0o644);
  expect(readdirSync(own)).toEqual(['a.service']);
});

test('a text that its hash does not stand for is refused', () => {
  const result = files.write(
    'a.service',
    { hash: file(text).hash, text: `${text}#` },
    hostDirectories,
  );
  expect(result).toMatchObject({ type: 'refused', reason: expect.stringContaining('a.service') });
  expect(readdirSync(own)).toEqual([]);
});

test('the same content is not written again', () => {
  files.write('a.service', file(text), hostDirectories);
  const before = statSync(join(own, 'a.service')).mtimeMs;
  files.write('a.service', file(text), hostDirectories);
  expect(statSync(join(own, 'a.service')).mtimeMs).toBe(before);
  new UnitFiles(own).write('a.service', file(text), hostDirectories);
  expect(statSync(join(own, 'a.service')).mtimeMs).toBe(before);
});

test('each change moves the time stamp of the directory, however fast they follow', () => {
  const stamps = Array.from({ length: 50 }, (_, index) => {
    files.write(`a${index}.service`, file(text), hostDirectories);
    return statSync(own, { bigint: true }).mtimeNs;
  });
  expect(new Set(stamps).size).toBe(50);
  expect(stamps.toSorted((a, b) => Number(a - b))).toEqual(stamps);
});

test('what a crash left half-written is removed at the start', () => {
  writeFileSync(join(own, '.muster-tmp-1-1'), 'half');
  new UnitFiles(own).prepare();
  expect(readdirSync(own)).toEqual([]);
});

test('foreign files in the same directory are neither listed nor touched', () => {
  writeFileSync(join(own, 'foreign.service'), text);
  symlinkSync('/dev/null', join(own, 'masked.service'));
  mkdirSync(join(own, 'drop.service.d'));
  for (const name of ['foreign.service', 'masked.service']) {
    expect(files.write(name, file(text), hostDirectories)).toMatchObject({ type: 'refused' });
    files.remove(name);
    expect(existsSync(join(own, name))).toBe(true);
  }
  expect([...files.list()]).toEqual([]);
});

test.each([
  ['a file before ours', () => writeFileSync(join(etc, 'a@1.service'), text), /own: .*\/etc\/a@1/],
  ['a file after ours', () => writeFileSync(join(usr, 'a@1.service'), text), /own: .*\/usr\/a@1/],
  ['a template', () => writeFileSync(join(usr, 'a@.service'), text), /template of a@1.service/],
  ['a mask', () => symlinkSync('/dev/null', join(etc, 'a@1.service')), /masked .*\/etc\/a@1/],
  ['an empty file', () => writeFileSync(join(etc, 'a@1.service'), ''), /masked .*\/etc\/a@1/],
  ['a masked template', () => symlinkSync('/dev/null', join(etc, 'a@.service')), /masked/],
  ['a dangling link', () => symlinkSync('/nowhere', join(etc, 'a@1.service')), /of its own/],
])('%s of the host refuses the name', (_, prepare, reason) => {
  prepare();
  const result = files.write('a@1.service', file(text), hostDirectories);
  expect(result).toEqual({ type: 'refused', reason: expect.stringMatching(reason) });
  expect(readdirSync(own)).toEqual([]);
});

test('a change by hand shows, until it is written again', () => {
  files.write('a.service', file(text), hostDirectories);
  files.write('b.service', file(text), hostDirectories);
  expect([...files.list().values()]).toEqual([file(text).hash, file(text).hash]);
  appendFileSync(join(own, 'a.service'), '# by hand\n');
  const bent = readFileSync(join(own, 'b.service'), 'utf8').replace('/true', '/false');
  writeFileSync(join(own, 'b.service'), bent);
  expect(Object.fromEntries(files.list())).toEqual({ 'a.service': '', 'b.service': '' });
  files.write('a.service', file(text), hostDirectories);
  files.remove('b.service');
  expect(Object.fromEntries(files.list())).toEqual({ 'a.service': file(text).hash });
});
