import { compileGlob } from '@muster/core';
import { expandRanges } from './expand-ranges.ts';
import { isPattern, unitNameOf } from './unit-sources.ts';

export interface Selection<T> {
  /** Each once, in the order of the arguments; what a pattern matches by name. */
  readonly units: readonly T[];
  /** Names of those that only a pattern named. */
  readonly matched: ReadonlySet<string>;
  /** Names and patterns that stand for no unit of the cluster. */
  readonly missing: readonly string[];
}

/** Finds units of the cluster by name, path or pattern (`web@*`, with or without the type). */
export function selectUnits<T extends { readonly name: string }>(
  args: readonly string[],
  units: readonly T[],
): Selection<T> {
  const byName = new Map(units.map((unit) => [unit.name, unit]));
  const selected = new Map<string, T>();
  const matched = new Set<string>();
  const missing: string[] = [];
  for (const argument of args.flatMap(expandRanges)) {
    if (isPattern(argument)) {
      const found = matchUnits(argument, units);
      for (const unit of found) {
        if (!selected.has(unit.name)) matched.add(unit.name);
        selected.set(unit.name, unit);
      }
      if (found.length === 0) missing.push(argument);
      continue;
    }
    const name = unitNameOf(argument);
    const unit = byName.get(name);
    matched.delete(name);
    if (unit === undefined) missing.push(name);
    else selected.set(name, unit);
  }
  return { units: [...selected.values()], matched, missing };
}

/** In the order of the names. */
export function matchUnits<T extends { readonly name: string }>(
  pattern: string,
  units: readonly T[],
): T[] {
  const globs = [compileGlob(pattern), compileGlob(`${pattern}.service`)];
  return units
    .filter(({ name }) => globs.some((glob) => glob.matches(name)))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Items whose unit one of the patterns or names stands for; all when there are none. */
export function filterByUnit<T>(
  args: readonly string[],
  items: readonly T[],
  nameOf: (item: T) => string,
): readonly T[] {
  if (args.length === 0) return items;
  const named = [...new Set(items.map(nameOf))].map((name) => ({ name }));
  const chosen = new Set(selectUnits(args, named).units.map(({ name }) => name));
  return items.filter((item) => chosen.has(nameOf(item)));
}
