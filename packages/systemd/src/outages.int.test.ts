import { createServer } from 'node:net';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import type { Systemd } from '@muster/core';
import { openSystemd } from './manager.ts';
import { observe, service, sleeper } from './systemd.contract.ts';
import { eventually, memoryLog, realClock } from './testing/real-clock.ts';
import { startUserManager, whyNoUserManager } from './testing/user-manager.ts';
import type { UserManager } from './testing/user-manager.ts';

const reason = whyNoUserManager();
const unavailable = { code: 'systemd-unavailable' };

function suite(): void {
  jest.setTimeout(30_000);
  let manager: UserManager;
  let systemd: Systemd & { close(): Promise<void> };
  let seen: ReturnType<typeof observe>;
  let changes = 0;
  const counts = new Map<string, number>();
  const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);

  const open = (busAddress: string) =>
    openSystemd({
      manager: 'user',
      env: manager.env,
      busAddress,
      unitDirectory: manager.unitDirectory,
      guardDirectory: manager.scratch,
      clock: realClock,
      log: memoryLog(),
      observer: {
        call: (member) => (result) => count(`${member} ${result}`),
        connected: () => count('connected'),
        lost: () => count('lost'),
      },
    });
  const answers = () =>
    eventually(
      () =>
        systemd.listUnits().then(
          () => true,
          () => null,
        ),
      () => 'listUnits fails',
    );
  const startAndSee = async (name: string): Promise<void> => {
    await seen.write(name, sleeper);
    await systemd.start(name);
    expect(await seen.endOf(name, 'start')).toBe('done');
  };

  beforeAll(async () => {
    manager = await startUserManager();
    systemd = open(manager.busAddress);
    seen = observe(systemd);
    systemd.onChange(() => {
      changes += 1;
    });
    await systemd.listUnits();
  });
  afterAll(async () => {
    await systemd.close();
    await manager.stop();
  });

  test('the bus is killed: what is pending fails, and all works again by itself', async () => {
    await startAndSee('before.service');
    const before = changes;
    process.kill(manager.busPid(), 'SIGSTOP');
    const pending = Promise.allSettled(
      Array.from({ length: 150 }, () => systemd.start('before.service')),
    );
    process.kill(manager.busPid(), 'SIGKILL');
    for (const outcome of await pending) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: unavailable });
    }
    await answers();
    expect(changes).toBeGreaterThan(before);
    await startAndSee('after.service');
    expect((await seen.find('before.service'))?.activeState).toBe('active');
  });

  test('the bus goes in order: the connection ends silently, and is noticed', async () => {
    process.kill(manager.busPid(), 'SIGTERM');
    await eventually(
      () =>
        systemd.listUnits().then(
          () => null,
          (error: unknown) => {
            expect(error).toMatchObject(unavailable);
            return true;
          },
        ),
      () => 'listUnits still answers',
    );
    await answers();
    await startAndSee('after-term.service');
  });

  test('calls, how they ended, and the state of the connection were told', async () => {
    expect(counts.get('StartUnit unanswered')).toBe(150);
    expect(counts.get('StartUnit ok')).toBe(3);
    expect(counts.get('ListUnits ok')).toBeGreaterThan(0);
    expect(counts.get('ListUnits unanswered')).toBeGreaterThan(0);
    expect([counts.get('lost'), counts.get('connected')]).toEqual([2, 3]);
    await expect(systemd.start('no-such-unit.service')).rejects.toMatchObject({
      code: 'systemd-refused',
    });
    expect(counts.get('StartUnit refused')).toBe(1);
  });

  test('systemd executes itself anew: jobs under way still tell how they end', async () => {
    const before = changes;
    await seen.write('long.service', service('Type=oneshot', 'ExecStart=/bin/sleep 2'));
    await systemd.start('long.service');
    await seen.becomes('long.service', 'activating/start');
    spawnSync('systemctl', ['--user', 'daemon-reexec'], { env: manager.env });
    await answers();
    expect(changes).toBeGreaterThan(before);
    expect(await seen.endOf('long.service', 'start')).toBe('done');
    await startAndSee('after-reexec.service');
  });

  test('who does not answer within the time limit counts as dead', async () => {
    const silent = createServer(() => undefined);
    const path = join(manager.scratch, 'silent');
    await new Promise<void>((resolve) => silent.listen(path, resolve));
    const deaf = open(`unix:path=${path}`);
    const pid = manager.busPid();
    process.kill(pid, 'SIGSTOP');
    try {
      const outcomes = await Promise.allSettled([systemd.listUnits(), deaf.listUnits()]);
      expect(outcomes).toMatchObject([
        { reason: { ...unavailable, message: expect.stringContaining('ListUnits got no answer') } },
        { reason: { ...unavailable, message: expect.stringContaining('Hello got no answer') } },
      ]);
    } finally {
      process.kill(pid, 'SIGCONT');
      await deaf.close();
      silent.close();
    }
    await answers();
    await startAndSee('after-stall.service');
  });

  test.each([
    ['a socket that is not there', 'unix:path=/nonexistent/bus'],
    ['an address that is none', 'carrier-pigeon'],
  ])('%s fails each call at once, and closes', async (_, address) => {
    const other = open(address);
    await expect(other.listUnits()).rejects.toMatchObject(unavailable);
    await expect(other.start('a.service')).rejects.toMatchObject(unavailable);
    await other.close();
    await expect(other.listUnits()).rejects.toMatchObject(unavailable);
  });

  test('systemd is gone: calls fail, files are still there', async () => {
    process.kill(manager.pid, 'SIGKILL');
    await eventually(
      () =>
        systemd.listUnits().then(
          () => null,
          (error: unknown) => {
            expect(error).toMatchObject(unavailable);
            return true;
          },
        ),
      () => 'listUnits still answers',
    );
    expect((await systemd.files()).has('before.service')).toBe(true);
  });
}

if (reason === null)
  describe('a real systemd with failures', () => {
    suite();
  });
// oxlint-disable-next-line jest/no-disabled-tests -- it says what this machine lacks
else test.skip(`a real systemd with failures: left out, because ${reason}`, () => undefined);
