import { setTimeout as pause } from 'node:timers/promises';
import { launchOne } from './latency-case.ts';
import type { Latency } from './latency-case.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';

/** So many units a second are launched, each of which is destroyed as soon as it is active. */
export async function churn(
  cluster: SimulatedCluster,
  { perSecond, forMs }: { readonly perSecond: number; readonly forMs: number },
): Promise<readonly Latency[]> {
  const everyMs = 1000 / perSecond;
  const began = performance.now();
  const launches: Promise<Latency>[] = [];
  for (let i = 0; i * everyMs < forMs; i += 1) {
    await pause(Math.max(0, began + i * everyMs - performance.now()));
    const launch = launchOne(cluster, `churn-${i}.service`);
    // One that fails before the last was begun is told at the end.
    launch.catch(() => undefined);
    launches.push(launch);
  }
  return Promise.all(launches);
}
