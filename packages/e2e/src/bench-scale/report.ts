import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { renderTable } from '../bench/row.ts';
import type { Row } from '../bench/row.ts';
import { renderGrowth } from './growth.ts';
import type { GrowthPoint } from './growth.ts';

export interface Results {
  readonly rows: readonly Row[];
  /** One for each size; fewer than two: nothing can be said of growth. */
  readonly growth: readonly GrowthPoint[];
}

/** What the figures were taken on. */
export function describeRun(startedAt: Date, loadBefore: number): string {
  const [cpu] = cpus();
  const load = `load average ${loadBefore.toFixed(1)} before, ${(loadavg()[0] ?? 0).toFixed(1)} after`;
  return `${startedAt.toISOString()}, Node ${process.version}, ${cpus().length} x ${cpu?.model ?? 'unknown CPU'}, ${load}`;
}

/** Writes `scale.md`, `scale.json` and, when there is growth to be seen, `scale.svg`. */
export function writeResults(directory: string, about: string, { rows, growth }: Results): void {
  mkdirSync(directory, { recursive: true });
  const hasPlot = growth.length > 1;
  const plot = hasPlot ? '\n![how the figures grow with the cluster](scale.svg)\n' : '';
  const text = `# npm run bench:scale\n\n${about}\n\n${renderTable(rows)}\n${plot}`;
  writeFileSync(join(directory, 'scale.md'), text);
  const data = { about, rows, growth };
  writeFileSync(join(directory, 'scale.json'), `${JSON.stringify(data, null, 2)}\n`);
  if (hasPlot) writeFileSync(join(directory, 'scale.svg'), renderGrowth(growth));
}
