import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeCgroups, processesIn } from './cgroup.ts';
import { removeLeftovers, startUserManager, whyNoUserManager } from './user-manager.ts';

const reason = whyNoUserManager();

function suite(): void {
  test('two managers stand side by side and leave nothing behind', async () => {
    const managers = await Promise.all([startUserManager(), startUserManager()]);
    const roots = managers.map((manager) => dirname(manager.scratch));
    try {
      expect(new Set(managers.map((manager) => manager.busPid())).size).toBe(2);
    } finally {
      await Promise.all(managers.map((manager) => manager.stop()));
    }
    await managers[0].stop();
    expect(roots.map((root) => existsSync(root))).toEqual([false, false]);
    expect(managers.map((manager) => existsSync(`/proc/${manager.pid}`))).toEqual([false, false]);
  }, 20_000);

  test('what a crashed run left is removed', async () => {
    const owner = spawn('/bin/sleep', ['infinity'], { stdio: 'ignore' });
    const name = `muster-test-user-${owner.pid}-left`;
    mkdirSync(join(tmpdir(), name));
    const cgroups = makeCgroups(name);
    const child = spawn('/bin/sleep', ['infinity'], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    for (const cgroup of cgroups) writeFileSync(join(cgroup, 'cgroup.procs'), `${child.pid}`);
    await removeLeftovers();
    expect(processesIn(cgroups[0] ?? '')).toEqual([child.pid]);

    const gone = new Promise((resolve) => owner.once('exit', resolve));
    owner.kill('SIGKILL');
    await gone;
    await removeLeftovers();
    expect(await ended).toBe('SIGKILL');
    expect([...cgroups, join(tmpdir(), name)].filter((path) => existsSync(path))).toEqual([]);
  }, 20_000);
}

if (reason === null)
  describe('a user manager for tests', () => {
    suite();
  });
// oxlint-disable-next-line jest/no-disabled-tests -- it says what this machine lacks
else test.skip(`a user manager for tests: left out, because ${reason}`, () => undefined);
