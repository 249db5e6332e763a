import { setTimeout as pause } from 'node:timers/promises';
import type { Row } from '../bench/row.ts';
import { costOf } from './cost.ts';
import type { Cost } from './cost.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';

/** What agents still tell and note when all units are active, and a heap that is made tidy. */
const settleMs = 20_000;

/** What leader and etcd do while nobody asks for anything. */
export async function atRest(cluster: SimulatedCluster, forMs: number): Promise<Cost> {
  await pause(settleMs);
  return costOf(cluster, () => pause(forMs));
}

export function restRows(cost: Cost, size: string): Row[] {
  const { ms, leaderCpuMs, leaderRssMb, leaderHeapMb, etcd } = cost;
  const leaderCpu = (leaderCpuMs / ms) * 100;
  const reads = etcd.transactions - etcd.writes;
  const plain = { floor: null, ratio: null };
  return [
    {
      ...plain,
      what: `at rest, ${size}: CPU of the leader`,
      measured: `${leaderCpu.toFixed(2)} % of a core`,
      target: '<= 1 %',
      isMet: leaderCpu <= 1,
    },
    {
      ...plain,
      what: `at rest, ${size}: etcd writes in ${(ms / 1000).toFixed(0)} s`,
      measured: `${etcd.writes} (and ${etcd.renewals} lease renewals, ${reads} reads)`,
      target: '0: lease renewals only',
      isMet: etcd.writes === 0,
    },
    {
      ...plain,
      what: `at rest, ${size}: RSS of the leader`,
      measured: `${leaderRssMb.toFixed(0)} MB (heap in use: ${leaderHeapMb.toFixed(0)} MB)`,
      target: 'none set',
      isMet: true,
    },
    {
      ...plain,
      what: `at rest, ${size}: etcd, ${etcd.watchStreams} watch streams`,
      measured: `${((etcd.cpuMs / ms) * 100).toFixed(1)} % of a core, ${etcd.rssMb.toFixed(0)} MB`,
      target: 'none set',
      isMet: true,
    },
  ];
}
