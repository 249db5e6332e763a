import { execFile } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { startUserManager, whyNoUserManager } from '@muster/systemd/testing';
import type { UserManager } from '@muster/systemd/testing';
import { createClock } from './clock.ts';
import { machineEnvironment, MachineEnvFile } from './machine-env.ts';
import { bundleScript } from './test-process.ts';

const run = promisify(execFile);
const clock = createClock();
const never = new AbortController().signal;

/** A daemon that is ready at once, reloads until SIGUSR2, hangs on SIGUSR1 and stops on SIGTERM. */
const daemon = `
  import { createNotifier } from './notify.ts';
  const say = (fields, message) => console.log(message, fields);
  const log = { debug: say, info: say, warn: say, error: say };
  const notifier = createNotifier({ env: process.env, log });
  setInterval(() => {}, 60_000);
  process.on('SIGUSR1', () => { for (;;); });
  let mayEnd = false;
  let end = () => {};
  process.on('SIGUSR2', () => {
    mayEnd = true;
    end();
  });
  process.on('SIGHUP', async () => {
    await notifier.reloading();
    if (!mayEnd) await new Promise((resolve) => (end = resolve));
    mayEnd = false;
    await notifier.ready('reloaded');
  });
  process.on('SIGTERM', async () => {
    await notifier.stopping();
    setInterval(() => {}, 60_000);
  });
  void notifier.ready('machine 3d12\\nready').then(async () => {
    await new Promise((resolve) => setTimeout(resolve, 2500));
    await notifier.status('lived through two watchdog periods');
  });`;

const testAsRoot = process.getuid?.() === 0 ? test : test.skip;

