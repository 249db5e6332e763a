import type { RebalanceMove, RebalancePlan } from '@muster/core';
import { betterPlace, hasWishes, move, sceneOf } from './better-place.ts';
import type { Scene } from './better-place.ts';
import type { Host } from './eligibility.ts';
import type { Model } from './model.ts';
import { orderFor, partyOf } from './movable.ts';
import type { Party } from './movable.ts';
import { loadScorer } from './score.ts';

/**
 * What would be moved now so that units are where they would be placed best, one after the other.
 * Pure: the same model gives the same plan, and once it has been carried out there is nothing left to
 * move. The model's hosts are used as scratch space.
 */
export function planRebalance(model: Model): RebalancePlan {
  const obstacle = obstacleToMoves(model);
  return { obstacle, moves: obstacle === null ? [...improvements(model)] : [] };
}

/** Why nothing is moved only to be better off now; null: nothing hinders it. */
export function obstacleToMoves({ snapshot, absent }: Model): string | null {
  if (snapshot.brake?.isOn === true) return 'the brake is on, as many machines are absent';
  const [first, ...others] = [...absent].sort();
  if (first === undefined) return null;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return `machine ${first} is absent${more}`;
}

/** Moves, each from what the one before has left. */
export function* improvements(model: Model): Generator<RebalanceMove> {
  const scene = sceneOf(model);
  // Whoever moves for a wish may even out the load as well.
  yield* sweep(scene, hasWishes);
  for (let isOver = false; !isOver;) {
    isOver = true;
    for (const found of sweep(scene, () => true)) {
      isOver = false;
      yield found;
    }
  }
}

/** Asks each unit once, those on the machine that is worst off next. */
function* sweep(
  scene: Scene,
  isWanted: (scene: Scene, party: Party) => boolean,
): Generator<RebalanceMove> {
  const { model } = scene;
  const asked = new Map(model.open.map((host) => [host, partiesOn(model, host)]));
  const loadOf = loadScorer(model.snapshot);
  for (let from = worstOff(asked.keys(), loadOf); from !== null;) {
    const next = asked.get(from)?.next();
    if (next === undefined || next.done === true) {
      asked.delete(from);
      from = worstOff(asked.keys(), loadOf);
      continue;
    }
    const party = next.value;
    const better = isWanted(scene, party) ? betterPlace(scene, party, from) : null;
    if (better === null) continue;
    const { to, reason } = better;
    move(scene, party, { from, to });
    const units = party.map(({ name }) => name);
    yield { units, from: from.id, to: to.id, order: orderFor(party), reason };
    from = worstOff(asked.keys(), loadOf);
  }
}

/** Those that nobody notices first; each of the units that are there now once. */
function* partiesOn(model: Model, host: Host): Generator<Party> {
  const seen = new Set<string>();
  const found: Party[] = [];
  for (const name of [...host.residents.keys()].sort()) {
    const unit = host.residents.get(name);
    if (unit === undefined || seen.has(name)) continue;
    const party = partyOf(model, unit, host);
    if (party === null) continue;
    for (const member of party) seen.add(member.name);
    found.push(party);
  }
  const isNoticed = (party: Party): number => (orderFor(party) === 'stop-first' ? 1 : 0);
  yield* found.sort((a, b) => isNoticed(a) - isNoticed(b));
}

function worstOff(hosts: Iterable<Host>, loadOf: (host: Host) => number): Host | null {
  let worst: Host | null = null;
  for (const host of hosts) {
    if (worst === null || loadOf(host) > loadOf(worst)) worst = host;
  }
  return worst;
}
