import { compileGlob, metadataValue, templateOf } from '@muster/core';
import type { Glob, Spread } from '@muster/core';
import type { Candidate, Host } from './eligibility.ts';
import { GlobIndex } from './glob-index.ts';
import type { Model } from './model.ts';
import type { Score } from './score.ts';

/** Units that mind who else is near them, all for the same reason. */
interface Concern {
  readonly field: 'neighbours' | 'spread';
  /** Whoever has the same value of it is near; null: who is on the same machine. */
  readonly key: string | null;
  /** How many of them are near each place; places without any are missing. */
  readonly near: Map<string, number>;
}

/** One of the globs of those who are minded. */
interface MindedGlob {
  readonly glob: Glob;
  readonly concern: Concern;
}

/**
 * Who is worse off when a unit comes to a machine: others that avoid it, or are spread with it. What
 * the unit itself makes of a machine says its score; both together is what all units make of it, and
 * a move that makes that less cannot be followed by others that make up for it for ever.
 */
export class Minders {
  readonly #index: Model['index'];
  readonly #concerns = new Map<string, Concern>();
  readonly #byTemplate = new Map<string, Concern[]>();
  readonly #byGlob = new GlobIndex<MindedGlob>();
  /** unit → what those have in common who mind it */
  readonly #minding = new Map<string, readonly Concern[]>();

  constructor({ candidates, index }: Pick<Model, 'candidates' | 'index'>) {
    this.#index = index;
    for (const unit of candidates.values()) {
      for (const host of index.whereIs(unit.name)) this.settled(unit, host);
    }
  }

  /** Whether anybody minds where the unit is. */
  isMinded({ name }: Candidate): boolean {
    return this.#mindersOf(name).length > 0;
  }

  /** By how much others are worse off if the unit, which is not there, comes to the machine. */
  cost({ name }: Candidate, host: Host): Pick<Score, 'neighbours' | 'spread'> {
    const cost = { neighbours: 0, spread: 0 };
    for (const { field, key, near } of this.#mindersOf(name)) {
      const place = placeOf(host, key);
      if (place !== undefined) cost[field] += near.get(place) ?? 0;
    }
    return cost;
  }

  /** No machine costs less than this. */
  leastCost({ name }: Candidate): Pick<Score, 'neighbours' | 'spread'> {
    const cost = { neighbours: 0, spread: 0 };
    for (const { field, key, near } of this.#mindersOf(name)) {
      // Of single machines there are too many to look at each.
      const places = key === null ? [] : this.#index.valuesOf(key);
      let least = Infinity;
      for (const place of places) least = Math.min(least, near.get(place) ?? 0);
      if (least !== Infinity) cost[field] += least;
    }
    return cost;
  }

  settled(unit: Candidate, host: Host): void {
    this.#count(unit, host, 1);
  }

  vacated(unit: Candidate, host: Host): void {
    this.#count(unit, host, -1);
  }

  #count({ name, requirements }: Candidate, host: Host, by: 1 | -1): void {
    if (requirements.preferences === null) return;
    const { avoidUnits, spread } = requirements.preferences;
    if (avoidUnits.length > 0) {
      countAt(this.#concernOf({ field: 'neighbours', key: null, of: avoidUnits }), host, by);
    }
    const of = spread && spreadWith(name, spread);
    if (spread === null || of === null) return;
    countAt(this.#concernOf({ field: 'spread', key: spread.key, of }), host, by);
  }

  /** @param asked - `of`: globs, or a template */
  #concernOf(
    asked: Pick<Concern, 'field' | 'key'> & { readonly of: readonly string[] | string },
  ): Concern {
    const id = JSON.stringify(asked);
    const known = this.#concerns.get(id);
    if (known !== undefined) return known;
    const { field, key, of } = asked;
    const concern: Concern = { field, key, near: new Map() };
    this.#concerns.set(id, concern);
    // Others mind from now on.
    this.#minding.clear();
    if (typeof of === 'string') {
      this.#byTemplate.set(of, [...(this.#byTemplate.get(of) ?? []), concern]);
    } else for (const word of of) this.#byGlob.add({ glob: compileGlob(word), concern });
    return concern;
  }

  #mindersOf(name: string): readonly Concern[] {
    const known = this.#minding.get(name);
    if (known !== undefined) return known;
    const template = templateOf(name);
    const found = [
      ...(template === null ? [] : (this.#byTemplate.get(template) ?? [])),
      // Who matches several globs of one list counts once.
      ...new Set(this.#byGlob.matching(name).map(({ concern }) => concern)),
    ];
    this.#minding.set(name, found);
    return found;
  }
}

/** null: nobody counts for it. */
function spreadWith(name: string, { units }: Spread): readonly string[] | string | null {
  return units.length > 0 ? units : templateOf(name);
}

/** undefined: nobody is near there. */
function placeOf(host: Host, key: string | null): string | undefined {
  return key === null ? host.id : metadataValue(host.metadata, key);
}

function countAt({ key, near }: Concern, host: Host, by: 1 | -1): void {
  const place = placeOf(host, key);
  if (place !== undefined) near.set(place, (near.get(place) ?? 0) + by);
}
