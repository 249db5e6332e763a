import { meetsMetadataTest, metadataValue, templateOf } from '@muster/core';
import type { Preferences, Spread } from '@muster/core';
import type { Candidate, Host } from './eligibility.ts';
import { describeLoad, loadOf } from './load.ts';
import type { Model } from './model.ts';

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
  /** Whether `of` would be better; most machines are not, and are told apart by one number. */
  readonly isBetter: (host: Host, than: Score) => boolean;
  /** No machine is better than this but for its load and id, as long as nothing is placed. */
  readonly least: Omit<Score, 'host' | 'load'>;
}

/** What may differ from machine to machine for a unit, in the order of `Score`. */
interface Term {
  readonly name: keyof Scorer['least'];
  readonly on: (host: Host) => number;
  readonly least: () => number;
}

/** How to score machines for a unit. */
export function scorerFor(
  model: Pick<Model, 'tallies' | 'index' | 'hosts' | 'snapshot' | 'peers'>,
  unit: Scored,
): Scorer {
  const terms = termsFor(model, unit);
  const load = loadScorer(model.snapshot);
  const alike: Scorer['least'] = {
    failedOn: -1,
    foothold: 2,
    followers: 0,
    preference: 0,
    neighbours: 0,
    spread: 0,
  };
  const numbers = (of: (term: Term) => number): Scorer['least'] => {
    const found: Record<Term['name'], number> = { ...alike };
    for (const term of terms) found[term.name] = of(term);
    return found;
  };
  return {
    of: (host) => ({ ...numbers(({ on }) => on(host)), host, load: load(host) }),
    isBetter: (host, than) => {
      for (const { name, on } of terms) {
        const value = on(host);
        if (value !== than[name]) return value < than[name];
      }
      return compareLoad({ host, load: load(host) }, than) < 0;
    },
    least: numbers(({ least }) => least()),
  };
}

function termsFor(
  model: Pick<Model, 'tallies' | 'index' | 'hosts' | 'snapshot' | 'peers'>,
  { unit, failedOn = [], footholdOn, leastFoothold = 2 }: Scored,
): Term[] {
  const { tallies, index, hosts } = model;
  const { preferences } = unit.requirements;
  const terms: Term[] = [];
  if (failedOn.length > 0) {
    terms.push({ name: 'failedOn', on: ({ id }) => failedOn.indexOf(id), least: () => -1 });
  }
  if (footholdOn !== undefined) {
    terms.push({ name: 'foothold', on: footholdOn, least: () => leastFoothold });
  }
  const followers = followersOf(unit, model);
  if (followers !== null) {
    const on = (host: Host): number => -(followers.get(host) ?? 0);
    terms.push({ name: 'followers', on, least: () => -Math.max(...followers.values()) });
  }
  if (preferences === null) return terms;
  const { prefer, avoid, spread } = preferences;
  if (prefer.length + avoid.length > 0) {
    const on = (host: Host): number => unmet(preferences, host);
    const least = (): number => index.least(JSON.stringify([prefer, avoid]), on);
    terms.push({ name: 'preference', on, least });
  }
  if (preferences.avoidUnits.length > 0) {
    const avoided = tallies.ofPatterns(preferences.avoidUnits);
    const on = (host: Host): number => avoided.on(host);
    terms.push({ name: 'neighbours', on, least: () => avoided.least(hosts.size) });
  }
  if (spread !== null) {
    const spreads = spreadScorer(unit, spread, { tallies, index });
    if (spreads !== null) terms.push({ name: 'spread', ...spreads });
  }
  return terms;
}

/** How `Score.load` is told; the index keeps machines in this order. */
export function loadScorer(snapshot: Model['snapshot']): (host: Host) => number {
  return isPacked(snapshot) ? (host) => -loadOf(host) : loadOf;
}

/** Negative: `a` is better. */
export function compareScores(a: Score, b: Score): number {
  return compareBeforeLoad(a, b) || compareLoad(a, b);
}

function compareLoad(a: Pick<Score, 'host' | 'load'>, b: Pick<Score, 'host' | 'load'>): number {
  return a.load - b.load || (a.host.id < b.host.id ? -1 : 1);
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
  { of, isBetter, least }: Scorer,
  takes: (host: Host) => boolean,
): Host | null {
  let best: Score | null = null;
  for (const some of hosts) {
    for (const host of some) {
      if (best !== null && !isBetter(host, best)) continue;
      if (!takes(host)) continue;
      const score = of(host);
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

function unmet({ prefer, avoid }: Preferences, { metadata }: Host): number {
  let count = 0;
  for (const test of prefer) if (!meetsMetadataTest(test, metadata)) count += 1;
  for (const test of avoid) if (meetsMetadataTest(test, metadata)) count += 1;
  return count;
}

/** null: there is nothing to spread it with. */
function spreadScorer(
  { name }: Candidate,
  spread: Spread,
  { tallies, index }: Pick<Model, 'tallies' | 'index'>,
): Pick<Term, 'on' | 'least'> | null {
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
