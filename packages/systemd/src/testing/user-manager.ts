import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { BusConnection } from '../connection.ts';
import type { Environment } from '../locations.ts';
import { cgroupParents, makeCgroups, processesIn, removeCgroups, whyNoCgroup } from './cgroup.ts';

/** A `systemd --user` of its own, apart from any other on this machine. */
export interface UserManager {
  readonly pid: number;
  readonly busAddress: string;
  /** `$XDG_RUNTIME_DIR/systemd/user`, where muster writes its unit files. */
  readonly unitDirectory: string;
  /** On the load path before `unitDirectory`, as /etc is for the system manager. */
  readonly etcDirectory: string;
  /** On the load path after `unitDirectory`, as /usr/lib is for the system manager. */
  readonly usrDirectory: string;
  /** Environment with which `systemctl --user` reaches it. */
  readonly env: Environment;
  /** An empty directory for the test's own files; goes with the manager. */
  readonly scratch: string;
  /** Of its message bus, at this moment. */
  busPid(): number;
  /** Kills the manager and all it started; nothing is left behind. May be called twice. */
  stop(): Promise<void>;
}

const namePrefix = 'muster-test-user-';
const readyWithinMs = 10_000;
/** Where it does not exist, a user manager refuses to start; one that runs does not need it. */
const bootedMark = '/run/systemd/system';
/** Says that the directory was made here, and is to be removed with the last manager. */
const bootedMarkIsOurs = join(bootedMark, '.made-by-muster-tests');
const executables = ['/usr/lib/systemd/systemd', '/lib/systemd/systemd'];

/** One sentence why `startUserManager` cannot work here; null when it can. */
export function whyNoUserManager(): string | null {
  if (!executables.some((path) => existsSync(path))) return 'systemd is not installed';
  if (!existsSync('/usr/bin/dbus-daemon')) return 'dbus-daemon is not installed';
  if (process.getuid?.() !== 0 && !existsSync(bootedMark)) {
    return `systemd is not running here, and only root can pretend that it is (${bootedMark})`;
  }
  return whyNoCgroup();
}

/**
 * Starts a user manager in a cgroup, runtime directory and home of its own: two managers in one
 * cgroup would stop each other's services. Removes first what crashed runs left behind.
 * @throws when it does not come up, with its own last words
 */
export async function startUserManager(): Promise<UserManager> {
  await removeLeftovers();
  try {
    return await startOnce();
  } catch {
    // Another test may have removed the directory that says "systemd is running" meanwhile.
    return startOnce();
  }
}

