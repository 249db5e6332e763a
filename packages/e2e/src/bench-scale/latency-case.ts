import { percentile, seconds } from '../bench/row.ts';
import type { Row } from '../bench/row.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';
import { sleeper } from '../cluster.ts';

/** One unit from PUT until the API says `active`, and what its start alone took. */
export interface Latency {
  readonly tookMs: number;
  readonly startMs: number;
}

/** Launches one unit, and destroys it again. */
export async function launchOne(cluster: SimulatedCluster, name: string): Promise<Latency> {
  const began = performance.now();
  await cluster.launch([sleeper(name)]);
  const tookMs = performance.now() - began;
  const [startMs] = await cluster.starts([name]);
  if (startMs === undefined) throw new Error(`${name} is active, but nobody started it`);
  await cluster.destroy([name]);
  return { tookMs, startMs };
}

/** One unit after the other. */
export async function latencies(cluster: SimulatedCluster, samples: number): Promise<Latency[]> {
  const found: Latency[] = [];
  for (let i = 0; i < samples; i += 1) {
    found.push(await launchOne(cluster, `one-${i}.service`));
  }
  return found;
}

/** @param targetMs - of the time above the start's own; null: none is set */
export function latencyRow(
  samples: readonly Latency[],
  part: number,
  { what, targetMs }: { readonly what: string; readonly targetMs: number | null },
): Row {
  const above = percentile(
    samples.map(({ tookMs, startMs }) => tookMs - startMs),
    part,
  );
  const start = percentile(
    samples.map(({ startMs }) => startMs),
    part,
  );
  return {
    what: `${what}, PUT to active, above its start, p${part * 100}`,
    measured: seconds(above),
    floor: `${seconds(start)} (start)`,
    ratio: null,
    target: targetMs === null ? 'none set' : `<= ${seconds(targetMs)}`,
    isMet: targetMs === null || above <= targetMs,
  };
}
