import { appendFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Systemd } from '@muster/core';
import { describeInstallContract } from './install.contract.ts';
import { describeLeaseContract } from './lease.contract.ts';
import { openSystemd } from './manager.ts';
import { describeSystemdContract } from './systemd.contract.ts';
import type { SystemdContract } from './systemd.contract.ts';
import { memoryLog, realClock } from './testing/real-clock.ts';
import { startUserManager, whyNoUserManager } from './testing/user-manager.ts';
import type { UserManager } from './testing/user-manager.ts';

function open(manager: UserManager): Systemd & { close(): Promise<void> } {
  return openSystemd({
    manager: 'user',
    env: manager.env,
    busAddress: manager.busAddress,
    unitDirectory: manager.unitDirectory,
    guardDirectory: join(manager.scratch, 'muster'),
    clock: realClock,
    log: memoryLog(),
  });
}

async function make(): Promise<SystemdContract> {
  const manager = await startUserManager();
  const systemd = open(manager);
  return {
    systemd,
    addHostUnit: async (name, kind) => {
      if (kind === 'mask') symlinkSync('/dev/null', join(manager.etcDirectory, name));
      else writeFileSync(join(manager.usrDirectory, name), '[Service]\nExecStart=/bin/true\n');
    },
    tamper: async (name) => appendFileSync(join(manager.unitDirectory, name), '# by hand\n'),
    crash: async (name) => {
      const pid = (await systemd.details([name])).get(name)?.mainPid ?? 0;
      if (pid === 0) throw new Error(`${name} has no main process`);
      process.kill(pid, 'SIGKILL');
    },
    reopen: async () => {
      const other = open(manager);
      return { systemd: other, close: () => other.close() };
    },
    close: async () => {
      await systemd.close();
      await manager.stop();
    },
  };
}

const reason = whyNoUserManager();
if (reason === null) {
  describeSystemdContract('a real systemd', make);
  describeInstallContract('[Install] with a real systemd', make);
  describeLeaseContract('the lease with a real systemd', make);
}
// oxlint-disable-next-line jest/no-disabled-tests -- it says what this machine lacks
else test.skip(`a real systemd: left out, because ${reason}`, () => undefined);
