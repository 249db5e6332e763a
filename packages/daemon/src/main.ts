import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { MusterError } from '@muster/core';
import { defaultUnitDirectory } from '@muster/systemd';
import { createClock } from './clock.ts';
import { parseCommandLine, usage } from './command-line.ts';
import { compileLate } from './compile-late.ts';
import type { Flags } from './command-line.ts';
import { ConfigError, loadConfig } from './config.ts';
import type { Config } from './config-model.ts';
import { prepareDirectories } from './directories.ts';
import { acquireInstanceLock } from './instance-lock.ts';
import type { InstanceLock } from './instance-lock.ts';
import { FileKnownStore } from './known-store.ts';
import { FileLeaseStore } from './lease-store.ts';
import { createLog } from './log.ts';
import type { RootLog } from './log.ts';
import { forgetInheritedSockets, inheritedSockets } from './inherited-sockets.ts';
import { createNotifier } from './notify.ts';
import { ReloadRequests } from './reload-requests.ts';
import { onReloadSignal } from './reload-signal.ts';
import { version } from './version.ts';
import { runDaemon } from './wire.ts';

const exitFailure = 1;
const exitMisuse = 2;
/** What a stop in order may take. Beyond it, it is like a kill, which does no harm either. */
const stopWithinMs = 5_000;

async function main(): Promise<number> {
  const command = parseCommandLine(process.argv.slice(2));
  switch (command.type) {
    case 'misuse':
      process.stderr.write(`${command.message}\n`);
      return exitMisuse;
    case 'help':
      process.stdout.write(usage);
      return 0;
    case 'version':
      process.stdout.write(`musterd ${version}\n`);
      return 0;
    case 'check':
      await load(command.flags);
      process.stdout.write('the configuration is valid\n');
      return 0;
    case 'run':
      await run(command.flags);
      return 0;
  }
}

async function load(flags: Flags): Promise<Config> {
  const { config } = await loadConfig({ flags, env: process.env, home: homedir() });
  return config;
}

async function run(flags: Flags): Promise<void> {
  const { acceptStore } = flags;
  const stop = new AbortController();
  const reloads = new ReloadRequests();
  // Before anything else: until then this signal ends the process.
  onReloadSignal(() => reloads.request());
  // Node's own answer is to open its debugger to every user of the machine.
  process.on('SIGUSR1', () => undefined);
  const inherited = inheritedSockets(process.env, process.pid);
  forgetInheritedSockets(process.env);
  const config = await load(flags);
  await prepareDirectories(config);
  const lock = await acquireInstanceLock(config.state);
  const unitsLock = config.agent.enabled ? await lockUnits(config) : null;
  const log = createLog(config.log.level);
  const knownStore = new FileKnownStore(config.state);
  if (acceptStore) await knownStore.forget();
  const notifier = createNotifier({ env: process.env, log });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'stopping; units run on');
      stop.abort();
      // The etcd of --dev is a child, which has to be ended.
      if (!config.dev) setTimeout(() => exitLate(log), stopWithinMs).unref();
    });
  }
  // Nothing is known after an error nobody expected: systemd starts musterd again, which looks anew.
  process.on('unhandledRejection', (err) => {
    log.error({ err }, 'unexpected error, giving up');
    process.exit(exitFailure);
  });
  try {
    await runDaemon(
      {
        config,
        clock: createClock(),
        log,
        env: process.env,
        notifier,
        knownStore,
        leaseStore: new FileLeaseStore(config.state, log),
        acceptStore,
        inherited,
        reloads,
        loadConfig: () => load(flags),
      },
      stop.signal,
    );
  } finally {
    notifier.close();
    unitsLock?.release();
    lock.release();
  }
}

function exitLate(log: RootLog): void {
  log.warn({ stopWithinMs }, 'etcd or systemd does not answer: not stopped in order');
  process.exit(0);
}

/** With another state directory it is another musterd, but there is one systemd to tell what to run. */
async function lockUnits(config: Config): Promise<InstanceLock> {
  const directory = defaultUnitDirectory(config.agent.manager, process.env);
  await mkdir(directory, { recursive: true });
  return acquireInstanceLock(directory);
}

compileLate();
main().then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    if (error instanceof ConfigError) {
      for (const problem of error.problems) process.stderr.write(`musterd: ${problem}\n`);
      process.exitCode = exitMisuse;
      return;
    }
    const text =
      error instanceof MusterError
        ? error.message
        : error instanceof Error
          ? (error.stack ?? error.message)
          : String(error);
    process.stderr.write(`musterd: ${text}\n`);
    process.exitCode = exitFailure;
  },
);
