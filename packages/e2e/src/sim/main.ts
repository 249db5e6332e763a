import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readCommandLine } from '../command-line.ts';
import { readArguments, usage } from './arguments.ts';
import type { Arguments } from './arguments.ts';
import { commandFor, renderViolation, Totals } from './report.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulation.ts';
import type { Outcome } from './simulation.ts';

/** What a worker is asked for: a seed, or to end. */
type Request = number | 'end';

const progressEveryMs = 5_000;
/** Node keeps for ever what hangs on some aborted signals: a worker is replaced after so many seeds. */
const seedsPerWorker = 50;

function out(text: string): void {
  process.stdout.write(`${text}\n`);
}

function runSeed(seed: number, { minutes, without, trace }: Arguments): Promise<Outcome> {
  return simulate({ seed, minutes, without, print: trace ? out : null });
}

/** Runs every seed, in order, and says what became of it as soon as it is known. */
async function runAll(options: Arguments, args: readonly string[]): Promise<Totals> {
  const totals = new Totals();
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  let saidAt = began;
  const take = (outcome: Outcome): void => {
    totals.add(outcome);
    if (outcome.violation !== null) {
      out(renderViolation(outcome, commandFor(outcome.seed, options)));
    }
    if (performance.now() - saidAt < progressEveryMs) return;
    saidAt = performance.now();
    const { seeds, violations } = totals;
    process.stderr.write(
      `sim: ${seeds} of ${options.seeds} seeds, ${violations} violations, ${seconds().toFixed(0)} s\n`,
    );
  };
  if (options.seeds === 1 || options.trace) {
    for (let i = 0; i < options.seeds; i += 1) {
      const outcome = await runSeed(options.first + i, options);
      if (options.trace) out(`seed ${outcome.seed}: the trace has the digest ${outcome.digest}`);
      take(outcome);
    }
  } else await runInWorkers(options, args, take);
  out(totals.render(seconds()));
  return totals;
}

/** Workers are this program, given a seed at a time. */
async function runInWorkers(
  { first, seeds, jobs }: Arguments,
  args: readonly string[],
  take: (outcome: Outcome) => void,
): Promise<void> {
  let next = first;
  const end = first + seeds;
  const feed = (worker: ChildProcess, served: number): void => {
    const request: Request = next < end && served < seedsPerWorker ? next++ : 'end';
    worker.send(request);
  };
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = fork(__filename, ['--worker', ...args]);
      let served = 0;
      worker.on('message', (outcome: Outcome) => {
        take(outcome);
        served += 1;
        feed(worker, served);
      });
      worker.on('error', reject);
      worker.on('exit', (code) => {
        if (code === 0) resolve();
        else reject(new Error(`a worker ended with ${code ?? 'a signal'}`));
      });
      feed(worker, served);
    });
  const keepWorking = async (): Promise<void> => {
    while (next < end) await work();
  };
  await Promise.all(Array.from({ length: jobs }, keepWorking));
}

function serve(options: Arguments): void {
  process.on('message', (request: Request) => {
    if (request === 'end') return process.disconnect();
    runSeed(request, options).then(
      (outcome) => process.send?.(outcome),
      (error: unknown) => {
        process.stderr.write(`sim: seed ${request}: ${String(error)}\n`);
        process.exit(2);
      },
    );
  });
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const isWorker = args[0] === '--worker';
  const options = readCommandLine(
    { name: 'sim', usage, read: readArguments },
    isWorker ? args.slice(1) : args,
  );
  if (options === null) return;
  if (isWorker) return serve(options);
  if (options.shrink) {
    const found = await shrink(options);
    out(found);
    return;
  }
  const totals = await runAll(options, args);
  if (totals.violations > 0) process.exitCode = 1;
}

main().catch((error: unknown) => {
  process.stderr.write(`sim: ${error instanceof Error ? (error.stack ?? '') : String(error)}\n`);
  process.exitCode = 2;
});
