import type { AgentObserver } from '@muster/agent';
import type { ApiObserver, MetricsPage } from '@muster/api';
import type { Clock, JobEnd, StoreContact } from '@muster/core';
import type { RegistryObserver } from '@muster/registry';
import type { PlanCounts, SchedulerObserver } from '@muster/scheduler';
import type { BusObserver } from '@muster/systemd';
import { Registry } from 'prom-client';
import { MetricMaker } from './metric-maker.ts';
import { addProcessMetrics } from './process-metrics.ts';
import { version } from './version.ts';

/** What is looked at when somebody asks for the metrics; it costs nothing at other times. */
interface MetricSources {
  readonly registry: {
    readonly contact: StoreContact;
    readonly agent: { session(): string | null };
    revision(): number | null;
    isTrusted(): boolean;
  };
  /** null: no units run on this machine. */
  readonly agent: {
    activeStates(): ReadonlyMap<string, number>;
    flapping(): readonly string[];
  } | null;
  readonly withoutStore: { units(): number | null };
}

/** Every metric of this process, and who to tell what happens. docs/operations.md describes them. */
export interface Metrics {
  readonly page: MetricsPage;
  readonly registry: Omit<RegistryObserver, 'contact'>;
  readonly bus: BusObserver;
  readonly jobEnded: (end: JobEnd) => void;
  readonly agent: AgentObserver;
  readonly scheduler: SchedulerObserver;
  readonly api: ApiObserver;
  /** @param waiting - how many keys have another value in the file than musterd runs with */
  readonly reloaded: (result: 'applied' | 'refused', waiting: number) => void;
  readonly lookAt: (sources: Partial<MetricSources>) => void;
}

export function createMetrics(clock: Clock): Metrics {
  const registers = new Registry();
  const make = new MetricMaker(registers);
  const sources: {
    registry: MetricSources['registry'] | null;
    agent: MetricSources['agent'];
    withoutStore: MetricSources['withoutStore'] | null;
  } = { registry: null, agent: null, withoutStore: null };
  make
    .gauge('muster_build_info', 'The version that runs; always 1.', ['version'])
    .set({ version }, 1);
  addProcessMetrics(make);
  addStoreMetrics(make, () => sources.registry, clock);
  make.looked(
    'muster_machine_registered',
    'Whether this machine is registered: 0 or 1; no value where no unit can run.',
    () => (sources.agent === null ? null : flag(sources.registry?.agent.session() != null)),
  );
  make.looked(
    'muster_agent_units_without_store',
    'Units that follow what was assigned before this boot, because etcd was not reached since.',
    () => (sources.agent === null ? null : (sources.withoutStore?.units() ?? 0)),
  );
  return {
    page: { contentType: registers.contentType, render: () => registers.metrics() },
    ...loopMetrics(make, () => sources.agent),
    registry: registryMetrics(make),
    ...systemdMetrics(make, () => sources.agent !== null),
    api: apiMetrics(make),
    reloaded: reloadMetrics(make),
    lookAt: (more) => void Object.assign(sources, more),
  };
}

function loopMetrics(
  make: MetricMaker,
  agent: () => MetricSources['agent'],
): { agent: AgentObserver; scheduler: SchedulerObserver } {
  const passes = make.counter('muster_loop_passes_total', 'Passes of a loop, by how they ended.', [
    'loop',
    'result',
  ]);
  const durations = make.seconds('muster_loop_pass_duration_seconds', 'How long a pass took.', [
    'loop',
  ]);
  const passed = (loop: string): AgentObserver['passed'] => {
    for (const result of ['ok', 'failed']) passes.inc({ loop, result }, 0);
    return ({ ms, isFailed }) => {
      passes.inc({ loop, result: isFailed ? 'failed' : 'ok' });
      durations.observe({ loop }, ms / 1000);
    };
  };
  const tasks = make.counter(
    'muster_agent_tasks_total',
    'Steps for one unit each, by the job that systemd was asked for and how it went.',
    ['job', 'result'],
  );
  for (const job of ['start', 'stop', 'restart', 'none']) {
    for (const result of ['done', 'failed']) tasks.inc({ job, result }, 0);
  }
  addUnitStates(make, agent);
  return {
    agent: { passed: passed('agent'), taskEnded: (job, result) => tasks.inc({ job, result }) },
    scheduler: { passed: passed('scheduler'), ...schedulerMetrics(make) },
  };
}

