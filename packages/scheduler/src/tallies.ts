import { compileGlob, metadataValue, templateOf } from '@muster/core';
import type { Candidate, Host } from './eligibility.ts';

/** How many units of a group machines hold. */
export class Tally {
  readonly #byHost = new Map<Host, number>();
  /** key → value → units on machines with it; of keys that were asked for */
  readonly #byKey = new Map<string, Map<string, number>>();

  get isEmpty(): boolean {
    return this.#byHost.size === 0;
  }

  on(host: Host): number {
    return this.#byHost.get(host) ?? 0;
  }

  /** By value of a metadata key; a value that is missing has none. */
  by(key: string): ReadonlyMap<string, number> {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const counts = new Map<string, number>();
    for (const [host, units] of this.#byHost) {
      const value = metadataValue(host.metadata, key);
      if (value !== undefined) change(counts, value, units);
    }
    this.#byKey.set(key, counts);
    return counts;
  }

  /** Counts by key are made anew when they are asked for. */
  forgetKeys(): void {
    this.#byKey.clear();
  }

  change(host: Host, by: number): void {
    change(this.#byHost, host, by);
    for (const [key, counts] of this.#byKey) {
      const value = metadataValue(host.metadata, key);
      if (value !== undefined) change(counts, value, by);
    }
  }
}

interface PatternTally {
  readonly tally: Tally;
  readonly matches: (name: string) => boolean;
}

/** Groups by pattern that are remembered; what is asked for again is counted again. */
const mostPatterns = 4096;

/**
 * How many units of each group every machine holds. A group is counted when it is asked for first,
 * and kept up by `settle` and `vacate` from then on; nothing is done for what nobody asks.
 */
export class Tallies {
  readonly #hosts: ReadonlyMap<string, Host>;
  /** By template; null: nobody has asked yet. */
  #templates: Map<string, Tally> | null = null;
  readonly #patterns = new Map<string, PatternTally>();
  /** Which of `#patterns` a unit is in. */
  #memberships = new WeakMap<Candidate, readonly Tally[]>();

  /** @param hosts - all there are, with what they hold; those that come later hold nothing yet */
  constructor(hosts: ReadonlyMap<string, Host>) {
    this.#hosts = hosts;
  }

  /** Of the instances of a template. While there are none the answer stays empty: ask again then. */
  ofTemplate(template: string): Tally {
    if (this.#templates === null) {
      const templates = new Map<string, Tally>();
      this.#templates = templates;
      this.#forEach((host, unit) => countInstance(templates, { host, unit, by: 1 }));
    }
    return this.#templates.get(template) ?? new Tally();
  }

  /** Of the units that match one of these globs. */
  ofPatterns(patterns: readonly string[]): Tally {
    const key = patterns.join(' ');
    const known = this.#patterns.get(key);
    if (known !== undefined) return known.tally;
    if (this.#patterns.size >= mostPatterns) this.#patterns.clear();
    const globs = patterns.map(compileGlob);
    const matches = (name: string): boolean => globs.some((glob) => glob.matches(name));
    const tally = new Tally();
    this.#forEach((host, { name }) => {
      if (matches(name)) tally.change(host, 1);
    });
    this.#patterns.set(key, { tally, matches });
    this.#memberships = new WeakMap();
    return tally;
  }

  /** What machines have of keys may be another now. */
  metadataChanged(): void {
    for (const tally of this.#templates?.values() ?? []) tally.forgetKeys();
    for (const { tally } of this.#patterns.values()) tally.forgetKeys();
  }

  settled(host: Host, unit: Candidate): void {
    this.#change(host, unit, 1);
  }

  vacated(host: Host, unit: Candidate): void {
    this.#change(host, unit, -1);
  }

  #change(host: Host, unit: Candidate, by: 1 | -1): void {
    if (this.#templates !== null) countInstance(this.#templates, { host, unit, by });
    if (this.#patterns.size === 0) return;
    for (const tally of this.#talliesOf(unit)) tally.change(host, by);
  }

  #talliesOf(unit: Candidate): readonly Tally[] {
    const known = this.#memberships.get(unit);
    if (known !== undefined) return known;
    const found = [...this.#patterns.values()]
      .filter(({ matches }) => matches(unit.name))
      .map(({ tally }) => tally);
    this.#memberships.set(unit, found);
    return found;
  }

  #forEach(visit: (host: Host, unit: Candidate) => void): void {
    for (const host of this.#hosts.values()) {
      for (const unit of host.residents.values()) visit(host, unit);
    }
  }
}

function countInstance(
  templates: Map<string, Tally>,
  { host, unit, by }: { host: Host; unit: Candidate; by: 1 | -1 },
): void {
  const template = templateOf(unit.name);
  if (template === null) return;
  const known = templates.get(template) ?? new Tally();
  known.change(host, by);
  if (known.isEmpty) templates.delete(template);
  else templates.set(template, known);
}

function change<T>(counts: Map<T, number>, of: T, by: number): void {
  const now = (counts.get(of) ?? 0) + by;
  if (now === 0) counts.delete(of);
  else counts.set(of, now);
}
