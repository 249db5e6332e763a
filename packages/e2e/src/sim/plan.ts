import type { DesiredState } from '@muster/core';
import type { Random } from './random.ts';
import type { Repertoire } from './specs.ts';

/** Faults, with how often each is drawn in a run that has them all. */
export const faultKinds = {
  crash: 10,
  'crash-leader': 4,
  upgrade: 3,
  'power-cut': 6,
  stall: 6,
  'stall-leader': 4,
  cut: 8,
  'cut-requests': 4,
  'cut-answers': 4,
  'cut-leader': 4,
  noise: 8,
  'lost-events': 2,
  'broken-watches': 4,
  'hung-watches': 4,
  'store-away': 4,
  'store-refuses': 3,
  'store-leader-change': 4,
  compaction: 4,
  'bus-away': 5,
  'bus-noise': 5,
  'slow-units': 4,
  'unit-ends': 6,
  'held-write': 6,
  'held-state': 4,
} as const;
export type FaultKind = keyof typeof faultKinds;

export interface Fault {
  readonly kind: FaultKind;
  /** Virtual ms since the run began. */
  readonly at: number;
  /** How long it lasts. */
  readonly ms: number;
  /** Index of the machine it is about. */
  readonly machine: number;
  /** What is drawn while it is carried out follows from it. */
  readonly seed: number;
}

/** What a client asks for. */
export interface Operation {
  readonly type: 'set' | 'restart' | 'destroy' | 'renew' | 'metadata';
  readonly at: number;
  readonly unit: string;
  readonly desiredState: DesiredState;
  /** Index of the content among the unit's. */
  readonly version: number;
  /** Index of the machine that is asked, and of the one whose metadata is set. */
  readonly via: number;
}

/** A stretch of trouble, after which everything is well again and has to come to rest. */
export interface Round {
  readonly ms: number;
  readonly faults: readonly Fault[];
  readonly operations: readonly Operation[];
}

export interface PlanOptions {
  readonly machines: number;
  readonly minutes: number;
  readonly repertoire: Repertoire;
  /** Faults that are left out. */
  readonly without: ReadonlySet<FaultKind>;
}

const firstMs = 15_000;

/** Everything that is going to happen from outside, in rounds. */
export function drawRounds(random: Random, options: PlanOptions): Round[] {
  const rounds: Round[] = [];
  for (let left = options.minutes * 60_000; left > 0;) {
    const ms = Math.min(left, random.spread(60_000, 600_000));
    rounds.push(drawRound(random, ms, { ...options, isFirst: rounds.length === 0 }));
    left -= ms;
  }
  return rounds;
}

function drawRound(
  random: Random,
  ms: number,
  { machines, repertoire, without, isFirst }: PlanOptions & { isFirst: boolean },
): Round {
  const weights = favoured(random);
  const faultEveryMs = random.spread(8_000, 120_000);
  const faults = times(random, faultEveryMs, ms).map((at): Fault => {
    const kind = random.weighted<FaultKind>(weights);
    return {
      kind,
      at,
      ms: durationOf(kind, random),
      machine: random.below(machines),
      seed: random.below(0x1_0000_0000),
    };
  });
  const operations = times(random, random.spread(5_000, 90_000), ms).map((at) =>
    drawOperation(random, at, { machines, repertoire }),
  );
  return {
    ms,
    faults: faults.filter(({ kind }) => !without.has(kind)),
    operations: isFirst
      ? [...firstOperations(random, repertoire, machines), ...operations]
      : operations,
  };
}

function durationOf(kind: FaultKind, random: Random): number {
  // It takes a while until there is a write to hold, and another until it may arrive.
  if (kind.startsWith('held-')) return random.spread(10_000, 300_000);
  return random.chance(0.1) ? random.spread(60_000, 900_000) : random.spread(100, 60_000);
}

/** Some kinds of faults more than others: what happens together is found more often so. */
function favoured(random: Random): Record<FaultKind, number> {
  const weights = { ...faultKinds } as Record<FaultKind, number>;
  for (const kind of Object.keys(weights) as FaultKind[]) {
    weights[kind] *= random.chance(0.3) ? 5 : random.chance(0.4) ? 0 : 1;
  }
  weights.crash += 0.1;
  return weights;
}

function times(random: Random, everyMs: number, endMs: number): number[] {
  const found: number[] = [];
  const gap = (): number => -Math.log(1 - random.next()) * everyMs;
  for (let at = firstMs + gap(); at < endMs; at += gap()) found.push(at);
  return found;
}

function firstOperations(random: Random, { specs }: Repertoire, machines: number): Operation[] {
  return [...specs.keys()].map((unit) => ({
    type: 'set',
    at: random.between(4_000, firstMs),
    unit,
    desiredState: 'launched',
    version: 0,
    via: random.below(machines),
  }));
}

function drawOperation(
  random: Random,
  at: number,
  { machines, repertoire }: Pick<PlanOptions, 'machines' | 'repertoire'>,
): Operation {
  const units = [...repertoire.specs.keys()];
  const type = random.weighted({ set: 6, restart: 2, destroy: 2, renew: 1, metadata: 1 });
  return {
    type,
    at,
    unit: random.pick(units),
    desiredState: random.weighted<DesiredState>({ launched: 8, loaded: 1, inactive: 1 }),
    version: random.below(3),
    via: random.below(machines),
  };
}
