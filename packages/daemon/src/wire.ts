import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent } from '@muster/agent';
import { createApiServer, createForwarder } from '@muster/api';
import type { ApiServer, TlsMaterial } from '@muster/api';
import { StoreUntrustedError } from '@muster/core';
import type { Clock, KnownStore, LeaseStore, MachineSettings, MusterError } from '@muster/core';
import { openRegistry } from '@muster/registry';
import type { Registry, MachineFacts } from '@muster/registry';
import { Scheduler } from '@muster/scheduler';
import { FileNoteStore, openInspector, openSystemd } from '@muster/systemd';
import type { ApiTls, Config, EtcdTls } from './config-model.ts';
import type { Environment } from './config-sources.ts';
import type { ListenAddress } from './config-values.ts';
import { startDevEtcd } from './dev-etcd.ts';
import type { DevEtcd } from './dev-etcd.ts';
import { readFacts } from './facts.ts';
import type { Facts } from './facts.ts';
import type { DaemonLog } from './log.ts';
import { MachineEnvFile, machineEnvironment } from './machine-env.ts';
import type { Notifier } from './notify.ts';

/** What a leader's lease lasts when it dies. */
const leaderTtlSeconds = 3;

export interface DaemonParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: DaemonLog;
  readonly env: Environment;
  readonly notifier: Notifier;
  readonly knownStore: KnownStore;
  readonly leaseStore: LeaseStore;
  /** An operator says that the store that is found is the right one. */
  readonly acceptStore: boolean;
}

/**
 * Puts musterd together, runs it until the signal aborts, and takes it apart in order: loops end
 * after the pass in flight, leadership is given up, the machine's presence is parked. Units are
 * not touched.
 * @throws {MusterError} what keeps it from running at all
 */
export async function runDaemon(parts: DaemonParts, signal: AbortSignal): Promise<void> {
  const { config, clock, log, notifier } = parts;
  const facts = await readFacts(config.machine.address);
  const etcd = config.dev
    ? await startDevEtcd({ directory: config.state, clock, log: log.child({ component: 'etcd' }) })
    : null;
  const registry = await openStore(parts, facts, etcd).catch(async (error: unknown) => {
    // A child that is left alone would keep this process, too.
    await etcd?.stop();
    throw error;
  });
  const fatal = new AbortController();
  const ending = AbortSignal.any([signal, fatal.signal]);
  let server: ApiServer | null = null;
  try {
    const opened = await listen(parts, { facts, registry });
    ({ server } = opened);
    const { machine } = opened;
    const running = Promise.all([
      runAgent(parts, { registry, machine, fatal }, ending),
      runScheduler(parts, { registry, machine }, ending),
    ]);
    // It is awaited below; it may fail before.
    running.catch((error: unknown) => fatal.abort(error));
    await notifier.ready(`Machine ${facts.id.slice(0, 8)}, API on ${shownListeners(config)}`);
    log.info({ machine: facts.id, version: facts.version }, 'musterd runs');
    await running;
    await notifier.stopping();
  } finally {
    await server?.close();
    await registry.close();
    await etcd?.stop();
  }
  if (fatal.signal.aborted) throw fatal.signal.reason;
}

async function openStore(
  { config, clock, log, knownStore, acceptStore }: DaemonParts,
  facts: Facts,
  etcd: DevEtcd | null,
): Promise<Registry> {
  if (!acceptStore && (await knownStore.load()) === null) {
    const notes = await notesOf(config, facts.bootId, log).load();
    if (notes.size > 0) {
      throw new StoreUntrustedError(
        `units of a cluster run here, but ${config.state} does not say of which; start musterd once with --accept-store to join the one that is configured`,
      );
    }
  }
  const tls = config.etcd.tls === null ? null : await readEtcdTls(config.etcd.tls);
  return openRegistry({
    endpoints: etcd === null ? config.etcd.endpoints : [etcd.endpoint],
    ...(tls === null ? {} : { tls }),
    prefix: config.etcd.prefix,
    machineId: facts.id,
    clock,
    log: log.child({ component: 'registry' }),
    knownStore,
  });
}

/** Opens the API and says what the cluster is to know of this machine. */
async function listen(
  { config, clock, log, env }: DaemonParts,
  { facts, registry }: { facts: Facts; registry: Registry },
): Promise<{ server: ApiServer; machine: MachineFacts }> {
  const tls = config.api.tls === null ? null : await readApiTls(config.api.tls);
  const server = createApiServer({
    units: registry.units,
    inspector: openInspector({ manager: config.agent.manager, env }),
    self: { machineId: facts.id, hostname: facts.hostname, version: facts.version },
    clock,
    log: log.child({ component: 'api' }),
    forward: createForwarder(tls),
  });
  const bound = await server.listen(config.api.listen.map(showListenAddress), {
    tls,
    insecure: config.api.insecure,
  });
  log.info({ listen: bound }, 'the API listens');
  const machine = {
    ...facts,
    apiUrl: publishedUrl(bound, facts.address, tls !== null),
    metadata: config.machine.metadata,
  };
  return { server, machine };
}

