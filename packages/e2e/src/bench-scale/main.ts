import { loadavg } from 'node:os';
import { renderTable } from '../bench/row.ts';
import type { Row } from '../bench/row.ts';
import { readCommandLine } from '../command-line.ts';
import { readArguments, usage } from './arguments.ts';
import type { Arguments } from './arguments.ts';
import type { GrowthPoint } from './growth.ts';
import { pureRows } from './pure.ts';
import { describeRun, writeResults } from './report.ts';
import type { Results } from './report.ts';
import { measureSize } from './run.ts';
import type { Size } from './run.ts';
import { endAllClusters } from './simulated-cluster.ts';
import { serveSimulator } from './simulator.ts';

const resultsIn = 'bench/results';

function say(text: string): void {
  process.stderr.write(`bench:scale: ${text}\n`);
}

/** From a hundredth of the machines and units, over a tenth, to all. */
function sizesOf({ machines, units, isQuick }: Arguments): readonly Size[] {
  const parts = isQuick ? [1] : [0.01, 0.1, 1];
  return parts
    .map((part) => ({
      machines: Math.floor(machines * part),
      units: Math.floor(units * part),
      isLargest: part === 1,
    }))
    .filter((size) => size.machines > 0 && size.units > 0);
}

async function measure(options: Arguments): Promise<Results> {
  const { only, isQuick } = options;
  const rows: Row[] = [];
  const growth: GrowthPoint[] = [];
  if (only.has('pure')) rows.push(...(await pureRows({ isQuick, say })));
  const needsMachines = [...only].some((name) => name !== 'pure');
  for (const size of needsMachines ? sizesOf(options) : []) {
    const measured = await measureSize(size, options, say);
    rows.push(...measured.rows);
    if (measured.growth !== null) growth.push(measured.growth);
  }
  return { rows, growth };
}

async function main(args: readonly string[]): Promise<void> {
  if (args[0] === '--simulator') return serveSimulator();
  const options = readCommandLine({ name: 'bench:scale', usage, read: readArguments }, args);
  if (options === null) return;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void endAllClusters().then(() => process.exit(130)));
  }
  const startedAt = new Date();
  const loadBefore = loadavg()[0] ?? 0;
  const results = await measure(options);
  const about = `${describeRun(startedAt, loadBefore)}${options.isQuick ? ', quick' : ''}`;
  process.stdout.write(`\n${about}\n\n${renderTable(results.rows)}\n`);
  if (options.isComplete) writeResults(resultsIn, about, results);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(
    `bench:scale: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});
