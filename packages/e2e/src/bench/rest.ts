import { setTimeout as pause } from 'node:timers/promises';
import type { Cluster } from '../cluster.ts';
import type { Row } from './row.ts';

interface Usage {
  /** Of musterd, since it started. */
  readonly cpuMs: number;
  readonly rssMb: number;
}

const ticksPerSecond = 100;

async function usage(cluster: Cluster, machine: number): Promise<Usage> {
  const text = await cluster.lab.sh(
    machine,
    'p=$(systemctl show -P MainPID musterd); cat /proc/$p/stat; grep VmRSS /proc/$p/status',
  );
  const [stat = '', rss = ''] = text.split('\n');
  // The fields after the command's name, which is in brackets: utime and stime are 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return {
    cpuMs: (ticks * 1000) / ticksPerSecond,
    rssMb: Number(rss.replaceAll(/\D/g, '')) / 1024,
  };
}

interface EtcdCounters {
  readonly revision: number;
  readonly leaseRenewals: number;
}

async function etcdCounters(cluster: Cluster): Promise<EtcdCounters> {
  const { endpoints } = await cluster.lab.status();
  const endpoint = endpoints[0] ?? '';
  const metrics = await cluster.lab.net(
    process.execPath,
    '-e',
    `fetch(${JSON.stringify(`${endpoint}/metrics`)}).then((r) => r.text()).then((t) => process.stdout.write(t))`,
  );
  const read = (name: string): number =>
    Number(new RegExp(`^${name} (.*)$`, 'm').exec(metrics)?.[1] ?? Number.NaN);
  return {
    revision: read('etcd_debugging_mvcc_current_revision'),
    leaseRenewals: read('etcd_debugging_lease_renewed_total'),
  };
}

/** What musterd and etcd do while nobody asks for anything. */
export async function restRows(
  cluster: Cluster,
  { forSeconds, present }: { forSeconds: number; present: number },
): Promise<Row[]> {
  const machines = Array.from({ length: cluster.machines }, (_, i) => i + 1);
  const leader = cluster.numbers.get((await (await cluster.api()).cluster()).leader?.machine ?? '');
  // The view that the question opened is let go after a minute.
  await pause(65_000);
  const before = await Promise.all(machines.map((m) => usage(cluster, m)));
  const etcdBefore = await etcdCounters(cluster);
  await pause(forSeconds * 1000);
  const after = await Promise.all(machines.map((m) => usage(cluster, m)));
  const etcdAfter = await etcdCounters(cluster);
  const percent = (index: number): number =>
    (((after[index]?.cpuMs ?? 0) - (before[index]?.cpuMs ?? 0)) / (forSeconds * 1000)) * 100;
  const others = machines.filter((m) => m !== leader);
  const leaderCpu = percent((leader ?? 1) - 1);
  const otherCpu = Math.max(...others.map((m) => percent(m - 1)));
  const writes = etcdAfter.revision - etcdBefore.revision;
  const renewals = etcdAfter.leaseRenewals - etcdBefore.leaseRenewals;
  const rss = Math.max(...after.map((a) => a.rssMb));
  const at = `at rest, ${present} units`;
  return [
    plain(`CPU ${at}: leader`, `${leaderCpu.toFixed(2)} % of a core`, '<= 1 %', leaderCpu <= 1),
    plain(
      `CPU ${at}: busiest other machine`,
      `${otherCpu.toFixed(2)} % of a core`,
      '<= 0.5 %',
      otherCpu <= 0.5,
    ),
    plain(
      `etcd writes ${at}, ${forSeconds} s`,
      `${writes} (and ${renewals} lease renewals)`,
      '0: lease renewals only',
      writes === 0,
    ),
    plain(`memory ${at}: largest RSS of a musterd`, `${rss.toFixed(1)} MB`, 'none set', true),
  ];
}

/** The largest musterd of a cluster that has nothing to do and never had. */
export async function idleMemoryRow(cluster: Cluster): Promise<Row> {
  // V8 collects what the start left some 10 to 25 s later; until then it is up to 12 MB more.
  await pause(40_000);
  const machines = Array.from({ length: cluster.machines }, (_, i) => i + 1);
  const rss = Math.max(
    ...(await Promise.all(machines.map((m) => usage(cluster, m)))).map((u) => u.rssMb),
  );
  return plain(
    'memory of an idle musterd: largest RSS',
    `${rss.toFixed(1)} MB`,
    '<= 65 MB',
    rss <= 65,
  );
}

function plain(what: string, measured: string, target: string, isMet: boolean): Row {
  return { what, measured, floor: null, ratio: null, target, isMet };
}
