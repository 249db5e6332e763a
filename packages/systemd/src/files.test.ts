import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
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

const guard = '/run/muster';

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
  files = new UnitFiles(own, guard);
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
  new UnitFiles(own, guard).write('a.service', file(text), hostDirectories);
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
  new UnitFiles(own, guard).prepare();
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

describe('links for [Install]', () => {
  const install = (...lines: string[]) => file(`${text}[Install]\n${lines.join('\n')}\n`);
  const machine = { hostname: 'web1', machineId: '0123456789abcdef0123456789abcdef' };
  /** Every path below our directory that is not a directory, and what a link holds. */
  const tree = (): string[] =>
    readdirSync(own, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        const held = entry.isSymbolicLink() ? ` -> ${readlinkSync(path)}` : '';
        return `${path.slice(own.length + 1)}${held}`;
      })
      .sort();
  const visible = (): string[] => tree().filter((path) => !path.startsWith('.muster-links'));
  const reload = (): void => files.reloadBegins()();

  beforeEach(() => {
    files = new UnitFiles(own, guard, machine);
  });

  test('come with the file and follow its content', () => {
    const first = install('WantedBy=b.target %H.target', 'Alias=c.service');
    expect(files.write('a.service', first, hostDirectories)).toEqual({ type: 'written' });
    expect(visible()).toEqual([
      'a.service',
      'b.target.wants/a.service -> ../a.service',
      'c.service -> a.service',
      'web1.target.wants/a.service -> ../a.service',
    ]);
    expect([...files.list()]).toEqual([['a.service', first.hash]]);
    expect(files.needsReload).toBe(true);
    reload();
    files.write('a.service', first, hostDirectories);
    expect(files.needsReload).toBe(false);

    files.write('a.service', install('RequiredBy=b.target'), hostDirectories);
    expect(visible()).toEqual(['a.service', 'b.target.requires/a.service -> ../a.service']);
    expect(readdirSync(own)).not.toContain('b.target.wants');
    expect(files.needsReload).toBe(true);
    reload();

    files.remove('a.service');
    expect(visible()).toEqual([]);
    expect(files.needsReload).toBe(true);
    reload();
    expect(readdirSync(own)).toEqual([]);
  });

  test('a unit without them leaves no trace and asks for no reload', () => {
    files.write('a.service', file(text), hostDirectories);
    files.write('b.service', install('DefaultInstance=1'), hostDirectories);
    files.remove('a.service');
    expect(files.needsReload).toBe(false);
    expect(readdirSync(own)).toEqual(['b.service']);
  });

  test('a reload that began before a change does not count for it', () => {
    files.write('a.service', install('WantedBy=b.target'), hostDirectories);
    const ended = files.reloadBegins();
    files.write('c.service', install('WantedBy=b.target'), hostDirectories);
    ended();
    expect(files.needsReload).toBe(true);
    reload();
    expect(files.needsReload).toBe(false);
  });

  test('a link that is gone shows, and is put right with the file', () => {
    files.write('a.service', install('WantedBy=b.target', 'Alias=c.service'), hostDirectories);
    reload();
    rmSync(join(own, 'b.target.wants'), { recursive: true });
    expect([...files.list()]).toEqual([['a.service', '']]);
    files.write('a.service', install('WantedBy=b.target', 'Alias=c.service'), hostDirectories);
    expect(files.needsReload).toBe(true);
    expect(visible()).toContain('b.target.wants/a.service -> ../a.service');
    rmSync(join(own, 'c.service'));
    expect([...files.list()]).toEqual([['a.service', '']]);
  });

  test('a link that the host has bent shows once, and is the host’s from then on', () => {
    const both = install('WantedBy=b.target c.target');
    files.write('a.service', both, hostDirectories);
    reload();
    // As `systemctl reenable` does.
    rmSync(join(own, 'b.target.wants/a.service'));
    symlinkSync(join(own, 'a.service'), join(own, 'b.target.wants/a.service'));
    expect([...files.list()]).toEqual([['a.service', '']]);
    files.write('a.service', both, hostDirectories);
    expect([...files.list()]).toEqual([['a.service', both.hash]]);
    files.remove('a.service');
    reload();
    expect(visible()).toEqual([`b.target.wants/a.service -> ${join(own, 'a.service')}`]);
  });

  test('what the host has linked itself stays, with its directory', () => {
    mkdirSync(join(own, 'b.target.wants'));
    mkdirSync(join(own, 'c.target.wants'));
    symlinkSync('/etc/host.service', join(own, 'c.target.wants/host.service'));
    symlinkSync('/elsewhere/a.service', join(own, 'c.target.wants/a.service'));
    const both = install('WantedBy=b.target c.target');
    files.write('a.service', both, hostDirectories);
    reload();
    files.write('a.service', both, hostDirectories);
    expect(files.needsReload).toBe(false);
    expect([...files.list()]).toEqual([['a.service', both.hash]]);
    files.remove('a.service');
    reload();
    expect(tree()).toEqual([
      'c.target.wants/a.service -> /elsewhere/a.service',
      'c.target.wants/host.service -> /etc/host.service',
    ]);
    expect(readdirSync(own).sort()).toEqual(['b.target.wants', 'c.target.wants']);
  });

  test('a directory of ours that the host has put something into stays', () => {
    files.write('a.service', install('WantedBy=b.target'), hostDirectories);
    symlinkSync('/etc/host.service', join(own, 'b.target.wants/host.service'));
    files.remove('a.service');
    reload();
    expect(visible()).toEqual(['b.target.wants/host.service -> /etc/host.service']);
  });

  describe('after a musterd that died in the middle', () => {
    const first = install('WantedBy=b.target', 'Alias=c.service');
    const second = install('WantedBy=d.target');
    const end = ['a.service', 'd.target.wants/a.service -> ../a.service'];

    test.each([
      [
        'the links of new content were made, the file was not',
        () => {
          mkdirSync(join(own, 'd.target.wants'));
          writeFileSync(join(own, '.muster-links/d.target.wants'), '');
          symlinkSync('../a.service', join(own, 'd.target.wants/a.service'));
          writeFileSync(
            join(own, '.muster-links/a.service'),
            'b.target.wants/a.service\nc.service\nd.target.wants/a.service\n',
          );
        },
        first,
      ],
      [
        'it had noted them only',
        () => {
          writeFileSync(join(own, '.muster-links/d.target.wants'), '');
          writeFileSync(
            join(own, '.muster-links/a.service'),
            'b.target.wants/a.service\nc.service\nd.target.wants/a.service\n',
          );
        },
        first,
      ],
      ['some links of the file were gone', () => rmSync(join(own, 'c.service')), first],
      ['the file was gone and the links were not', () => rmSync(join(own, 'a.service')), null],
      [
        'a record was half-written',
        () => writeFileSync(join(own, '.muster-links/.temporary'), 'b.'),
        first,
      ],
    ])('%s', (_, disturb, left) => {
      files.write('a.service', first, hostDirectories);
      reload();
      disturb();
      files = new UnitFiles(own, guard, machine);
      files.prepare();
      expect(visible()).toEqual(
        left === null
          ? []
          : ['a.service', 'b.target.wants/a.service -> ../a.service', 'c.service -> a.service'],
      );
      files.write('a.service', second, hostDirectories);
      expect(visible()).toEqual(end);
      files.remove('a.service');
      reload();
      expect(readdirSync(own)).toEqual([]);
    });

    test('a reload that was due is still due', () => {
      files.write('a.service', first, hostDirectories);
      files = new UnitFiles(own, guard, machine);
      files.prepare();
      expect(files.needsReload).toBe(true);
      files.remove('a.service');
      files = new UnitFiles(own, guard, machine);
      files.prepare();
      expect(files.needsReload).toBe(true);
      reload();
      expect(readdirSync(own)).toEqual([]);
    });
  });
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

describe('a unit with OnPartition=stop', () => {
  const fenced = `${text}[X-Fleet]\nOnPartition=stop\n`;
  const path = (): string => join(own, 'a.service');

  test('is bound to the lease on disk, and its hash is that of the text as it was given', () => {
    files.write('a.service', file(fenced), hostDirectories);
    const content = readFileSync(path(), 'utf8');
    expect(content).toContain(fenced);
    expect(content).toContain('BindsTo=muster-lease.service\nAfter=muster-lease.service\n');
    expect(content).toMatch(/\nEnvironmentFile=\/run\/muster\/epoch\/[0-9a-f]{40}\n$/);
    const other = new UnitFiles(own, guard);
    expect([...other.list()]).toEqual([['a.service', file(fenced).hash]]);
    expect([...other.bound]).toEqual(['a.service']);
  });

  test.each([
    ['at its end', (content: string) => `${content}# by hand\n`],
    ['in its text', (content: string) => content.replace('/bin/true', '/bin/false')],
    ['by taking away what binds it', (content: string) => content.replace(/BindsTo=.*\n/, '')],
  ])('that was changed by hand %s is seen, and still held', (_, change) => {
    files.write('a.service', file(fenced), hostDirectories);
    writeFileSync(path(), change(readFileSync(path(), 'utf8')));
    expect([...files.list()]).toEqual([['a.service', '']]);
    expect([...files.bound]).toEqual(['a.service']);
  });

  test('that a musterd wrote which did not know the option is to be written anew', () => {
    const { hash } = file(fenced);
    const marker = `# Written by muster, do not edit: it will be overwritten. sha1=${hash}\n`;
    writeFileSync(path(), marker + fenced);
    expect([...files.list()]).toEqual([['a.service', '']]);
    expect(files.isUnbound('a.service')).toBe(true);
    files.write('a.service', file(fenced), hostDirectories);
    expect([...files.list()]).toEqual([['a.service', hash]]);
    expect(files.isUnbound('a.service')).toBe(false);
  });

  test('that is no longer one is let go', () => {
    files.write('a.service', file(fenced), hostDirectories);
    files.write('a.service', file(text), hostDirectories);
    expect(readFileSync(path(), 'utf8')).not.toContain('muster-lease');
    expect([...files.bound]).toEqual([]);
  });

  test('and is a timer has no environment', () => {
    const timer = '[Timer]\nOnActiveSec=1h\n[X-Fleet]\nOnPartition=stop\n';
    files.write('a.timer', file(timer), hostDirectories);
    const content = readFileSync(join(own, 'a.timer'), 'utf8');
    expect(content).toContain('BindsTo=');
    expect(content).not.toContain('EnvironmentFile=');
  });
});