async function startOnce(): Promise<UserManager> {
  const root = mkdtempSync(join(tmpdir(), `${namePrefix}${process.pid}-`));
  const cgroups = makeCgroups(basename(root));
  const env = prepare(root);
  let child: ChildProcess | null = null;
  const stop = async (): Promise<void> => {
    await removeCgroups(cgroups);
    await exited(child);
    removeDirectory(root);
    withdrawBootedMark();
  };
  try {
    child = launch(root, cgroups, env);
    const busAddress = `unix:path=${join(root, 'run/bus')}`;
    await ready(child, busAddress, join(root, 'log'));
    return {
      pid: child.pid ?? 0,
      busAddress,
      unitDirectory: join(root, 'run/systemd/user'),
      etcDirectory: join(root, 'config/systemd/user'),
      usrDirectory: join(root, 'data/systemd/user'),
      env,
      scratch: join(root, 'scratch'),
      busPid: () => busPid(cgroups),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Stops managers whose test process is gone, and removes their cgroups and directories. */
export async function removeLeftovers(): Promise<void> {
  for (const parent of cgroupParents()) {
    const names = existsSync(parent) ? readdirSync(parent) : [];
    for (const name of names.filter(isLeftover)) await removeCgroups([join(parent, name)]);
  }
  for (const name of readdirSync(tmpdir()).filter(isLeftover)) {
    const root = join(tmpdir(), name);
    const owner = lstatSync(root, { throwIfNoEntry: false })?.uid;
    if (owner === process.getuid?.()) removeDirectory(root);
  }
  withdrawBootedMark();
}

function provideBootedMark(): void {
  if (existsSync(bootedMark) || process.getuid?.() !== 0) return;
  mkdirSync(bootedMark, { recursive: true });
  writeFileSync(bootedMarkIsOurs, '');
}

/** Package installations take the directory for a running systemd: it must not stay. */
function withdrawBootedMark(): void {
  if (process.getuid?.() !== 0 || !existsSync(bootedMarkIsOurs)) return;
  const others = cgroupParents().flatMap((parent) => readdirSync(parent));
  if (others.some((name) => name.startsWith(namePrefix))) return;
  rmSync(bootedMarkIsOurs, { force: true });
  if (readdirSync(bootedMark).length === 0) rmSync(bootedMark, { recursive: true, force: true });
}

function isLeftover(name: string): boolean {
  if (!name.startsWith(namePrefix)) return false;
  const owner = name.slice(namePrefix.length).split('-')[0] ?? '';
  return /^[0-9]+$/.test(owner) && !existsSync(`/proc/${owner}`);
}

/** Own basic.target and default.target, so that nothing of the host's user units is started. */
const units: Readonly<Record<string, string>> = {
  'default.target': '[Unit]\nDefaultDependencies=no\nRequires=dbus.socket\nAfter=dbus.socket\n',
  'basic.target': '[Unit]\nDefaultDependencies=no\n',
  'dbus.socket': '[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=%t/bus\n',
  'dbus.service': [
    '[Unit]\nDefaultDependencies=no\nRequires=dbus.socket\nStartLimitIntervalSec=0',
    '[Service]\nType=notify',
    'ExecStart=/usr/bin/dbus-daemon --config-file=%h/bus.conf --address=systemd: --nofork --nopidfile',
    '',
  ].join('\n'),
};

const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy></busconfig>
`;

/** Makes the directories. @returns the manager's environment */
function prepare(root: string): Environment {
  for (const name of ['run/systemd/user', 'config/systemd/user', 'data/systemd/user', 'scratch']) {
    mkdirSync(join(root, name), { recursive: true, mode: 0o700 });
  }
  for (const [name, text] of Object.entries(units)) {
    writeFileSync(join(root, 'config/systemd/user', name), text);
  }
  writeFileSync(join(root, 'bus.conf'), busConfig);
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: root,
    XDG_RUNTIME_DIR: join(root, 'run'),
    XDG_CONFIG_HOME: join(root, 'config'),
    XDG_DATA_HOME: join(root, 'data'),
    DBUS_SESSION_BUS_ADDRESS: `unix:path=${join(root, 'run/bus')}`,
  };
}

function launch(root: string, cgroups: readonly string[], env: Environment): ChildProcess {
  provideBootedMark();
  const executable = executables.find((path) => existsSync(path)) ?? 'systemd';
  const enter = 'for group; do echo $$ > "$group/cgroup.procs" || exit 9; done; exec "$0" --user';
  const log = openSync(join(root, 'log'), 'w');
  try {
    return spawn('/bin/sh', ['-c', `${enter} --log-target=console`, executable, ...cgroups], {
      env,
      cwd: root,
      stdio: ['ignore', log, log],
    });
  } finally {
    closeSync(log);
  }
}

async function ready(child: ChildProcess, address: string, log: string): Promise<void> {
  const deadline = performance.now() + readyWithinMs;
  let last = 'nothing happened';
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) {
      last = `it ended with ${child.signalCode ?? `status ${child.exitCode}`}`;
      break;
    }
    const problem = await probe(address);
    if (problem === null) return;
    last = problem;
    await pause(10);
  }
  throw new Error(`no user manager came up: ${last}\n${readFileSync(log, 'utf8').slice(-2_000)}`);
}

/** null: the manager is on its bus. */
async function probe(address: string): Promise<string | null> {
  const connection = new BusConnection({ address, onSignal: () => undefined });
  try {
    await connection.ready();
    const [hasOwner] = await connection.call({
      destination: 'org.freedesktop.DBus',
      path: '/org/freedesktop/DBus',
      interface: 'org.freedesktop.DBus',
      member: 'NameHasOwner',
      signature: 's',
      body: ['org.freedesktop.systemd1'],
    });
    return hasOwner === true ? null : 'systemd is not on its bus';
  } catch (error) {
    return String(error);
  } finally {
    connection.close();
  }
}

function busPid(cgroups: readonly string[]): number {
  const pid = processesIn(cgroups[0] ?? '').find(
    (candidate) => readCommand(candidate) === 'dbus-daemon',
  );
  if (pid === undefined) throw new Error('no dbus-daemon runs in this user manager');
  return pid;
}

function readCommand(pid: number): string {
  const path = `/proc/${pid}/comm`;
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
}

function exited(child: ChildProcess | null): Promise<void> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
}

/** Units with credentials have mounts below the runtime directory. */
function removeDirectory(root: string): void {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${root}/`));
  for (const path of mounts.toReversed()) spawnSync('/bin/umount', ['-l', path]);
  rmSync(root, { recursive: true, force: true });
}
