import { openInspector } from './inspector.ts';
import { openSystemd } from './manager.ts';
import { observe, sleeper } from './systemd.contract.ts';
import { memoryLog, realClock } from './testing/real-clock.ts';
import { startUserManager, whyNoUserManager } from './testing/user-manager.ts';

const reason = whyNoUserManager();

function suite(): void {
  test('systemctl tells of active, failed and unknown units', async () => {
    const manager = await startUserManager();
    const { env, busAddress, unitDirectory } = manager;
    const systemd = openSystemd({
      manager: 'user',
      env,
      busAddress,
      unitDirectory,
      guardDirectory: manager.scratch,
      clock: realClock,
      log: memoryLog(),
    });
    try {
      const seen = observe(systemd);
      const inspector = openInspector({ manager: 'user', env });
      await seen.write('a.service', sleeper);
      await systemd.start('a.service');
      await seen.endOf('a.service', 'start');
      expect(await inspector.status('a.service')).toMatch(/Active: active \(running\)/);
      const [use] = await inspector.use(['a.service']);
      expect(use).toMatchObject({ unit: 'a.service' });
      await seen.write('b.service', '[Service]\nType=exec\nExecStart=/nonexistent/program\n');
      await systemd.start('b.service');
      await seen.endOf('b.service', 'start');
      expect(await inspector.status('b.service')).toMatch(/Active: failed/);
      expect(await inspector.status('none.service')).toMatch(/none\.service could not be found/);
    } finally {
      await systemd.close();
      await manager.stop();
    }
  }, 20_000);
}

if (reason === null)
  describe('the inspector with real programs', () => {
    suite();
  });
// oxlint-disable-next-line jest/no-disabled-tests -- it says what this machine lacks
else test.skip(`the inspector: left out, because ${reason}`, () => undefined);
