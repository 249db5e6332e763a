import { meetsMetadataTest, metadataValue, templateOf } from '@muster/core';
import type { Preferences, Spread } from '@muster/core';
import type { Candidate, Host } from './eligibility.ts';
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
  /** PreferMetadata= that it does not meet and AvoidMetadata= that it meets. */
  readonly preference: number;
  /** Units there that match AvoidUnits=. */
  readonly neighbours: number;
  /** Units of its group on machines with this one's value of Spread=; without the key: Infinity. */
  readonly spread: number;
  /** How much the machine holds; negative where the fullest is wanted. */
  readonly load: number;
}

export interface Scored {
  readonly unit: Candidate;
  /** Machines on which it has failed, the latest last. */
  readonly failedOn?: readonly string[];
  readonly footholdOn?: (host: Host) => Score['foothold'];
}

/** How to score machines for a unit, as they are when each is asked about. */
export function scorerFor(
  { tallies, snapshot }: Pick<Model, 'tallies' | 'snapshot'>,
  { unit, failedOn = [], footholdOn = () => 2 }: Scored,
): (host: Host) => Score {
  const { preferences } = unit.requirements;
  const sign = isPacked(snapshot) ? -1 : 1;
  const spreadOn = spreadScorer(unit, preferences?.spread ?? null, tallies);
  const avoided = avoidedUnits(preferences, tallies);
  return (host) => ({
    host,
    failedOn: failedOn.indexOf(host.id),
    foothold: footholdOn(host),
    preference: preferences === null ? 0 : unmet(preferences, host),
    neighbours: avoided === null ? 0 : avoided.on(host),
    spread: spreadOn === null ? 0 : spreadOn(host),
    load: sign * host.residents.size,
  });
}

/** Negative: `a` is better. */
export function compareScores(a: Score, b: Score): number {
  return (
    a.failedOn - b.failedOn ||
    a.foothold - b.foothold ||
    a.preference - b.preference ||
    a.neighbours - b.neighbours ||
    // Two that are infinite differ by NaN, which decides nothing.
    a.spread - b.spread ||
    a.load - b.load ||
    (a.host.id < b.host.id ? -1 : 1)
  );
}

/** The best of these machines; null: there are none. */
export function bestOf(hosts: Iterable<Host>, score: (host: Host) => Score): Host | null {
  let best: Score | null = null;
  for (const host of hosts) {
    const other = score(host);
    if (best === null || compareScores(other, best) < 0) best = other;
  }
  return best?.host ?? null;
}

/** For people: by what a machine was chosen. */
export function whyBest(
  { snapshot }: Pick<Model, 'snapshot'>,
  { requirements }: Candidate,
): string {
  const byLoad = isPacked(snapshot) ? 'fullest' : 'least loaded';
  return requirements.preferences === null ? byLoad : `by its preferences, then ${byLoad}`;
}

function isPacked({ policy }: Model['snapshot']): boolean {
  return policy?.placement === 'pack';
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
  tallies: Model['tallies'],
): ((host: Host) => number) | null {
  if (spread === null) return null;
  const template = templateOf(name);
  if (spread.units.length === 0 && template === null) return null;
  const tally =
    spread.units.length > 0 || template === null
      ? tallies.ofPatterns(spread.units)
      : tallies.ofTemplate(template);
  const counts = tally.by(spread.key);
  return (host) => {
    const value = metadataValue(host.metadata, spread.key);
    return value === undefined ? Infinity : (counts.get(value) ?? 0);
  };
}
