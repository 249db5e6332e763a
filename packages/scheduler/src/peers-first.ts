import type { Unit } from '@muster/core';
import type { Model } from './model.ts';

/**
 * All units, sorted by name, but those with MachineOf after all others and after the units they
 * name: what is followed is placed, and its assignment written, first. In a circle the first by
 * name comes first.
 */
export function peersFirst(model: Model): Unit[] {
  const units = model.snapshot.units;
  const ordered: Unit[] = [];
  const followers: string[] = [];
  for (const name of [...units.keys()].sort()) {
    const unit = units.get(name);
    const peers = model.candidates.get(name)?.requirements.machineOf;
    if (peers !== undefined && peers.length > 0) followers.push(name);
    else if (unit !== undefined) ordered.push(unit);
  }
  const waiting = new Set(followers);
  for (const start of followers) addAfterPeers(start, { model, waiting, ordered });
  return ordered;
}

function addAfterPeers(
  start: string,
  { model, waiting, ordered }: { model: Model; waiting: Set<string>; ordered: Unit[] },
): void {
  const stack = [start];
  for (let name = stack.at(-1); name !== undefined; name = stack.at(-1)) {
    const peers = model.candidates.get(name)?.requirements.machineOf ?? [];
    const next = waiting.has(name)
      ? peers.find((peer) => waiting.has(peer) && !stack.includes(peer))
      : undefined;
    if (next !== undefined) {
      stack.push(next);
      continue;
    }
    stack.pop();
    const unit = model.snapshot.units.get(name);
    if (waiting.delete(name) && unit !== undefined) ordered.push(unit);
  }
}
