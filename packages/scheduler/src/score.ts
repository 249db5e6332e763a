import { meetsMetadataTest, metadataValue, templateOf } from '@muster/core';
import type { Preferences, Spread } from '@muster/core';
import type { Candidate, Host } from './eligibility.ts';
import { describeLoad, loadOf } from './load.ts';
import type { Model } from './model.ts';
import type { Tally } from './tallies.ts';

/**
 * How good a machine that can take a unit is for it. Smaller is better, field by field, and of
 * equals the first by id. The one place where such machines are compared.
 */
export interface Score {
  readonly host: Host;
  /** -1: it has not failed there; else when it did among its failures, 0 the earliest. */
  readonly failedOn: number;
  /** 0: a copy of it runs there; 1: others make room for it there; 2: neither. */
  readonly foothold: number;
  /** Units there that follow it, negative: elsewhere it would leave them behind. */
  readonly followers: number;
  /** PreferMetadata= that it does not meet and AvoidMetadata= that it meets. */
  readonly preference: number;
  /** Units there that match AvoidUnits=. */
  readonly neighbours: number;
  /** Units of its group on machines with this one's value of Spread=; without the key: Infinity. */
  readonly spread: number;
  /** How full the machine is (see `loadOf`); negative where the fullest is wanted. */
  readonly load: number;
}

export interface Scored {
  readonly unit: Candidate;
  /** Machines on which it has failed, the latest last. */
  readonly failedOn?: readonly string[];
  readonly footholdOn?: (host: Host) => Score['foothold'];
  /** The least that `footholdOn` may answer. */
  readonly leastFoothold?: Score['foothold'];
}

export interface Scorer {
  /** As the machine is when it is asked about. */
  readonly of: (host: Host) => Score;
  /** No machine is better than this but for its load and id, as long as nothing is placed. */
  readonly least: Omit<Score, 'host' | 'load'>;
}

/** How to score machines for a unit. */
export function scorerFor(
  model: Pick<Model, 'tallies' | 'index' | 'hosts' | 'snapshot' | 'peers'>,
  { unit, failedOn = [], footholdOn = () => 2, leastFoothold = 2 }: Scored,
): Scorer {
  const { tallies, index, hosts, snapshot } = model;
  const { preferences } = unit.requirements;
  const followers = followersOf(unit, model);
  const load = loadScorer(snapshot);
  const spread = spreadScorer(unit, preferences?.spread ?? null, { tallies, index });
  const avoided = avoidedUnits(preferences, tallies);
  return {
    of: (host) => ({
      host,
      failedOn: failedOn.indexOf(host.id),
      foothold: footholdOn(host),
      followers: followers === null ? 0 : -(followers.get(host) ?? 0),
      preference: preferences === null ? 0 : unmet(preferences, host),
      neighbours: avoided === null ? 0 : avoided.on(host),
      spread: spread === null ? 0 : spread.on(host),
      load: load(host),
    }),
    least: {
      failedOn: -1,
      foothold: leastFoothold,
      followers: followers === null ? 0 : -Math.max(...followers.values()),
      preference: preferences === null ? 0 : leastUnmet(preferences, index),
      neighbours: avoided === null ? 0 : avoided.least(hosts.size),
      spread: spread === null ? 0 : spread.least(),
    },
  };
}

/** How `Score.load` is told; the index keeps machines in this order. */
export function loadScorer(snapshot: Model['snapshot']): (host: Host) => number {
  return isPacked(snapshot) ? (host) => -loadOf(host) : loadOf;
}

/** Negative: `a` is better. */
export function compareScores(a: Score, b: Score): number {
  return compareBeforeLoad(a, b) || a.load - b.load || (a.host.id < b.host.id ? -1 : 1);
}

