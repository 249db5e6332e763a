import { SystemdUnavailableError } from '@muster/core';
import { FakeSystemd } from './fake.ts';
import { describeInstallContract } from './install.contract.ts';
import { describeLeaseContract } from './lease.contract.ts';
import { describeSystemdContract, sha1, sleeper } from './systemd.contract.ts';
import type { SystemdContract } from './systemd.contract.ts';
import { realClock } from './testing/real-clock.ts';

async function make(): Promise<SystemdContract> {
  const systemd = new FakeSystemd(realClock);
  return {
    systemd,
    addHostUnit: async (name, kind) => systemd.addHostUnit(name, kind),
    tamper: async (name) => systemd.tamper(name),
    crash: async (name) => systemd.crash(name),
    reopen: async () => ({ systemd, close: async () => undefined }),
    close: async () => undefined,
  };
}

describeSystemdContract('the fake systemd', make);
describeInstallContract('[Install] with the fake systemd', make);
describeLeaseContract('the lease with the fake systemd', make);

describe('the fake systemd, as tests need it', () => {
  test('during an outage every call fails, and what happened meanwhile is seen after it', async () => {
    const systemd = new FakeSystemd(realClock);
    let changes = 0;
    systemd.onChange(() => {
      changes += 1;
    });
    await systemd.writeFile('a.service', { hash: sha1(sleeper), text: sleeper });
    await systemd.startByHost('a.service');
    systemd.outage(true);
    await expect(systemd.listUnits()).rejects.toBeInstanceOf(SystemdUnavailableError);
    await expect(systemd.start('a.service')).rejects.toBeInstanceOf(SystemdUnavailableError);
    systemd.crash('a.service');
    systemd.outage(false);
    expect(await systemd.listUnits()).toMatchObject([{ name: 'a.service', activeState: 'failed' }]);
    expect(changes).toBe(2);
    expect(systemd.asked).toEqual([]);
  });

  test('a reboot forgets units and files, and the host is as before', async () => {
    const systemd = new FakeSystemd(realClock);
    systemd.addHostUnit('ssh.service', 'fragment');
    await systemd.writeFile('a.service', { hash: sha1(sleeper), text: sleeper });
    await systemd.startByHost('a.service');
    systemd.reboot();
    expect((await systemd.listUnits()).map((unit) => unit.name)).toEqual(['ssh.service']);
    expect((await systemd.files()).size).toBe(0);
  });

  test('a script decides instead of the file', async () => {
    const systemd = new FakeSystemd(realClock);
    systemd.script('a.service', { isOneshot: true, exitCode: 3 });
    await systemd.writeFile('a.service', { hash: sha1(sleeper), text: sleeper });
    const ended = new Promise((resolve) => systemd.onJobEnd(resolve));
    await systemd.start('a.service');
    expect(await ended).toEqual({ unit: 'a.service', type: 'start', result: 'failed' });
  });
});
