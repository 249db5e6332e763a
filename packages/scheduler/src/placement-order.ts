import type { Unit } from '@muster/core';
import type { Model } from './model.ts';

/**
 * These units in the order in which they are placed: units that others give way to, then those that
 * have left a machine (`isMoving`), then the others by name, then those with MachineOf; but always
 * after the units that they follow or give way to. In a circle the first by name comes first.
 */
export function placementOrder(
  { peers, replacements }: Model,
  units: readonly Unit[],
  isMoving: (unit: Unit) => boolean,
): Unit[] {
  const byName = new Map(units.map((unit) => [unit.name, unit]));
  const peersOf = (name: string): readonly string[] => peers.of(name);
  const ranks: [moving: string[], plain: string[], followers: string[]] = [[], [], []];
  for (const [name, unit] of byName) {
    ranks[isMoving(unit) ? 0 : peersOf(name).length === 0 ? 1 : 2].push(name);
  }
  const ordered = new Set<string>();
  const replacers = replacements.replacers.map(({ name }) => name);
  const whatReplacersNeed = (name: string): string[] => [
    ...peersOf(name),
    ...replacements.replacersOf(name).map((replacer) => replacer.name),
  ];
  for (const name of replacers) addAfterNeeds(name, ordered, whatReplacersNeed);
  // All replacers are in it: from here on only peers can be missing.
  for (const name of ranks.flatMap((rank) => rank.sort())) {
    if (peersOf(name).length === 0) ordered.add(name);
    else addAfterNeeds(name, ordered, peersOf);
  }
  return [...ordered].flatMap((name) => byName.get(name) ?? []);
}

function addAfterNeeds(
  root: string,
  ordered: Set<string>,
  needsOf: (name: string) => readonly string[],
): void {
  const path: { readonly name: string; readonly needs: string[] }[] = [];
  const onPath = new Set<string>();
  const enter = (name: string): void => {
    if (ordered.has(name) || onPath.has(name)) return;
    path.push({ name, needs: needsOf(name).toReversed() });
    onPath.add(name);
  };
  enter(root);
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const next = top.needs.pop();
    if (next === undefined) {
      path.pop();
      ordered.add(top.name);
    } else enter(next);
  }
}
