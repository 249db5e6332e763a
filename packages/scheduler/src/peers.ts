import { compileGlob, parseUnitName, readPeer } from '@muster/core';
import type { Glob } from '@muster/core';
import type { Candidate } from './eligibility.ts';
import { GlobIndex } from './glob-index.ts';
import { SetsByKey } from './sets-by-key.ts';
import { circlesOf } from './strongly-connected.ts';

type Circles = ReadonlyMap<string, readonly string[]>;

interface Pattern {
  readonly glob: Glob;
  /** Units that have it. */
  readonly users: Set<string>;
  /** Units that match and are to run. */
  readonly matches: Set<string>;
}

/**
 * Who follows whom by MachineOf. A pattern stands for all units that match it and are to run, but
 * for the one that has it.
 */
export class Peers {
  readonly #candidates: ReadonlyMap<string, Candidate>;
  readonly #wanted = new Set<string>();
  readonly #patterns = new Map<string, Pattern>();
  readonly #index = new GlobIndex<Pattern>();
  /** Patterns that nobody was matched with yet. */
  #fresh = new GlobIndex<Pattern>();
  #hasFresh = false;
  /** Whose peers may be others than in `#peers`. */
  readonly #stale = new Set<string>();
  /** unit → those it follows, sorted; units that follow nobody are missing. */
  readonly #peers = new Map<string, readonly string[]>();
  readonly #followers = new SetsByKey();
  #circles: Circles | null = new Map();

  constructor(candidates: ReadonlyMap<string, Candidate>) {
    this.#candidates = candidates;
  }

  /** Units that have to be on the machine that this one is on. */
  of(name: string): readonly string[] {
    return this.#peers.get(name) ?? [];
  }

  /** unit → units that follow it; also of names that are no unit. */
  get followers(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#followers.sets;
  }

  /** unit → the units that it follows and that follow it, directly or through others, with itself */
  circles(): Circles {
    this.#circles ??= this.#findCircles();
    return this.#circles;
  }

  /** A pattern of a unit that stands for nobody, while it has to; null: there is none. */
  unmatched({ name, requirements }: Candidate): string | null {
    const found = requirements.machineOf.find((word) => {
      const pattern = this.#patterns.get(word);
      return pattern?.matches.size === 0 && !pattern.glob.matches(name);
    });
    return found ?? null;
  }

  /** @param before - the unit as it was; it is among the candidates as it is now, if it is */
  changed(name: string, before: Candidate | undefined): void {
    const words = this.#candidates.get(name)?.requirements.machineOf ?? [];
    const wordsBefore = before?.requirements.machineOf ?? [];
    if (words.length === 0 && wordsBefore.length === 0) return;
    for (const word of wordsBefore) {
      const pattern = this.#patterns.get(word);
      pattern?.users.delete(name);
      if (pattern?.users.size === 0) this.#forget(word, pattern);
    }
    for (const word of words) this.#patternOf(word)?.users.add(name);
    this.#stale.add(name);
  }

  /** Whether a unit is to run, which counts for patterns. */
  setWanted(name: string, isWanted: boolean): void {
    if (isWanted === this.#wanted.has(name) || parseUnitName(name).isTemplate) return;
    if (isWanted) this.#wanted.add(name);
    else this.#wanted.delete(name);
    for (const { matches, users } of this.#index.matching(name)) {
      if (isWanted) matches.add(name);
      else matches.delete(name);
      for (const user of users) this.#stale.add(user);
    }
  }

  /** To be called after changes. @returns units that follow others than before */
  refresh(): string[] {
    this.#matchFresh();
    const changed = [...this.#stale].filter((name) => this.#resolve(name));
    this.#stale.clear();
    return changed;
  }

  /** null: it is a name. */
  #patternOf(word: string): Pattern | null {
    const known = this.#patterns.get(word);
    if (known !== undefined) return known;
    if (readPeer(word).type === 'name') return null;
    const glob = compileGlob(word);
    const pattern = { glob, users: new Set<string>(), matches: new Set<string>() };
    this.#patterns.set(word, pattern);
    this.#index.add(pattern);
    this.#fresh.add(pattern);
    this.#hasFresh = true;
    return pattern;
  }

  #forget(word: string, pattern: Pattern): void {
    this.#patterns.delete(word);
    this.#index.delete(pattern);
    this.#fresh.delete(pattern);
  }

  /** Of all of them at once: many may have come together. */
  #matchFresh(): void {
    if (!this.#hasFresh) return;
    for (const name of this.#wanted) {
      for (const { matches } of this.#fresh.matching(name)) matches.add(name);
    }
    this.#fresh = new GlobIndex();
    this.#hasFresh = false;
  }

  #resolve(name: string): boolean {
    const words = this.#candidates.get(name)?.requirements.machineOf ?? [];
    const found = new Set(
      words.flatMap((word) => [...(this.#patterns.get(word)?.matches ?? [word])]),
    );
    // Only a pattern can match the unit itself.
    found.delete(name);
    const before = this.of(name);
    const now = [...found].sort();
    if (now.length === before.length && now.every((peer, i) => peer === before[i])) return false;
    for (const peer of before) this.#followers.set(peer, name, false);
    for (const peer of now) this.#followers.set(peer, name, true);
    if (now.length === 0) this.#peers.delete(name);
    else this.#peers.set(name, now);
    // One that nobody follows closes no circle.
    if (this.#followers.sets.has(name) || this.#circles?.has(name) === true) this.#circles = null;
    return true;
  }

  #findCircles(): Circles {
    const circles = circlesOf(this.#peers.keys(), (name) => this.of(name));
    return new Map(circles.flatMap((circle) => circle.map((name) => [name, circle])));
  }
}
