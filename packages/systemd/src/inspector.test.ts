import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JournalQuery } from '@muster/core';
import { journalArgs, openInspector, statusArgs } from './inspector.ts';
import { eventually } from './testing/real-clock.ts';

const query: JournalQuery = { lines: 10, follow: false, since: null, output: 'short' };
const never = new AbortController().signal;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'muster-inspector-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** An inspector for which these scripts stand in for the programs. */
function inspect(programs: { systemctl?: string; journalctl?: string }) {
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(root, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(root, name), 0o755);
  }
  return openInspector({
    manager: 'system',
    env: { PATH: `${root}:/usr/bin:/bin` },
    unitsUpDirectory: join(root, 'up'),
  });
}

async function readAll(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const piece of pieces) chunks.push(piece);
  return Buffer.concat(chunks).toString('utf8');
}

test('the programs are called without a pager, with the name where no option is read', () => {
  expect(statusArgs('user', '-a.service')).toEqual([
    '--user',
    'status',
    '--no-pager',
    '-l',
    '--',
    '-a.service',
  ]);
  expect(
    journalArgs('user', 'a.service', { ...query, lines: null, follow: true, since: '-1h' }),
  ).toEqual([
    '--no-pager',
    '--user-unit=a.service',
    '--output=short',
    '--lines=all',
    '--follow',
    '--since=-1h',
  ]);
  expect(journalArgs('system', 'a.service', query)).toContain('--unit=a.service');
});

test('status is what systemctl prints, also of a unit that failed or is unknown', async () => {
  const inspector = inspect({
    systemctl: 'if [ "$5" = x.service ]; then echo none >&2; exit 4; fi; echo "$@"; exit 3',
  });
  expect(await inspector.status('a.service')).toBe('status --no-pager -l -- a.service\n');
  expect(await inspector.status('x.service')).toBe('none\n');
});

test('what units use is what systemctl shows; what is not accounted is not known', async () => {
  const shown = [
    'Id=a.service',
    'MemoryCurrent=4096',
    'CPUUsageNSec=[not set]',
    'TasksCurrent=3',
    '',
    'Id=b.socket',
    'MemoryCurrent=18446744073709551615',
    'CPUUsageNSec=[no data]',
    'TasksCurrent=0',
  ];
  const inspector = inspect({
    systemctl: `[ "$*" = "show --property=Id --property=MemoryCurrent --property=CPUUsageNSec --property=TasksCurrent -- a.service b.socket" ] || exit 9
cat <<'end'
${shown.join('\n')}
end`,
  });
  mkdirSync(join(root, 'up'));
  for (const unit of ['a.service', 'b.socket', 'other.service']) {
    symlinkSync('0123', join(root, 'up', `invocation:${unit}`));
  }
  expect(await inspector.use(['a.service', 'b.socket', 'down.service'])).toEqual([
    { unit: 'a.service', memoryBytes: 4096, cpuNs: null, tasks: 3 },
    { unit: 'b.socket', memoryBytes: null, cpuNs: null, tasks: 0 },
  ]);
  expect(await inspector.use(['down.service'])).toEqual([]);
  await expect(inspector.use(['*'])).rejects.toMatchObject({ code: 'invalid-input' });
});

test('systemctl that cannot reach systemd is an error with its words', async () => {
  const inspector = inspect({ systemctl: 'echo "Failed to connect to bus" >&2; exit 1' });
  await expect(inspector.status('a.service')).rejects.toMatchObject({
    code: 'systemd-unavailable',
    message: 'systemctl failed: Failed to connect to bus',
  });
});

test('a program that is missing is an error', async () => {
  const inspector = openInspector({ manager: 'system', env: { PATH: root } });
  await expect(inspector.status('a.service')).rejects.toMatchObject({
    code: 'systemd-unavailable',
    message: expect.stringContaining('ENOENT'),
  });
  await expect(readAll(inspector.journal('a.service', query, never))).rejects.toMatchObject({
    code: 'systemd-unavailable',
  });
});

test('a pattern is refused: it would answer for other units', async () => {
  const inspector = inspect({});
  await expect(inspector.status('*.service')).rejects.toMatchObject({ code: 'invalid-input' });
  expect(() => inspector.journal('a[b].service', query, never)).toThrow('pattern');
});

test('the journal comes in pieces and ends with journalctl', async () => {
  const inspector = inspect({ journalctl: 'echo one; echo two' });
  expect(await readAll(inspector.journal('a.service', query, never))).toBe('one\ntwo\n');
});

test.each([
  ['a time that is none', 'echo "Failed to parse timestamp: x" >&2; exit 1', 'invalid-input'],
  ['any other failure', 'echo "broken" >&2; exit 1', 'systemd-unavailable'],
])('%s is an error with its words', async (_, journalctl, code) => {
  const inspector = inspect({ journalctl });
  await expect(readAll(inspector.journal('a.service', query, never))).rejects.toMatchObject({
    code,
  });
});

test.each(['abort', 'leave'] as const)('%s ends journalctl', async (how) => {
  const pidFile = join(root, 'pid');
  const inspector = inspect({ journalctl: `echo $$ > ${pidFile}; echo line; exec sleep 60` });
  const stop = new AbortController();
  for await (const piece of inspector.journal('a.service', query, stop.signal)) {
    expect(Buffer.from(piece).toString()).toBe('line\n');
    if (how === 'leave') break;
    stop.abort();
  }
  const pid = readFileSync(pidFile, 'utf8').trim();
  await eventually(
    () => (existsSync(`/proc/${pid}`) ? null : true),
    () => `${pid} still runs`,
  );
});

test('a signal that is aborted already starts nothing', async () => {
  const inspector = inspect({ journalctl: `touch ${join(root, 'ran')}` });
  expect(await readAll(inspector.journal('a.service', query, AbortSignal.abort()))).toBe('');
  expect(existsSync(join(root, 'ran'))).toBe(false);
});
