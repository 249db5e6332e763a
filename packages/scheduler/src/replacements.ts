import { parseUnitName } from '@muster/core';
import type { Glob } from '@muster/core';
import type { Candidate } from './eligibility.ts';
import { circlesOf } from './strongly-connected.ts';

/**
 * Which unit makes which others give way. Between units that replace each other, directly or by
 * way of others, Replaces= has no effect: what is left has a beginning and an end, so that one unit
 * giving way to the next comes to rest.
 */
export class Replacements {
  /** Units that have Replaces=, sorted by name. */
  readonly replacers: readonly Candidate[];
  /** Names of units that replace each other; sorted. */
  readonly circles: readonly (readonly string[])[];
  /** name → units that replace it by its name */
  readonly #byName = new Map<string, Candidate[]>();
  /** pattern → units that have it */
  readonly #byGlob = new Map<string, { readonly glob: Glob; readonly users: Candidate[] }>();
  /** unit → its circle; a unit in none is missing. */
  readonly #circleOf = new Map<string, readonly string[]>();
  /** unit → units that it gives way to, as far as they were asked for */
  readonly #replacersOf = new Map<string, readonly Candidate[]>();

  constructor(candidates: ReadonlyMap<string, Candidate>) {
    this.replacers = [...candidates.values()]
      // Templates never run.
      .filter(({ name, replaces }) => replaces.length > 0 && !parseUnitName(name).isTemplate)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const replacer of this.replacers) {
      for (const glob of replacer.replaces) this.#add(glob, replacer);
    }
    this.circles = this.#findCircles();
    for (const circle of this.circles) for (const unit of circle) this.#circleOf.set(unit, circle);
  }

  /** The pattern by which `replacer` makes the unit give way; null: it does not. */
  patternFor(replacer: Candidate, unit: string): string | null {
    if (replacer.name === unit || this.#isCircular(replacer.name, unit)) return null;
    return replacer.replaces.find((glob) => glob.matches(unit))?.pattern ?? null;
  }

  /** Units that this one gives way to. Of each unit every machine asks it. */
  replacersOf(unit: string): readonly Candidate[] {
    if (this.replacers.length === 0) return [];
    const known = this.#replacersOf.get(unit);
    if (known !== undefined) return known;
    const found = this.#findReplacersOf(unit);
    this.#replacersOf.set(unit, found);
    return found;
  }

  /** The unit is gone. */
  forget(unit: string): void {
    this.#replacersOf.delete(unit);
  }

  #findReplacersOf(unit: string): readonly Candidate[] {
    const found = new Set(this.#byName.get(unit));
    for (const { glob, users } of this.#byGlob.values()) {
      if (glob.matches(unit)) for (const user of users) found.add(user);
    }
    return [...found].filter(({ name }) => name !== unit && !this.#isCircular(name, unit));
  }

  #add(glob: Glob, replacer: Candidate): void {
    if (glob.literal !== null) {
      const users = this.#byName.get(glob.literal);
      if (users === undefined) this.#byName.set(glob.literal, [replacer]);
      else users.push(replacer);
      return;
    }
    const entry = this.#byGlob.get(glob.pattern);
    if (entry === undefined) this.#byGlob.set(glob.pattern, { glob, users: [replacer] });
    else entry.users.push(replacer);
  }

  #isCircular(a: string, b: string): boolean {
    const circle = this.#circleOf.get(a);
    return circle !== undefined && circle === this.#circleOf.get(b);
  }

  /** Globs are nodes as well as units: many units that share one cost no more than one. */
  #findCircles(): string[][] {
    const patternsOf = new Map(this.replacers.map((r) => [r.name, r.replaces]));
    const globNode = (glob: Glob): string => `/${glob.pattern}`;
    const successors = (node: string): string[] => {
      const globs = patternsOf.get(node);
      if (globs !== undefined) return globs.map((glob) => glob.literal ?? globNode(glob));
      const entry = this.#byGlob.get(node.slice(1));
      if (entry === undefined) return [];
      return [...patternsOf.keys()].filter((unit) => entry.glob.matches(unit));
    };
    return circlesOf(patternsOf.keys(), successors)
      .map((nodes) => nodes.filter((node) => patternsOf.has(node)))
      .filter((units) => units.length > 1)
      .sort((a, b) => ((a[0] ?? '') < (b[0] ?? '') ? -1 : 1));
  }
}