/** The same without regard to load and id. */
export function compareBeforeLoad(a: Scorer['least'], b: Scorer['least']): number {
  return (
    a.failedOn - b.failedOn ||
    a.foothold - b.foothold ||
    a.followers - b.followers ||
    a.preference - b.preference ||
    a.neighbours - b.neighbours ||
    // Two that are infinite differ by NaN, which decides nothing.
    a.spread - b.spread ||
    0
  );
}

/**
 * The best of these machines; null: there are none that take it.
 * @param hosts - in the order of their load in each of these; those with a better foothold come first
 * @param takes - is asked of machines that would be the best so far
 */
export function bestOf(
  hosts: readonly Iterable<Host>[],
  { of, least }: Scorer,
  takes: (host: Host) => boolean,
): Host | null {
  let best: Score | null = null;
  for (const some of hosts) {
    for (const host of some) {
      const score = of(host);
      if (best !== null && compareScores(score, best) >= 0) continue;
      if (!takes(host)) continue;
      if (compareBeforeLoad(score, least) <= 0) return host;
      best = score;
    }
  }
  return best?.host ?? null;
}

/** How many units that follow this one each machine has; null: none. */
function followersOf(
  { name }: Candidate,
  { peers, index }: Pick<Model, 'peers' | 'index'>,
): Map<Host, number> | null {
  const counts = new Map<Host, number>();
  for (const follower of peers.followers.get(name) ?? []) {
    for (const host of index.whereIs(follower)) counts.set(host, (counts.get(host) ?? 0) + 1);
  }
  return counts.size === 0 ? null : counts;
}

/** For people: by what a machine was chosen, as it was before. */
export function whyBest(
  model: Pick<Model, 'snapshot' | 'peers' | 'index'>,
  unit: Candidate,
  host: Host,
): string {
  const load = describeLoad(host);
  const byLoad = `${isPacked(model.snapshot) ? 'fullest' : 'least loaded'}${load === null ? '' : ` (${load})`}`;
  const by = [
    ...(followersOf(unit, model)?.has(host) === true ? ['beside what follows it'] : []),
    ...(unit.requirements.preferences === null ? [] : ['by its preferences']),
  ];
  return [...by, byLoad].join(', then ');
}

export function isPacked({ policy }: Model['snapshot']): boolean {
  return policy?.placement === 'pack';
}

function leastUnmet(preferences: Preferences, index: Model['index']): number {
  const { prefer, avoid } = preferences;
  if (prefer.length + avoid.length === 0) return 0;
  return index.least(JSON.stringify([prefer, avoid]), (host) => unmet(preferences, host));
}

function unmet({ prefer, avoid }: Preferences, { metadata }: Host): number {
  let count = 0;
  for (const test of prefer) if (!meetsMetadataTest(test, metadata)) count += 1;
  for (const test of avoid) if (meetsMetadataTest(test, metadata)) count += 1;
  return count;
}

function avoidedUnits(preferences: Preferences | null, tallies: Model['tallies']): Tally | null {
  if (preferences === null || preferences.avoidUnits.length === 0) return null;
  return tallies.ofPatterns(preferences.avoidUnits);
}

/** null: it is not spread, or there is nothing to spread it with. */
function spreadScorer(
  { name }: Candidate,
  spread: Spread | null,
  { tallies, index }: Pick<Model, 'tallies' | 'index'>,
): { readonly on: (host: Host) => number; readonly least: () => number } | null {
  if (spread === null) return null;
  const template = templateOf(name);
  if (spread.units.length === 0 && template === null) return null;
  const tally =
    spread.units.length > 0 || template === null
      ? tallies.ofPatterns(spread.units)
      : tallies.ofTemplate(template);
  const counts = tally.by(spread.key);
  return {
    on: (host) => {
      const value = metadataValue(host.metadata, spread.key);
      return value === undefined ? Infinity : (counts.get(value) ?? 0);
    },
    least: () => {
      let least = Infinity;
      for (const value of index.valuesOf(spread.key)) {
        least = Math.min(least, counts.get(value) ?? 0);
      }
      return least;
    },
  };
}
