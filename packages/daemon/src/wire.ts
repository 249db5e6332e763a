import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent } from '@muster/agent';
import { createApiServer, createForwarder } from '@muster/api';
import type { ApiServer, TlsMaterial } from '@muster/api';
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
  const registry = await openStore(parts, facts, etcd);
  const fatal = new AbortController();
  const ending = AbortSignal.any([signal, fatal.signal]);
  try {
    const { server, machine } = await listen(parts, { facts, registry });
    const running = [
      runAgent(parts, { registry, machine, fatal }, ending),
      runScheduler(parts, { registry, machine }, ending),
    ];
    await notifier.ready(`Machine ${facts.id.slice(0, 8)}, API on ${shownListeners(config)}`);
    log.info({ machine: facts.id, version: facts.version }, 'musterd runs');
    await Promise.all(running);
    await notifier.stopping();
    await server.close();
  } finally {
    await registry.close();
    await etcd?.stop();
  }
  if (fatal.signal.aborted) throw fatal.signal.reason;
}

async function openStore(
  { config, clock, log, knownStore }: DaemonParts,
  facts: Facts,
  etcd: DevEtcd | null,
): Promise<Registry> {
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
  const stopEnvironment = keepEnvironment(config, { registry, machine, log: agentLog });
  const agent = new Agent({
    registry: registry.agent,
    systemd,
    notes: new FileNoteStore({
      directory: join(config.runtime, 'units'),
      bootId: machine.bootId,
      log: agentLog,
    }),
    clock,
    log: agentLog,
    bootId: machine.bootId,
    pollMs: config.agent.pollMs,
  });
  await agent.run(signal);
  stopEnvironment();
  await systemd.close();
  if (registry.agent.session() === null) return;
  await registry.presence
    .park(config.agent.awaySeconds)
    .catch((err: unknown) => agentLog.warn({ err }, 'could not say that this machine is away'));
}

/** Keeps machine.env as metadata says, from the machine and from the operator. */
function keepEnvironment(
  config: Config,
  { registry, machine, log }: { registry: Registry; machine: MachineFacts; log: DaemonLog },
): () => void {
  const file = new MachineEnvFile(config.runtime);
  let settings: MachineSettings | null | undefined;
  let lastWrite = Promise.resolve();
  const update = async (): Promise<void> => {
    try {
      const snapshot = registry.agent.snapshot();
      if (settings === snapshot.settings) return;
      await file.update(machineEnvironment(machine, snapshot.settings));
      settings = snapshot.settings;
    } catch (err) {
      log.debug({ err }, 'machine.env is not brought up to date now');
    }
  };
  return registry.agent.onChange(() => {
    lastWrite = lastWrite.then(update);
  });
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
