import { parseArgs } from 'node:util';
import { availableParallelism } from 'node:os';
import { faultKinds } from './plan.ts';
import type { FaultKind } from './plan.ts';

export interface Arguments {
  readonly first: number;
  readonly seeds: number;
  /** Of virtual time with faults, for each seed. */
  readonly minutes: number;
  /** Faults that are left out. */
  readonly without: ReadonlySet<FaultKind>;
  /** Print everything that happens. */
  readonly trace: boolean;
  /** Look for fewer faults that do the same to a seed that fails. */
  readonly shrink: boolean;
  /** Processes. */
  readonly jobs: number;
}

export const usage = `npm run sim -- [--seeds N] [--first S] [--minutes M] [--faults KIND,… | --without KIND,…]
            [--shrink] [--trace] [--jobs J]

Runs whole clusters in one process on virtual time, one for each seed, and checks at every step what
must hold. The same seed does the same again. Kinds of faults:
  ${Object.keys(faultKinds).join('\n  ')}`;

/** @throws {Error} one sentence that says what is wrong with them */
export function readArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '100' },
      first: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '20' },
      faults: { type: 'string' },
      without: { type: 'string' },
      trace: { type: 'boolean', default: false },
      shrink: { type: 'boolean', default: false },
      jobs: { type: 'string', default: String(availableParallelism()) },
    },
  });
  const seeds = count('--seeds', values.seeds);
  const only = values.faults === undefined ? null : kinds('--faults', values.faults);
  const left = kinds('--without', values.without ?? '');
  const all = Object.keys(faultKinds) as FaultKind[];
  const without = all.filter((kind) => left.has(kind) || only?.has(kind) === false);
  return {
    seeds,
    first: count('--first', values.first),
    minutes: count('--minutes', values.minutes),
    without: new Set(without),
    trace: values.trace,
    shrink: values.shrink,
    jobs: Math.min(seeds, count('--jobs', values.jobs)),
  };
}

function count(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`${option} ${text}: it must be a whole number above 0`);
}

function kinds(option: string, text: string): Set<FaultKind> {
  const names = text.split(',').filter((name) => name !== '');
  const unknown = names.find((name) => !Object.hasOwn(faultKinds, name));
  if (unknown === undefined) return new Set(names as FaultKind[]);
  throw new Error(`${option}: there is no fault ${unknown}`);
}
