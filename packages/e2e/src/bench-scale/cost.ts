import { seconds } from '../bench/row.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';
import { total } from './prometheus.ts';
import type { Samples } from './prometheus.ts';

/** What was done in some time, and what it cost. */
export interface Cost {
  readonly ms: number;
  readonly leaderCpuMs: number;
  /** Of the leader at the end. */
  readonly leaderRssMb: number;
  /** JavaScript's heap of the leader that is in use, at the end. */
  readonly leaderHeapMb: number;
  /** Changes of placement that the leader wrote. */
  readonly changes: number;
  readonly etcd: {
    readonly cpuMs: number;
    /** At the end. */
    readonly rssMb: number;
    /** Transactions that wrote something. */
    readonly writes: number;
    /** All transactions, also those that only read. */
    readonly transactions: number;
    readonly renewals: number;
    /** Leases that ended because nobody renewed them in time. */
    readonly lostLeases: number;
    /** Open at the end. */
    readonly watchStreams: number;
  };
}

/** Does something, and says what it cost leader and etcd meanwhile. */
export async function costOf(
  cluster: SimulatedCluster,
  work: () => Promise<unknown>,
): Promise<Cost> {
  const before = await look(cluster);
  await work();
  const after = await look(cluster);
  const etcd = (name: string, label = ''): number =>
    total(after.etcd, name, label) - total(before.etcd, name, label);
  return {
    ms: after.at - before.at,
    leaderCpuMs: after.leader.cpuMs - before.leader.cpuMs,
    leaderRssMb: after.leader.rssMb,
    leaderHeapMb: total(after.metrics, 'nodejs_heap_size_used_bytes') / 2 ** 20,
    changes: committed(after.metrics) - committed(before.metrics),
    etcd: {
      cpuMs: etcd('process_cpu_seconds_total') * 1000,
      rssMb: total(after.etcd, 'process_resident_memory_bytes') / 2 ** 20,
      writes: etcd('etcd_debugging_mvcc_current_revision'),
      transactions: etcd('grpc_server_started_total', 'grpc_method="Txn"'),
      renewals: etcd('etcd_debugging_lease_renewed_total'),
      lostLeases: etcd('etcd_debugging_server_lease_expired_total'),
      watchStreams: total(after.etcd, 'etcd_debugging_mvcc_watch_stream_total'),
    },
  };
}

/** Changes of placement that the leader has written since it started. */
export function committed(metrics: Samples): number {
  return total(metrics, 'muster_scheduler_changes_total', 'result="committed"');
}

async function look(cluster: SimulatedCluster) {
  const metrics = await cluster.leader.metrics();
  const etcd = await cluster.etcdMetrics();
  return { metrics, etcd, leader: cluster.leader.usage(), at: performance.now() };
}

/** As a row of the table shows it. */
export function describeCost({ ms, leaderCpuMs, leaderRssMb, etcd }: Cost): string {
  const cpu = (cpuMs: number): string =>
    `${seconds(cpuMs)} of CPU (${((cpuMs / ms) * 100).toFixed(0)} %)`;
  const perSecond = (count: number): string => (count / (ms / 1000)).toFixed(0);
  return [
    `leader ${cpu(leaderCpuMs)}, ${leaderRssMb.toFixed(0)} MB`,
    `etcd ${cpu(etcd.cpuMs)}, ${etcd.rssMb.toFixed(0)} MB`,
    `${perSecond(etcd.transactions)} transactions/s, ${perSecond(etcd.renewals)} renewals/s`,
    ...(etcd.lostLeases === 0 ? [] : [`${etcd.lostLeases} leases lost`]),
  ].join('; ');
}
