import { renderPlot } from './plot.ts';
import type { Series } from './plot.ts';

/** What one size of cluster came to. */
export interface GrowthPoint {
  readonly machines: number;
  readonly units: number;
  /** From the first PUT until all units are active. */
  readonly activeMs: number;
  readonly decisionsPerSecond: number;
  /** One more unit, from PUT to active, above its start. */
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
  /** `musterctl list-units`. */
  readonly listMs: number;
  readonly restCpuPercent: number;
  readonly leaderRssMb: number;
  readonly etcdRssMb: number;
}

/** Diagrams of how figures grow with the cluster. */
export function renderGrowth(points: readonly GrowthPoint[]): string {
  const line = (label: string, value: (point: GrowthPoint) => number): Series => ({
    label,
    points: points.map((point) => [point.machines, value(point)]),
  });
  return renderPlot(
    [
      {
        title: 'all units active',
        unit: 's',
        series: [line('20 units a machine', ({ activeMs }) => activeMs / 1000)],
      },
      {
        title: 'placed and written',
        unit: 'units/s',
        series: [line('from the first PUT', (point) => point.decisionsPerSecond)],
      },
      {
        title: 'one more unit, above its start',
        unit: 'ms',
        limit: 250,
        series: [
          line('p50', (point) => point.latencyP50Ms),
          line('p99', (point) => point.latencyP99Ms),
        ],
      },
      {
        title: 'musterctl list-units',
        unit: 'ms',
        limit: 500,
        series: [line('p50', ({ listMs }) => listMs)],
      },
      {
        title: 'leader at rest',
        unit: '% of a core',
        limit: 1,
        series: [line('CPU', (point) => point.restCpuPercent)],
      },
      {
        title: 'memory',
        unit: 'MB',
        series: [
          line('leader', (point) => point.leaderRssMb),
          line('etcd', (point) => point.etcdRssMb),
        ],
      },
    ],
    'simulated machines',
  );
}
