import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, parseArgs } from 'node:util';
import { Lab } from '../lab.ts';
import { checkEvidence } from './check.ts';
import { countsOf } from './counts.ts';
import { keepEvidence, readKeptEvidence, readSchedule } from './evidence-directory.ts';
import type { Schedule } from './evidence-directory.ts';
import { monotonicMs } from './evidence.ts';
import type { Violation } from './evidence.ts';
import { describeFault } from './fault.ts';
import type { TimedFault } from './fault.ts';
import { misfits, planFaults } from './plan-faults.ts';
import { misfitsAsked } from './plan-requests.ts';
import { runChaos, world } from './run.ts';
import { runScenario, scenarios } from './scenarios.ts';
import { makeCast } from './units.ts';

const usage = `usage: npm run chaos -- [OPTION…]

  --minutes M        how long (default 5); a round that has begun is ended
  --seed S           the same seed, the same faults and requests (default: one that is printed)
  --schedule FILE    the faults of this file instead; it is printed with --print and kept with evidence
  --rounds N         so many rounds instead of minutes
  --print            prints the schedule and does nothing
  --scenario NAME    outage: etcd is away for everybody, for --minutes; upgrade: every musterd is
                     replaced by another version, one after the other
  --judge DIRECTORY  judges kept evidence once more
`;

/** So many violations are printed; one cause may have many. */
const shown = 20;

interface Options {
  readonly minutes: number;
  readonly seed: number;
  /** null: as many as fit. */
  readonly rounds: number | null;
  /** null: everything follows from the seed. */
  readonly schedule: Schedule | null;
}

const began = monotonicMs();

function say(text: string): void {
  const seconds = ((monotonicMs() - began) / 1000).toFixed(0).padStart(5);
  process.stdout.write(`chaos ${seconds} s: ${text}\n`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '5' },
      seed: { type: 'string' },
      schedule: { type: 'string' },
      rounds: { type: 'string' },
      print: { type: 'boolean', default: false },
      judge: { type: 'string' },
      scenario: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (values.judge !== undefined) {
    const evidence = readKeptEvidence(values.judge);
    for (const line of countsOf(evidence)) say(line);
    return verdict(checkEvidence(evidence));
  }
  if (values.scenario !== undefined) {
    return stand(values.scenario, amount('--minutes', values.minutes));
  }
  const file = values.schedule === undefined ? null : readSchedule(values.schedule);
  const problems = file === null ? [] : misfitsOf(file);
  if (problems.length > 0) throw new Error(`${values.schedule}: ${problems.join('; ')}`);
  const options: Options = {
    minutes: amount('--minutes', values.minutes),
    seed:
      values.seed === undefined
        ? (file?.seed ?? Date.now() % 1_000_000)
        : amount('--seed', values.seed),
    rounds: values.rounds === undefined ? null : amount('--rounds', values.rounds),
    schedule: file,
  };
  if (values.print) return print(options);
  return chaos(options);
}

/** What a run that was killed has left would be taken for this run's. */
async function emptyLab(): Promise<Lab> {
  const lab = new Lab('chaos');
  await lab.down();
  return lab;
}

async function chaos(options: Options): Promise<number> {
  const { seed, minutes } = options;
  const asked = options.schedule?.requests;
  const lab = await emptyLab();
  const end = monotonicMs() + minutes * 60_000;
  const rounds: (readonly TimedFault[])[] = [];
  say(`seed ${seed}; npm run chaos -- --seed ${seed} --print shows what is going to happen`);
  const outcome = await runChaos({
    lab,
    seed,
    say,
    faultsOf: (round) => {
      const isOver = options.rounds === null ? monotonicMs() > end : round > options.rounds;
      const faults = isOver ? null : faultsIn(options, round);
      if (faults !== null) rounds.push(faults);
      return faults;
    },
    requestsOf: (round) => (asked === undefined ? null : [asked[round - 1] ?? []]),
  });
  for (const line of countsOf(outcome.evidence)) say(line);
  if (outcome.violations.length === 0) return verdict([]);
  const directory = join(tmpdir(), `muster-chaos-${seed}-${process.pid}`);
  const schedule = { seed, rounds, ...(asked === undefined ? {} : { requests: asked }) };
  await keepEvidence(directory, { outcome, schedule, lab });
  say(`the evidence is in ${directory}`);
  say(`again: npm run chaos -- --schedule ${directory}/schedule.json --rounds ${rounds.length}`);
  return verdict(outcome.violations);
}

async function stand(name: string, minutes: number): Promise<number> {
  const scenario = scenarios.find((each) => each === name);
  if (scenario === undefined)
    throw new Error(`--scenario takes ${scenarios.join(' or ')}, not "${name}"`);
  const touched = await runScenario({ lab: await emptyLab(), scenario, minutes, say });
  for (const line of touched) say(line);
  say(touched.length === 0 ? 'no unit was touched' : 'units were touched');
  return touched.length === 0 ? 0 : 1;
}

function verdict(violations: readonly Violation[]): number {
  for (const { invariant, text } of violations.slice(0, shown)) {
    say(`VIOLATION of ${invariant}: ${text}`);
  }
  say(violations.length === 0 ? 'every promise was kept' : `${violations.length} violations`);
  return violations.length === 0 ? 0 : 1;
}

function misfitsOf({ rounds, requests = [] }: Schedule): readonly string[] {
  const { machines } = world;
  const cast = makeCast(Array.from({ length: machines }, () => ''));
  return [
    ...rounds.flatMap((faults) => misfits(faults, world)),
    ...misfitsAsked(requests.flat(), { cast, machines }),
  ];
}

function faultsIn({ seed, schedule }: Options, round: number): readonly TimedFault[] | null {
  if (schedule !== null) return schedule.rounds[round - 1] ?? null;
  return planFaults(seed, round, world);
}

function print(options: Options): number {
  const rounds: (readonly TimedFault[])[] = [];
  for (let round = 1; round <= (options.rounds ?? options.minutes); round += 1) {
    const faults = faultsIn(options, round);
    if (faults === null) break;
    rounds.push(faults);
    for (const { atMs, fault } of faults) {
      process.stderr.write(
        `round ${round}, ${(atMs / 1000).toFixed(1)} s: ${describeFault(fault)}\n`,
      );
    }
  }
  process.stdout.write(`${JSON.stringify({ seed: options.seed, rounds }, null, 1)}\n`);
  return 0;
}

function amount(option: string, text: string): number {
  const value = Number(text);
  if (text !== '' && Number.isSafeInteger(Math.ceil(value)) && value >= 0) return value;
  throw new Error(`${option} takes a number, not "${text}"`);
}

main().then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    process.stderr.write(`chaos: ${inspect(error)}\n`);
    process.exitCode = 2;
  },
);
