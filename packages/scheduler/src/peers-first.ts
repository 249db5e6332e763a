import type { Unit } from '@muster/core';
import type { Model } from './model.ts';

/**
 * All units, sorted by name, but a unit with MachineOf after the units it names: they are placed,
 * and their assignments written, first. In a circle the first by name comes first.
 */
export function peersFirst(model: Model): Unit[] {
  const units = model.snapshot.units;
  const ordered: Unit[] = [];
  const seen = new Set<string>();
  const names = [...units.keys()].sort();
  for (const start of names) {
    const stack = [start];
    while (stack.length > 0) {
      const name = stack.at(-1);
      if (name === undefined) break;
      const unit = units.get(name);
      const peers = model.candidates.get(name)?.requirements.machineOf ?? [];
      const next = seen.has(name)
        ? undefined
        : peers.find((p) => units.has(p) && !seen.has(p) && !stack.includes(p));
      if (next !== undefined) {
        stack.push(next);
        continue;
      }
      stack.pop();
      if (seen.has(name) || unit === undefined) continue;
      seen.add(name);
      ordered.push(unit);
    }
  }
  return ordered;
}