async function runAgent(
  { config, clock, log, env, leaseStore }: DaemonParts,
  {
    registry,
    machine,
    fatal,
  }: { registry: Registry; machine: MachineFacts; fatal: AbortController },
  signal: AbortSignal,
): Promise<void> {
  if (!config.agent.enabled) return untilAborted(signal);
  const systemd = openSystemd({
    manager: config.agent.manager,
    env,
    clock,
    log: log.child({ component: 'systemd' }),
  });
  const agentLog = log.child({ component: 'agent' });
  const refuse = (error: MusterError): void => fatal.abort(error);
  const { ttlSeconds } = config.machine;
  registry.presence
    .register(machine, { ttlSeconds, leaseStore, onRefused: refuse })
    .catch((error: unknown) => {
      if (!signal.aborted) fatal.abort(error);
    });
  const environment = new MachineEnvironment(config, { registry, machine, log: agentLog });
  // A unit that reads it may be the first that is started.
  await environment.update();
  const unsubscribe = registry.agent.onChange(() => environment.updateSoon());
  const agent = new Agent({
    registry: registry.agent,
    systemd,
    notes: notesOf(config, machine.bootId, agentLog),
    clock,
    log: agentLog,
    bootId: machine.bootId,
    pollMs: config.agent.pollMs,
  });
  await agent.run(signal);
  unsubscribe();
  await systemd.close();
  if (registry.agent.session() === null) return;
  await registry.presence
    .park(config.agent.awaySeconds)
    .catch((err: unknown) => agentLog.warn({ err }, 'could not say that this machine is away'));
}

/** Keeps machine.env as metadata says, from the machine and from the operator. */
class MachineEnvironment {
  readonly #file: MachineEnvFile;
  readonly #machine: MachineFacts;
  readonly #registry: Registry;
  readonly #log: DaemonLog;
  /** What the file was written with; undefined: it was not written yet. */
  #written: MachineSettings | null | undefined;
  #lastUpdate = Promise.resolve();

  constructor(
    config: Config,
    parts: { registry: Registry; machine: MachineFacts; log: DaemonLog },
  ) {
    this.#file = new MachineEnvFile(config.runtime);
    this.#machine = parts.machine;
    this.#registry = parts.registry;
    this.#log = parts.log;
  }

  updateSoon(): void {
    this.#lastUpdate = this.#lastUpdate.then(() => this.update());
  }

  /** Never rejects. While the store cannot be read, what was written last holds. */
  async update(): Promise<void> {
    try {
      const settings = this.#settings();
      if (settings === this.#written) return;
      await this.#file.update(machineEnvironment(this.#machine, settings));
      this.#written = settings;
    } catch (err) {
      this.#log.warn({ err }, 'machine.env cannot be written');
    }
  }

  #settings(): MachineSettings | null {
    try {
      return this.#registry.agent.snapshot().settings;
    } catch (err) {
      this.#log.debug({ err }, 'what an operator set for this machine is not known yet');
      return this.#written ?? null;
    }
  }
}

function notesOf(config: Config, bootId: string, log: DaemonLog): FileNoteStore {
  return new FileNoteStore({ directory: join(config.runtime, 'units'), bootId, log });
}

async function runScheduler(
  { config, clock, log }: DaemonParts,
  { registry, machine }: { registry: Registry; machine: MachineFacts },
  signal: AbortSignal,
): Promise<void> {
  if (!config.scheduler.enabled) return untilAborted(signal);
  const scheduler = new Scheduler({
    campaign: registry.campaign({
      machine: machine.id,
      apiUrl: machine.apiUrl,
      ttlSeconds: leaderTtlSeconds,
    }),
    openView: () => registry.units.cluster(),
    contact: registry.contact,
    clock,
    log: log.child({ component: 'scheduler' }),
    machineTtlMs: config.machine.ttlSeconds * 1000,
    compactMs: config.etcd.compactMs,
  });
  await scheduler.run(signal);
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
}

function shownListeners(config: Config): string {
  return config.api.listen.map(showListenAddress).join(', ');
}

/**
 * Where other daemons reach this one's API; null without a TCP listener or without an address that
 * others can use.
 * @param bound - as the server says it listens: `unix:/path` or `tcp:host:port`
 */
export function publishedUrl(
  bound: readonly string[],
  address: string | null,
  isTls: boolean,
): string | null {
  for (const listener of bound) {
    const tcp = /^tcp:\[?([^\]]+?)\]?:(\d+)$/.exec(listener);
    if (tcp?.[1] === undefined || tcp[2] === undefined) continue;
    const isAny = tcp[1] === '0.0.0.0' || tcp[1] === '::';
    const host = isAny ? address : tcp[1];
    if (host === null) continue;
    return `${isTls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${tcp[2]}`;
  }
  return null;
}

async function readApiTls(paths: ApiTls): Promise<TlsMaterial> {
  const [ca, cert, key] = await Promise.all([
    readFile(paths.ca, 'utf8'),
    readFile(paths.cert, 'utf8'),
    readFile(paths.key, 'utf8'),
  ]);
  return { ca, cert, key };
}

async function readEtcdTls(paths: EtcdTls): Promise<{ ca: Buffer; cert?: Buffer; key?: Buffer }> {
  const ca = await readFile(paths.ca);
  if (paths.client === null) return { ca };
  return { ca, cert: await readFile(paths.client.cert), key: await readFile(paths.client.key) };
}

/** As the API's server and people read it. */
function showListenAddress(address: ListenAddress): string {
  if (address.type === 'unix') return `unix:${address.path}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `tcp:${host}:${address.port}`;
}
