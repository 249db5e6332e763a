import type { WithoutStore } from '@muster/agent';
import type { InheritedSocket } from '@muster/api';
import { MusterError, StoreUntrustedError } from '@muster/core';
import type { Clock, KnownStore, LeaseStore } from '@muster/core';
import { openRegistry } from '@muster/registry';
import type { Registry } from '@muster/registry';
import { createExplainer, Scheduler } from '@muster/scheduler';
import { openInspector } from '@muster/systemd';
import { readCapacity } from './capacity.ts';
import type { Config } from './config-model.ts';
import type { Environment } from './config-sources.ts';
import { DaemonApi } from './daemon-api.ts';
import { startDevEtcd } from './dev-etcd.ts';
import type { DevEtcd } from './dev-etcd.ts';
import { readAddress, readFacts } from './facts.ts';
import type { Facts } from './facts.ts';
import type { RootLog } from './log.ts';
import { createMetrics } from './metrics.ts';
import type { Metrics } from './metrics.ts';
import type { Notifier } from './notify.ts';
import type { ReloadRequests } from './reload-requests.ts';
import { reload } from './reload.ts';
import type { ReloadTargets, Running } from './reload.ts';
import { StatusLine, statusText } from './status-line.ts';
import type { StatusFacts } from './status-line.ts';
import { readEtcdTls } from './tls-files.ts';
import { notesOf, wireAgent } from './wire-agent.ts';
import type { AgentPart } from './wire-agent.ts';
import { wireWithoutStore } from './wire-without-store.ts';

/** What a leader's lease lasts when it dies. */
const leaderTtlSeconds = 3;

export interface DaemonParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: RootLog;
  readonly env: Environment;
  readonly notifier: Notifier;
  readonly knownStore: KnownStore;
  readonly leaseStore: LeaseStore;
  /** An operator says that the store that is found is the right one. */
  readonly acceptStore: boolean;
  /** Sockets that the service manager opened for us. */
  readonly inherited: readonly InheritedSocket[];
  /** Served while the daemon runs. */
  readonly reloads: ReloadRequests;
  /** Reads the configuration anew. @throws {ConfigError} */
  readonly loadConfig: () => Promise<Config>;
}

/** What is known of how musterd stands, besides what the registry itself says. */
interface Standing {
  isLeading: boolean;
  isStoreSilent: boolean;
  /** Something above, or of the registry, changed. */
  changed: () => void;
  /** All of it in one line. */
  say: () => string;
}

/** What a running daemon consists of. */
interface Daemon {
  readonly running: Running;
  readonly registry: Registry;
  readonly api: DaemonApi;
  readonly metrics: Metrics;
  readonly standing: Standing;
}

/**
 * Puts musterd together, runs it until the signal aborts, and takes it apart in order: a reload
 * under way is finished, loops end after the pass in flight, leadership is given up, the machine's
 * presence is parked. Units are not touched.
 * @throws {MusterError} what keeps it from running at all
 */
export async function runDaemon(parts: DaemonParts, signal: AbortSignal): Promise<void> {
  const { config, clock, log } = parts;
  const facts = await readFacts(config.machine.address);
  const etcd = config.dev
    ? await startDevEtcd({ directory: config.state, clock, log: log.child({ component: 'etcd' }) })
    : null;
  const metrics = createMetrics(clock);
  const standing = {
    isLeading: false,
    isStoreSilent: false,
    changed: () => undefined,
    say: () => 'starting',
  };
  const registry = await openStore(parts, { facts, etcd, metrics, standing }).catch(
    async (error: unknown) => {
      // A child that is left alone would keep this process, too.
      await etcd?.stop();
      throw error;
    },
  );
  const api = openApi(parts, { facts, registry, metrics, standing });
  try {
    const apiUrl = await api.listen(config.api, facts.address);
    log.info({ listen: api.bound }, 'the API listens');
    const capacity = await readCapacity(config);
    const machine = { ...facts, apiUrl, metadata: config.machine.metadata, capacity };
    const running: Running = { config, machine };
    await runParts(parts, { running, registry, api, metrics, standing }, signal);
  } finally {
    await parts.reloads.end();
    await api.close();
    await registry.close();
    await etcd?.stop();
  }
}

/** Runs until the signal aborts or a part gives up. */
async function runParts(parts: DaemonParts, daemon: Daemon, signal: AbortSignal): Promise<void> {
  const { log, notifier, reloads } = parts;
  const { running, registry, metrics } = daemon;
  const fatal = new AbortController();
  const ending = AbortSignal.any([signal, fatal.signal]);
  const { agent: agentConfig, scheduler: schedulerConfig } = running.config;
  const startsAlone = await wireWithoutStore(parts, { registry, running });
  const { withoutStore } = startsAlone;
  const agent = agentConfig.enabled
    ? wireAgent(parts, { running, registry, metrics, startsAlone }, (error) => fatal.abort(error))
    : null;
  const scheduler = schedulerConfig.enabled ? wireScheduler(parts, daemon) : null;
  metrics.lookAt({ registry, agent: agent?.agent ?? null, withoutStore });
  const status = statusLine(parts, daemon, withoutStore);
  const work = Promise.all([
    agent?.run(ending) ?? untilAborted(ending),
    scheduler?.run(ending) ?? untilAborted(ending),
  ]);
  // It is awaited below; it may fail before.
  work.catch((error: unknown) => fatal.abort(error));
  try {
    await notifier.ready(status.text());
    log.info({ machine: running.machine.id, version: running.machine.version }, 'musterd runs');
    const targets = reloadTargets(parts, daemon, { agent, scheduler, ending });
    reloads.serveWith(async () => {
      await notifier.reloading();
      await reloadWith(parts, daemon, targets);
      await notifier.ready(status.text());
    });
    await work;
    // Else it would say, after this, that it is ready.
    await reloads.end();
    await notifier.stopping();
  } finally {
    status.close();
  }
  if (fatal.signal.aborted) throw fatal.signal.reason;
}