function addUnitStates(make: MetricMaker, agent: () => MetricSources['agent']): void {
  const states = ['active', 'activating', 'deactivating', 'failed', 'inactive', 'reloading'];
  const none = new Map(states.map((state) => [state, 0]));
  make.lookedBy(
    'active_state',
    {
      name: 'muster_agent_units',
      help: "This machine's units by systemd's active state; no value where none can run.",
    },
    () => {
      const counts = agent()?.activeStates();
      return counts === undefined ? new Map() : new Map([...none, ...counts]);
    },
  );
  make.looked(
    'muster_agent_units_flapping',
    'Units of this machine that are restarted again and again; no value where none can run.',
    () => agent()?.flapping().length ?? null,
  );
}

function schedulerMetrics(make: MetricMaker): Omit<SchedulerObserver, 'passed'> {
  const leading = make.gauge('muster_scheduler_leading', 'Whether this machine leads: 0 or 1.');
  const won = make.counter('muster_scheduler_elections_won_total', 'How often it became leader.');
  const changes = make.counter(
    'muster_scheduler_changes_total',
    'Changes of placement that the leader wrote, by what became of them.',
    ['result'],
  );
  for (const result of ['committed', 'conflict', 'not-leader']) changes.inc({ result }, 0);
  const checks = make.counter(
    'muster_scheduler_plan_checks_total',
    'Plans that were compared with one that thinks of every unit anew, by what came of it.',
    ['result'],
  );
  for (const result of ['same', 'different']) checks.inc({ result }, 0);
  const counts: { last: PlanCounts | null } = { last: null };
  make.looked(
    'muster_scheduler_units',
    'Units of the cluster, as the leader saw them last; no value on other machines.',
    () => counts.last?.units ?? null,
  );
  make.looked(
    'muster_scheduler_machines',
    'Machines of the cluster, as the leader saw them last; no value on other machines.',
    () => counts.last?.machines ?? null,
  );
  make.looked(
    'muster_scheduler_unplaced_units',
    'Units that the leader could place nowhere; no value on other machines.',
    () => counts.last?.unplaced ?? null,
  );
  make.looked(
    'muster_scheduler_absent_machines',
    'Machines that have units and are not there; no value on machines that do not lead.',
    () => counts.last?.absent ?? null,
  );
  make.looked(
    'muster_scheduler_brake',
    'Whether units of absent machines are held back, 0 or 1; no value on machines that do not lead.',
    () => (counts.last === null ? null : flag(counts.last.isBraked)),
  );
  return {
    leads: (isLeading) => {
      leading.set(isLeading ? 1 : 0);
      if (isLeading) won.inc();
      else counts.last = null;
    },
    planned: (last) => {
      counts.last = last;
    },
    committed: (results) => {
      for (const result of results) changes.inc({ result });
    },
    checked: (result) => checks.inc({ result }),
  };
}

function registryMetrics(make: MetricMaker): Metrics['registry'] {
  const call = make.calls({
    prefix: 'muster_registry_request',
    label: 'operation',
    of: 'requests to etcd',
  });
  const opened = make.counter('muster_registry_watches_opened_total', 'Watches that came to run.');
  const failed = make.counter(
    'muster_registry_watch_failures_total',
    'Watches that broke or could not be opened; they are opened again.',
  );
  const reads = make.counter(
    'muster_registry_full_reads_total',
    'Reads of everything that is watched, instead of going on with a watch.',
  );
  const renewals = make.counter(
    'muster_machine_lease_renewals_total',
    "Renewals of this machine's lease, by what came of them.",
    ['result'],
  );
  for (const result of ['renewed', 'gone', 'unanswered']) renewals.inc({ result }, 0);
  return {
    call,
    watchOpened: () => opened.inc(),
    watchFailed: () => failed.inc(),
    fullRead: () => reads.inc(),
    leaseRenewal: (result) => renewals.inc({ result }),
  };
}

