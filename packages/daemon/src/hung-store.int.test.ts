// needs: etcd
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { startUserManager, whyNoUserManager } from '@muster/systemd/testing';
import type { UserManager } from '@muster/systemd/testing';
import { startEtcd } from '../../registry/src/testing/etcd.ts';
import type { TestEtcd } from '../../registry/src/testing/etcd.ts';
import { bundleMusterd, TestDaemon } from './test-daemon.ts';

jest.setTimeout(60_000);

function suite(): void {
  let manager: UserManager;
  let etcd: TestEtcd;
  let daemon: TestDaemon;

  beforeAll(async () => {
    [manager, etcd] = await Promise.all([startUserManager(), startEtcd()]);
    const directory = mkdtempSync(join(manager.scratch, 'd-'));
    const script = bundleMusterd(manager.scratch);
    daemon = new TestDaemon({ script, directory, env: manager.env });
    daemon.configure(`etcd: { endpoints: ["${etcd.endpoint}"] }\nagent: { manager: user }`);
  });
  afterAll(async () => {
    etcd.signal('SIGCONT');
    await daemon.stop();
    await etcd.stop();
    await manager.stop();
  });

  test('a musterd whose etcd hangs does not keep those waiting who stop it', async () => {
    await daemon.start();
    await daemon.says(({ msg }) => msg === 'leading: placing units');
    await daemon.says(({ msg }) => msg === 'registered this machine');
    etcd.signal('SIGSTOP');
    daemon.signal('SIGTERM');
    await daemon.says(({ msg }) => msg === 'stopping; units run on');
    const began = performance.now();
    expect(await daemon.exit()).toBe(0);
    // It is the bound itself that is tested; on its own it took more than 12 s.
    expect(performance.now() - began).toBeLessThan(9_000);
  });
}

const reason = whyNoUserManager();
if (reason === null)
  describe('an etcd that hangs', () => {
    suite();
  });
// oxlint-disable-next-line jest/no-disabled-tests -- it says what this machine lacks
else test.skip(`hung-store.int.test.ts: left out, because ${reason}`, () => undefined);
