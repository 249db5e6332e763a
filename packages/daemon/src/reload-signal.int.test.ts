import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleScript } from './test-process.ts';

/** Notes its pid, and each reload, in files: its output is a terminal. */
const program = `
  import { appendFileSync, writeFileSync } from 'node:fs';
  import { onReloadSignal } from './reload-signal.ts';
  onReloadSignal(() => appendFileSync('reloads', 'reload\\n'));
  setInterval(() => {}, 60_000);
  writeFileSync('pid', String(process.pid));`;

let directory: string;
let script: string;
let terminal: ChildProcess | null = null;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'muster-hangup-'));
  script = bundleScript(program, directory);
});
afterEach(() => void terminal?.kill('SIGKILL'));
afterAll(() => rmSync(directory, { recursive: true }));

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited 10 s until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const read = (name: string): string => readFileSync(join(directory, name), 'utf8');

test('in a terminal SIGHUP reloads, and the end of the terminal ends it', async () => {
  // script(1) is the terminal.
  terminal = spawn('script', ['-qefc', `${process.execPath} ${script}`, '/dev/null'], {
    cwd: directory,
    stdio: 'ignore',
  });
  await until('it runs', () => existsSync(join(directory, 'pid')));
  const pid = Number(read('pid'));
  process.kill(pid, 'SIGHUP');
  await until('it reloads', () => existsSync(join(directory, 'reloads')));
  terminal.kill('SIGKILL');
  await once(terminal, 'close');
  await until('it has ended', () => !existsSync(`/proc/${pid}`));
  expect(read('reloads')).toBe('reload\n');
});

test('without a terminal SIGHUP reloads', async () => {
  rmSync(join(directory, 'pid'), { force: true });
  rmSync(join(directory, 'reloads'), { force: true });
  terminal = spawn(process.execPath, [script], { cwd: directory, stdio: 'ignore' });
  await until('it runs', () => existsSync(join(directory, 'pid')));
  terminal.kill('SIGHUP');
  await until('it reloads', () => existsSync(join(directory, 'reloads')));
  terminal.kill('SIGHUP');
  await until('it reloads again', () => read('reloads') === 'reload\nreload\n');
});
