import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** What is measured, in this order. Named as benchmarks of other schedulers name theirs. */
const caseNames = [
  'pure',
  'basic',
  'latency',
  'list',
  'rest',
  'conflicts',
  'affinity',
  'global',
  'churn',
  'unschedulable',
  'failing',
  'failover',
] as const;

type CaseName = (typeof caseNames)[number];

export interface Arguments {
  readonly only: ReadonlySet<CaseName>;
  /** Simulated machines at the largest size. */
  readonly machines: number;
  /** Units at the largest size. */
  readonly units: number;
  /** Processes that the machines are simulated in. */
  readonly processes: number;
  /** What a start takes the simulated systemd, on average. */
  readonly startMs: number;
  /** Of the leases of machines. */
  readonly ttlSeconds: number;
  /** Fewer samples and one small size: figures for a first look, which are not kept. */
  readonly isQuick: boolean;
  /** All cases, at the sizes that targets are set for: the figures are kept. */
  readonly isComplete: boolean;
  /** A directory for profiles of leader and machines; null: none are made. */
  readonly profileIn: string | null;
}

const unitsPerMachine = 20;

export const usage = `npm run bench:scale -- [--only CASE,…] [--machines N] [--units N] [--quick]
                    [--processes N] [--start-ms N] [--ttl SECONDS] [--profile DIRECTORY]

Simulated machines over a real registry, a real etcd and a real musterd that leads. Default: 1000
machines and 20 units for each, after a tenth and a hundredth of both. Cases:
  ${caseNames.join('\n  ')}`;

/** @throws {Error} one sentence that says what is wrong with them */
export function readArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      machines: { type: 'string' },
      units: { type: 'string' },
      processes: { type: 'string', default: '2' },
      'start-ms': { type: 'string', default: '100' },
      ttl: { type: 'string', default: '8' },
      quick: { type: 'boolean', default: false },
      profile: { type: 'string' },
    },
  });
  const isQuick = values.quick;
  const machines = count('--machines', values.machines ?? (isQuick ? '20' : '1000'));
  return {
    only: cases(values.only),
    machines,
    units: count('--units', values.units ?? String(unitsPerMachine * machines)),
    processes: Math.min(machines, count('--processes', values.processes)),
    startMs: count('--start-ms', values['start-ms']),
    ttlSeconds: count('--ttl', values.ttl),
    isQuick,
    isComplete: !isQuick && values.only.length === 0 && values.machines === undefined,
    profileIn: values.profile === undefined ? null : resolve(values.profile),
  };
}

function count(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`${option} ${text}: it must be a whole number above 0`);
}

function cases(texts: readonly string[]): ReadonlySet<CaseName> {
  if (texts.length === 0) return new Set(caseNames);
  return new Set(
    texts
      .flatMap((text) => text.split(','))
      .map((name) => {
        const found = caseNames.find((known) => known === name);
        if (found === undefined) {
          throw new Error(
            `--only ${name}: there is no such case; there are ${caseNames.join(', ')}`,
          );
        }
        return found;
      }),
  );
}
