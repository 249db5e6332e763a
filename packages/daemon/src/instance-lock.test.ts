import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acquireInstanceLock, AlreadyRunningError } from './instance-lock.ts';
import { startScript } from './test-process.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'muster-lock-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** Another process that takes the lock and keeps it until it is killed. */
const holder = () =>
  startScript(
    `import { acquireInstanceLock } from './instance-lock.ts';
    void acquireInstanceLock(${JSON.stringify(directory)}).then(() => process.stdout.write('held'));
    setInterval(() => {}, 60_000);`,
    directory,
  );

test('one at a time, and again after it was released', async () => {
  const lock = await acquireInstanceLock(directory);
  await expect(readFile(join(directory, 'musterd.lock'), 'utf8')).resolves.toBe(`${process.pid}\n`);
  await expect(acquireInstanceLock(directory)).rejects.toThrow(
    new AlreadyRunningError(
      `another musterd (pid ${process.pid}) is running and has locked ${directory}/musterd.lock`,
    ),
  );
  lock.release();
  (await acquireInstanceLock(directory)).release();
});

test('a process that is killed leaves no lock behind', async () => {
  const child = await holder();
  const refused = new RegExp(`^another musterd \\(pid ${child.pid}\\) is running`);
  await expect(acquireInstanceLock(directory)).rejects.toThrow(refused);
  child.kill('SIGKILL');
  await once(child, 'close');
  (await acquireInstanceLock(directory)).release();
});

test('a pid that is in the file, used by another process now, is no lock', async () => {
  await writeFile(join(directory, 'musterd.lock'), `${process.ppid}\n`);
  const lock = await acquireInstanceLock(directory);
  await expect(readFile(join(directory, 'musterd.lock'), 'utf8')).resolves.toBe(`${process.pid}\n`);
  lock.release();
});

test('children do not inherit the lock', async () => {
  const lock = await acquireInstanceLock(directory);
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  lock.release();
  (await acquireInstanceLock(directory)).release();
  child.kill();
  await once(child, 'close');
});

test('a directory that is not there is named', async () => {
  const missing = join(directory, 'none');
  await expect(acquireInstanceLock(missing)).rejects.toEqual(
    expect.objectContaining({
      code: 'instance-lock',
      message: `cannot open the lock file ${missing}/musterd.lock (ENOENT)`,
    }),
  );
});
