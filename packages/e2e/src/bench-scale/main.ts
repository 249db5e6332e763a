import { readArguments, usage } from './arguments.ts';
import type { Arguments } from './arguments.ts';
import { pureRows } from './pure.ts';
import { renderTable } from '../bench/row.ts';
import type { Row } from '../bench/row.ts';

function say(text: string): void {
  process.stderr.write(`bench:scale: ${text}\n`);
}

async function measure({ only, isQuick }: Arguments): Promise<readonly Row[]> {
  const rows: Row[] = [];
  if (only.has('pure')) rows.push(...(await pureRows({ isQuick, say })));
  return rows;
}

async function main(): Promise<void> {
  let options: Arguments;
  try {
    options = readArguments(process.argv.slice(2));
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    process.stderr.write(`bench:scale: ${text}\n${usage}\n`);
    process.exitCode = 2;
    return;
  }
  process.stdout.write(`${renderTable(await measure(options))}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(
    `bench:scale: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});
