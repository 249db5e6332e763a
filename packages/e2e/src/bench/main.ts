import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { Cluster } from '../cluster.ts';
import { readCommandLine } from '../command-line.ts';
import { Lab } from '../lab.ts';
import { readArguments, usage } from './arguments.ts';
import { failoverRow } from './failover.ts';
import { latencyRows } from './latency.ts';
import { destroyAll, launch, launchRows } from './launch.ts';
import { listRow } from './list.ts';
import { idleMemoryRow, restRows } from './rest.ts';
import { renderTable } from './row.ts';
import type { Row } from './row.ts';

const machines = 4;
const present = 2500;
const few = 10;
const rounds = 2;

function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

async function main(args: readonly string[]): Promise<void> {
  const asked = readCommandLine({ name: 'bench', usage, read: readArguments }, args);
  if (asked === null) return;
  const { isQuick } = asked;
  const rows: Row[] = [];
  const add = (...more: Row[]): void => {
    for (const row of more) say(`${row.what}: ${row.measured}${row.isMet ? '' : '  NOT MET'}`);
    rows.push(...more);
  };
  const totals = isQuick ? [500] : [500, 2000];
  const cluster = await Cluster.up(machines, {}, new Lab('bench'));
  try {
    const endpoint = `unix:${await cluster.lab.socket(1)}`;
    add(await idleMemoryRow(cluster));
    add(...(await latencyRows(cluster, { samples: isQuick ? 20 : 100, present: 0 })));
    await launch(cluster, few);
    add(listRow(endpoint, { present: few, targetMs: 60 }));
    await destroyAll(cluster, few);
    for (const total of totals) add(...(await launchRows(cluster, total, rounds)));
    say(`${present} units`);
    await launch(cluster, present);
    add(listRow(endpoint, { present, targetMs: 150 }));
    add(...(await latencyRows(cluster, { samples: isQuick ? 20 : 100, present })));
    add(...(await restRows(cluster, { forSeconds: isQuick ? 15 : 60, present })));
    await destroyAll(cluster, present);
    add(await failoverRow(cluster, 20));
  } finally {
    await cluster.lab.down();
  }
  report(rows, isQuick);
}

function report(rows: readonly Row[], isQuick: boolean): void {
  const table = renderTable(rows);
  const [cpu] = cpus();
  const about = `${new Date().toISOString()}, Node ${process.version}, ${cpus().length} x ${cpu?.model ?? 'unknown CPU'}${isQuick ? ', quick' : ''}`;
  process.stdout.write(`\n${about}\n\n${table}\n`);
  if (isQuick) return;
  mkdirSync('bench/results', { recursive: true });
  writeFileSync('bench/results/latest.md', `# npm run bench\n\n${about}\n\n${table}\n`);
  writeFileSync('bench/results/latest.json', `${JSON.stringify({ about, rows }, null, 2)}\n`);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(
    `bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});
