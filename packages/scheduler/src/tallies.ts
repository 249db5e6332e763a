import { compileGlob, metadataValue, templateOf } from '@muster/core';
import type { Glob } from '@muster/core';
import type { Candidate, Host } from './eligibility.ts';
import { GlobIndex, startOf } from './glob-index.ts';
import type { HostIndex } from './host-index.ts';

/** How many units of a group machines hold. */
export class Tally {
  readonly #byHost = new Map<Host, number>();
  /** How many machines hold so many. */
  readonly #machines = new Map<number, number>();
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

  /** The least that any of so many machines has. */
  least(machines: number): number {
    if (this.#byHost.size < machines) return 0;
    let least = Infinity;
    for (const units of this.#machines.keys()) least = Math.min(least, units);
    return least;
  }

  change(host: Host, by: number): void {
    const before = this.on(host);
    if (before > 0) change(this.#machines, before, -1);
    if (before + by > 0) change(this.#machines, before + by, 1);
    change(this.#byHost, host, by);
    for (const [key, counts] of this.#byKey) {
      const value = metadataValue(host.metadata, key);
      if (value !== undefined) change(counts, value, by);
    }
  }
}

/** One of the globs of a tally. */
interface TallyGlob {
  readonly glob: Glob;
  readonly tally: Tally;
}

/** Of the units that match some patterns. */
interface PatternTally {
  readonly tally: Tally;
  readonly globs: readonly TallyGlob[];
}

/** Groups by pattern that are remembered, those that were asked for last; others are counted again. */
const mostPatterns = 4096;

/**
 * How many units of each group every machine holds. A group is counted when it is asked for first,
 * and kept up by `settle` and `vacate` from then on; nothing is done for what nobody asks.
 */
export class Tallies {
  readonly #hosts: ReadonlyMap<string, Host>;
  readonly #held: Pick<HostIndex, 'namesWith' | 'whereIs'>;
  /** By template; null: nobody has asked yet. */
  #templates: Map<string, Tally> | null = null;
  /** Those that were asked for last come last. */
  readonly #patterns = new Map<string, PatternTally>();
  readonly #index = new GlobIndex<TallyGlob>();

  /**
   * @param hosts - all there are, with what they hold; those that come later hold nothing yet
   * @param held - what they hold
   */
  constructor(hosts: ReadonlyMap<string, Host>, held: Pick<HostIndex, 'namesWith' | 'whereIs'>) {
    this.#hosts = hosts;
    this.#held = held;
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
    const found = known ?? this.#count(patterns);
    if (known === undefined && this.#patterns.size >= mostPatterns) this.#forgetOldest();
    this.#patterns.delete(key);
    this.#patterns.set(key, found);
    return found.tally;
  }

  #count(patterns: readonly string[]): PatternTally {
    const tally = new Tally();
    const globs = patterns.map((pattern) => ({ glob: compileGlob(pattern), tally }));
    const names = new Set<string>();
    for (const item of globs) {
      this.#index.add(item);
      for (const name of this.#held.namesWith(startOf(item.glob))) {
        if (item.glob.matches(name)) names.add(name);
      }
    }
    for (const name of names) for (const host of this.#held.whereIs(name)) tally.change(host, 1);
    return { tally, globs };
  }

  #forgetOldest(): void {
    for (const [key, { globs }] of this.#patterns) {
      this.#patterns.delete(key);
      for (const item of globs) this.#index.delete(item);
      return;
    }
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
    const found = this.#index.matching(unit.name);
    // Who matches several globs of one tally counts once.
    for (const tally of new Set(found.map((each) => each.tally))) tally.change(host, by);
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
