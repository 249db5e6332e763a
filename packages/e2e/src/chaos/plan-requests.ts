import type { Action, Wish } from './evidence.ts';
import type { Random } from '../sim/random.ts';
import { randomFor, whole } from './draw.ts';
import { movingKey, movingValue } from './units.ts';
import type { CastUnit } from './units.ts';

/** A request to be made; `atMs`: after the round began. */
export interface TimedWish {
  readonly atMs: number;
  readonly wish: Wish;
  readonly by: 'api' | 'musterctl';
  /** Machine whose musterd is asked. */
  readonly via: number;
}

/** What clients of one round do: each list is one client, which asks one thing after the other. */
export type Clients = readonly (readonly TimedWish[])[];

/** Pure: the same seed and round, the same requests. */
export function planRequests(
  seed: number,
  round: number,
  { cast, machines, lengthMs }: { cast: readonly CastUnit[]; machines: number; lengthMs: number },
): Clients {
  const perUnit = cast.flatMap((unit) => {
    const random = randomFor(seed, 'requests', round, unit.name);
    if (unit.asked === 'nothing' || random.chance(0.4)) return [];
    // Two who ask for the same at once must not get in each other's way.
    const clients = random.chance(0.2) ? 2 : 1;
    return Array.from({ length: clients }, () => wishesOf(random, unit, { machines, lengthMs }));
  });
  return [...perUnit, repainting(randomFor(seed, 'metadata', round), { machines, lengthMs })];
}

/** One line for each request that is about something that a run does not have. */
export function misfitsAsked(
  wishes: readonly TimedWish[],
  { cast, machines }: { cast: readonly CastUnit[]; machines: number },
): readonly string[] {
  return wishes.flatMap(({ wish, via }) => {
    const asked = wish.action === 'metadata' ? [via, wish.machine] : [via];
    const unknown = asked.filter((machine) => machine < 1 || machine > machines);
    const found = unknown.map((machine) => `${wish.action}: there is no machine ${machine}`);
    if (wish.action !== 'metadata' && !cast.some(({ name }) => name === wish.unit)) {
      found.push(`${wish.action}: there is no unit ${wish.unit}`);
    }
    return found;
  });
}

function wishesOf(
  random: Random,
  unit: CastUnit,
  { machines, lengthMs }: { machines: number; lengthMs: number },
): TimedWish[] {
  const times = someTimes(random, whole(random, 1, 4), lengthMs);
  return times.map((atMs, i) => {
    // The last one is mostly a start: units that run are what faults can harm.
    const isLast = i === times.length - 1 && random.chance(0.8);
    const action: Action = isLast ? 'start' : random.pick(actionsFor(unit));
    return {
      atMs,
      wish: { action, unit: unit.name },
      by: random.chance(0.15) ? 'musterctl' : 'api',
      via: whole(random, 1, machines),
    };
  });
}

function actionsFor({ asked, kind }: CastUnit): readonly Action[] {
  const verbs: readonly Action[] = ['start', 'stop', 'restart', 'load'];
  if (kind === 'once') return ['start', 'restart'];
  return asked === 'everything' ? [...verbs, 'replace', 'destroy'] : verbs;
}

/** Machine 1 keeps the colour: there is always a place, when it is on. */
function repainting(
  random: Random,
  { machines, lengthMs }: { machines: number; lengthMs: number },
): TimedWish[] {
  return someTimes(random, whole(random, 0, 2), lengthMs).map((atMs) => ({
    atMs,
    wish: {
      action: 'metadata',
      machine: whole(random, 2, machines),
      key: movingKey,
      value: random.pick([movingValue, 'red']),
    },
    by: 'api',
    via: whole(random, 1, machines),
  }));
}

function someTimes(random: Random, count: number, lengthMs: number): number[] {
  return Array.from({ length: count }, () => whole(random, 0, lengthMs)).toSorted((a, b) => a - b);
}