async function openStore(
  { config, clock, log, knownStore, acceptStore }: DaemonParts,
  {
    facts,
    etcd,
    metrics,
    standing,
  }: { facts: Facts; etcd: DevEtcd | null; metrics: Metrics; standing: Standing },
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
    observer: {
      ...metrics.registry,
      contact: (isUnbroken) => {
        standing.isStoreSilent = !isUnbroken;
        standing.changed();
      },
    },
  });
}

function openApi(
  { config, clock, log, env, inherited }: DaemonParts,
  {
    facts,
    registry,
    metrics,
    standing,
  }: { facts: Facts; registry: Registry; metrics: Metrics; standing: Standing },
): DaemonApi {
  return new DaemonApi({
    units: registry.units,
    inspector: openInspector({ manager: config.agent.manager, env }),
    explainer: createExplainer(),
    self: { machineId: facts.id, hostname: facts.hostname, version: facts.version },
    clock,
    log: log.child({ component: 'api' }),
    inherited,
    fleetTokenLimit: config.api.tokenLimit,
    standing: () => standing.say(),
    ownUnits: () => registry.agent.snapshot().assignments.map(({ unit }) => unit),
    metrics: metrics.page,
    observer: metrics.api,
  });
}

function wireScheduler(
  { config, clock, log }: DaemonParts,
  { running, registry, metrics, standing }: Daemon,
): Scheduler {
  return new Scheduler({
    campaign: registry.campaign({
      machine: running.machine.id,
      // As it is when leadership is won: a reload may have changed it.
      get apiUrl() {
        return running.machine.apiUrl;
      },
      ttlSeconds: leaderTtlSeconds,
    }),
    openView: () => registry.units.cluster(),
    contact: registry.contact,
    leases: registry.leases,
    clock,
    log: log.child({ component: 'scheduler' }),
    machineTtlMs: config.machine.ttlSeconds * 1000,
    compactMs: config.etcd.compactMs,
    observer: {
      ...metrics.scheduler,
      leads: (isLeading) => {
        metrics.scheduler.leads(isLeading);
        standing.isLeading = isLeading;
        standing.changed();
      },
    },
  });
}

function statusLine(
  { notifier, clock }: DaemonParts,
  daemon: Daemon,
  withoutStore: WithoutStore,
): StatusLine {
  const { running, registry, api, standing } = daemon;
  const storeSays = (): 'answers' | 'silent' | 'untrusted' => {
    if (!registry.isTrusted()) return 'untrusted';
    return standing.isStoreSilent ? 'silent' : 'answers';
  };
  const facts = (): StatusFacts => ({
    machine: running.machine.id,
    bound: api.bound,
    isLeading: standing.isLeading,
    isRegistered: registry.agent.session() !== null,
    store: storeSays(),
    units: unitsOf(registry),
    unitsWithoutStore: withoutStore.units(),
  });
  const status = new StatusLine({ notifier, clock, facts });
  standing.say = () => statusText(facts());
  standing.changed = () => status.changed();
  registry.agent.onChange(standing.changed);
  withoutStore.onChange(standing.changed);
  return status;
}

/** null: not known, because the store is not trusted or was never read. */
function unitsOf({ agent }: Registry): number | null {
  try {
    return agent.snapshot().assignments.length;
  } catch (error) {
    if (error instanceof MusterError) return null;
    throw error;
  }
}

function reloadTargets(
  { log }: DaemonParts,
  { api }: Daemon,
  {
    agent,
    scheduler,
    ending,
  }: { agent: AgentPart | null; scheduler: Scheduler | null; ending: AbortSignal },
): ReloadTargets {
  return {
    listen: (config, address) => api.listen(config.api, address),
    apply: (config) => {
      log.setLevel(config.log.level);
      agent?.agent.setPoll(config.agent.pollMs);
      agent?.withoutStore.setAfter(config.agent.offlineMs);
      scheduler?.setCompaction(config.etcd.compactMs);
      api.setTokenLimit(config.api.tokenLimit);
    },
    // Whoever is told to stop meanwhile does not wait for an etcd that does not answer.
    publish: async (machine) => {
      if (agent !== null) await Promise.race([agent.publish(machine), untilAborted(ending)]);
    },
  };
}

function reloadWith(
  { loadConfig, log }: DaemonParts,
  { running, metrics }: Daemon,
  targets: ReloadTargets,
): Promise<void> {
  return reload({
    running,
    sources: { config: loadConfig, address: readAddress, capacity: readCapacity },
    targets,
    log,
    onEnd: metrics.reloaded,
  });
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
}
