import { sleeper } from '../cluster.ts';
import type { Cluster } from '../cluster.ts';
import { percentile, seconds } from './row.ts';
import type { Row } from './row.ts';

/** Milliseconds from PUT until the API says `active`, for one unit after another. */
async function startLatencies(cluster: Cluster, samples: number): Promise<number[]> {
  const took: number[] = [];
  for (let i = 0; i < samples; i += 1) {
    const name = `one-${i}.service`;
    const began = performance.now();
    await cluster.launch([sleeper(name)]);
    took.push(performance.now() - began);
    await cluster.destroy([name]);
  }
  return took;
}

/** The same for systemd alone: milliseconds of `systemctl start` on one machine, by its own clock. */
async function systemctlLatencies(cluster: Cluster, samples: number): Promise<number[]> {
  const script = `
    cd /run/systemd/system
    for i in $(seq ${samples}); do
      printf '[Service]\\nExecStart=/bin/sleep infinity\\n' > floor-$i.service
      s=$(date +%s%N); systemctl start floor-$i.service; e=$(date +%s%N); echo $(((e-s)/1000))
      systemctl stop floor-$i.service; rm floor-$i.service
    done`;
  return (await cluster.lab.sh(2, script)).split('\n').map((line) => Number(line) / 1000);
}

/** @param present - how many other units the cluster has, for the row's name */
export async function latencyRows(
  cluster: Cluster,
  { samples, present }: { samples: number; present: number },
): Promise<Row[]> {
  const floor = await systemctlLatencies(cluster, Math.min(samples, 50));
  const took = await startLatencies(cluster, samples);
  const where = present === 0 ? 'idle cluster' : `${present} units present`;
  const row = (part: number, name: string, targetMs: number): Row => {
    const measured = percentile(took, part);
    const alone = percentile(floor, part);
    return {
      what: `one more unit, PUT to active, ${name}, ${where}`,
      measured: seconds(measured),
      floor: seconds(alone),
      ratio: measured / alone,
      target: `<= ${seconds(targetMs)}`,
      isMet: measured <= targetMs,
    };
  };
  return [row(0.5, 'p50', 100), row(0.99, 'p99', 250)];
}