function suite(): void {
  let manager: UserManager;
  let script: string;
  beforeAll(async () => {
    manager = await startUserManager();
    script = bundleScript(daemon, manager.scratch);
  }, 30_000);
  afterAll(() => manager.stop());

  const systemctl = (...args: string[]) =>
    run('systemctl', ['--user', ...args], { env: manager.env });

  async function show(unit: string): Promise<Readonly<Record<string, string>>> {
    const properties = 'ActiveState,SubState,StatusText,Result,NRestarts';
    const { stdout } = await systemctl('show', unit, `--property=${properties}`);
    const lines = stdout.trim().split('\n');
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  }

  async function until(unit: string, expected: Readonly<Record<string, string>>): Promise<void> {
    const deadline = clock.monotonic() + 10_000;
    for (;;) {
      const found = await show(unit);
      if (Object.entries(expected).every(([name, value]) => found[name] === value)) return;
      if (clock.monotonic() > deadline) {
        const [wanted, seen] = [JSON.stringify(expected), JSON.stringify(found)];
        throw new Error(`waited 10 s for ${unit} to have ${wanted}; it has ${seen}`);
      }
      await clock.sleep(20, never);
    }
  }

  async function start(unit: string, settings: readonly string[], as = ''): Promise<void> {
    // As it is shipped; else the messengers get musterd's SIGTERM, too.
    const shipped = ['Type=notify', 'KillMode=mixed'];
    const lines = ['[Service]', ...shipped, 'LimitCORE=0', ...settings];
    const command = `ExecStart=${as}${process.execPath} ${script}`;
    writeFileSync(join(manager.unitDirectory, unit), [...lines, command, ''].join('\n'));
    await systemctl('start', unit);
  }

  test('ready, status and stopping arrive, and the watchdog is kept content until musterd hangs', async () => {
    const unit = 'all.service';
    await start(unit, ['NotifyAccess=all', 'WatchdogSec=1s', 'WatchdogSignal=SIGKILL']);
    await until(unit, { ActiveState: 'active', StatusText: 'machine 3d12 ready' });
    await until(unit, { StatusText: 'lived through two watchdog periods' });
    await until(unit, { ActiveState: 'active', NRestarts: '0', Result: 'success' });
    await systemctl('kill', '--signal=SIGUSR1', unit);
    await until(unit, { ActiveState: 'failed', Result: 'watchdog' });
  }, 30_000);

  test('a reload is under way until it says that it is ready again, and the watchdog goes on', async () => {
    const unit = 'reload.service';
    const watchdog = ['WatchdogSec=1s', 'WatchdogSignal=SIGKILL'];
    const reload = 'ExecReload=/bin/kill -HUP $MAINPID';
    await start(unit, ['NotifyAccess=all', ...watchdog, reload]);
    await until(unit, { ActiveState: 'active', StatusText: 'machine 3d12 ready' });
    for (const _ of ['once', 'and again']) {
      await systemctl('reload', '--no-block', unit);
      await until(unit, { ActiveState: 'reloading' });
      await systemctl('kill', '--signal=SIGUSR2', '--kill-whom=main', unit);
      await until(unit, { ActiveState: 'active', SubState: 'running', StatusText: 'reloaded' });
    }
    await until(unit, { StatusText: 'lived through two watchdog periods' });
    await until(unit, { ActiveState: 'active', NRestarts: '0', Result: 'success' });
    await systemctl('kill', '--signal=SIGKILL', unit);
  }, 30_000);

  test('it says that it stops', async () => {
    const unit = 'stop.service';
    await start(unit, ['NotifyAccess=all', 'TimeoutStopSec=5s']);
    await systemctl('stop', '--no-block', unit);
    await until(unit, { ActiveState: 'deactivating', StatusText: 'Stopping; units run on' });
    await systemctl('kill', '--signal=SIGKILL', unit);
  }, 30_000);

  testAsRoot(
    'with privileges it may speak for musterd where only the main process is heard',
    async () => {
      await start('main.service', ['NotifyAccess=main']);
      await until('main.service', { ActiveState: 'active', StatusText: 'machine 3d12 ready' });
      await systemctl('kill', '--signal=SIGKILL', 'main.service');
    },
    30_000,
  );

  testAsRoot(
    'without privileges it speaks for itself, where all processes are heard',
    async () => {
      const runtime = manager.env['XDG_RUNTIME_DIR'] ?? '';
      for (const path of [dirname(runtime), runtime, join(runtime, 'systemd'), manager.scratch]) {
        chmodSync(path, 0o711);
      }
      chmodSync(join(runtime, 'systemd/notify'), 0o666);
      const nobody = '/usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups ';
      await start('nobody.service', ['NotifyAccess=all'], nobody);
      await until('nobody.service', { ActiveState: 'active', StatusText: 'machine 3d12 ready' });
      await systemctl('kill', '--signal=SIGKILL', 'nobody.service');
    },
    30_000,
  );

  test('systemd reads machine.env as it was meant', async () => {
    const file = new MachineEnvFile(manager.scratch);
    const odd = 'a "b" \\n \\ $HOME ${HOME} `x` # ; \' é %h\nnext line ';
    const machine = { id: '3d12', hostname: 'web-1', address: '10.0.0.5' };
    await file.update(machineEnvironment({ ...machine, metadata: { odd, 'a.b': '1' } }, null));
    const output = join(manager.scratch, 'printed');
    const unit = `[Service]\nType=oneshot\nEnvironmentFile=${file.path}\nExecStart=/usr/bin/env -0\nStandardOutput=truncate:${output}\n`;
    writeFileSync(join(manager.unitDirectory, 'env.service'), unit);
    await systemctl('start', 'env.service');
    const printed = (await readFile(output, 'utf8')).split('\0');
    expect(printed.filter((line) => line.startsWith('MUSTER_'))).toEqual([
      'MUSTER_MACHINE_ID=3d12',
      'MUSTER_MACHINE_NAME=web-1',
      'MUSTER_MACHINE_ADDRESS=10.0.0.5',
      'MUSTER_METADATA_A_B=1',
      `MUSTER_METADATA_ODD=${odd}`,
    ]);
  }, 30_000);
}

const reason = whyNoUserManager();
if (reason === null)
  describe('the notifier with a real service manager', () => {
    suite();
  });
// oxlint-disable-next-line jest/no-disabled-tests -- it says what this machine lacks
else test.skip(`notify.int.test.ts: left out, because ${reason}`, () => undefined);