function addStoreMetrics(
  make: MetricMaker,
  registry: () => MetricSources['registry'] | null,
  clock: Clock,
): void {
  make.looked(
    'muster_registry_store_revision',
    'The highest revision of the store that was seen; no value while the store is not trusted.',
    () => registry()?.revision() ?? null,
  );
  make.looked(
    'muster_registry_store_trusted',
    'Whether the store is the one this machine belongs to: 0 means that nothing is touched.',
    () => flag(registry()?.isTrusted() ?? null),
  );
  make.looked(
    'muster_registry_contact_seconds',
    'For how long every request to the store has been answered; 0: one was not.',
    () => {
      const contact = registry()?.contact;
      if (contact === undefined) return null;
      const since = contact.unbrokenSince();
      return since === null ? 0 : (clock.monotonic() - since) / 1000;
    },
  );
}

function flag(value: boolean | null): number | null {
  if (value === null) return null;
  return value ? 1 : 0;
}

function systemdMetrics(
  make: MetricMaker,
  isUsed: () => boolean,
): { bus: BusObserver; jobEnded: (end: JobEnd) => void } {
  const call = make.calls({
    prefix: 'muster_systemd_call',
    label: 'member',
    of: 'D-Bus calls',
  });
  let isConnected = false;
  make.looked(
    'muster_systemd_connected',
    'Whether the message bus is connected: 0 or 1; no value where no unit can run.',
    () => (isUsed() ? flag(isConnected) : null),
  );
  const connections = make.counter(
    'muster_systemd_connections_total',
    'Connections to the message bus; all but the first are reconnects.',
  );
  const jobs = make.counter(
    'muster_systemd_jobs_total',
    "systemd's jobs that were asked for here and have ended, by type and result.",
    ['type', 'result'],
  );
  return {
    bus: {
      call,
      connected: () => {
        connections.inc();
        isConnected = true;
      },
      lost: () => {
        isConnected = false;
      },
    },
    jobEnded: ({ type, result }) => jobs.inc({ type, result }),
  };
}

function apiMetrics(make: MetricMaker): ApiObserver {
  const requests = make.counter(
    'muster_api_requests_total',
    'Requests that were answered, by route, method and class of status.',
    ['route', 'method', 'status'],
  );
  const durations = make.seconds(
    'muster_api_request_duration_seconds',
    'How long it took until an answer was complete.',
    ['route', 'method'],
  );
  const open = make.gauge(
    'muster_api_open_requests',
    'Requests that are being answered; a stream is one for as long as it is open.',
    ['route'],
  );
  return {
    request: ({ method, route }) => {
      const began = performance.now();
      open.inc({ route });
      return (status) => {
        open.dec({ route });
        durations.observe({ route, method }, (performance.now() - began) / 1000);
        requests.inc({ route, method, status: statusClass(status) });
      };
    },
  };
}

/** `2xx`, …; `gone`: the caller went before there was an answer. */
function statusClass(status: number | null): string {
  return status === null ? 'gone' : `${Math.floor(status / 100)}xx`;
}

function reloadMetrics(make: MetricMaker): Metrics['reloaded'] {
  const reloads = make.counter(
    'muster_config_reloads_total',
    'Reloads of the configuration that were asked for, by what became of them.',
    ['result'],
  );
  for (const result of ['applied', 'refused']) reloads.inc({ result }, 0);
  const last = make.gauge(
    'muster_config_last_reload_successful',
    'Whether the last reload was applied: 0 or 1; 1 when there was none.',
  );
  last.set(1);
  const waiting = make.gauge(
    'muster_config_keys_awaiting_restart',
    'Keys that have another value in the configuration than musterd runs with.',
  );
  return (result, keys) => {
    reloads.inc({ result });
    last.set(result === 'applied' ? 1 : 0);
    if (result === 'applied') waiting.set(keys);
  };
}
