import { settle, vacate } from './eligibility.ts';
import type { Candidate, Host } from './eligibility.ts';
import { describeLoad, loadOf } from './load.ts';
import { Minders } from './minders.ts';
import type { Model } from './model.ts';
import type { Party } from './movable.ts';
import { groupRefusal, hostsFor, refusal } from './refusal.ts';
import { failuresOf } from './reschedule.ts';
import {
  bestOf,
  compareBeforeLoad,
  compareScores,
  isPacked,
  loadScorer,
  scorerFor,
} from './score.ts';
import type { Score, Scorer } from './score.ts';

/** The model, and who minds whom in it. What machines hold changes as units are moved. */
export interface Scene {
  readonly model: Model;
  readonly minders: Minders;
}

export interface Improvement {
  readonly to: Host;
  readonly reason: string;
}

export function sceneOf(model: Model): Scene {
  return { model, minders: new Minders(model) };
}

/** A difference in load is worth a move from this part of what the fuller machine holds. */
const worthwhilePart = 20;
/** For a machine without the key of Spread=: a number with which one can reckon. */
const farTooMany = 1e9;

/**
 * The machine that would be better for units that go together, so much that it is worth the move; null:
 * there is none. Changes nothing. Better is what counts when they are placed, and for all units
 * together: one that makes it worse for others by as much gains nothing. So moves come to an end.
 */
export function betterPlace(scene: Scene, party: Party, from: Host): Improvement | null {
  takeOff(scene, party, from);
  const improvement = findBetter(scene, party, from);
  putOn(scene, party, from);
  return improvement;
}

/** Whether it would be such an improvement to move them from one machine to another, which takes them. */
export function isBetter(scene: Scene, party: Party, { from, to }: Way): boolean {
  takeOff(scene, party, from);
  const { of } = partyScorer(scene, party);
  const isWorth = isWorthwhile(scene, party, { here: of(from), there: of(to) });
  const isTaken = isWorth && to.rank >= 0 && mayTake(scene.model, party, to);
  putOn(scene, party, from);
  return isTaken;
}

export interface Way {
  readonly from: Host;
  readonly to: Host;
}

export function move(scene: Scene, party: Party, { from, to }: Way): void {
  takeOff(scene, party, from);
  putOn(scene, party, to);
}

/** Whether anything but the load of machines counts for one of them. */
export function hasWishes({ minders }: Scene, party: Party): boolean {
  return party.some((unit) => unit.requirements.preferences !== null || minders.isMinded(unit));
}

function takeOff({ minders }: Scene, party: readonly Candidate[], host: Host): void {
  for (const unit of party) {
    vacate(host, unit.name);
    minders.vacated(unit, host);
  }
}

function putOn({ minders }: Scene, party: readonly Candidate[], host: Host): void {
  for (const unit of party) {
    settle(host, unit);
    minders.settled(unit, host);
  }
}

function findBetter(scene: Scene, party: Party, from: Host): Improvement | null {
  const { model } = scene;
  const scorer = partyScorer(scene, party);
  const here = scorer.of(from);
  // Most units are as well off as they can be, which is soon told.
  if (compareBeforeLoad(scorer.least, here) >= 0 && !isLighterElsewhere(scene, party, here)) {
    return null;
  }
  const isImprovement = (host: Host): boolean =>
    host !== from && isWorthwhile(scene, party, { here, there: scorer.of(host) });
  const to = bestOf(
    [hostsFor({ model }, party)],
    scorer,
    (host) => isImprovement(host) && mayTake(model, party, host),
  );
  if (to === null) return null;
  return { to, reason: `rebalance: ${gain(scene, party, { here, there: scorer.of(to) })}` };
}

/** Whether there may be a machine that is so much less loaded that it is worth looking for it. */
function isLighterElsewhere(scene: Scene, party: Party, here: Score): boolean {
  const { model } = scene;
  const [lightest] = hostsFor({ model }, party);
  if (lightest === undefined) return false;
  if (loadScorer(model.snapshot)(lightest) >= here.load) return false;
  const before = loadWith(scene, party, here.host);
  return isPacked(model.snapshot) || isClear(before, lightest);
}

function mayTake(model: Model, party: Party, host: Host): boolean {
  const hasFailed = party.some(
    ({ name }) => failuresOf(model, name)?.machines.includes(host.id) === true,
  );
  if (hasFailed) return false;
  const [unit, ...others] = party;
  const refused =
    others.length === 0 ? refusal({ model }, unit, host) : groupRefusal({ model }, party, host);
  return refused === null;
}

/** How good a machine that holds none of them is for all of them, and what others make of that. */
function partyScorer({ model, minders }: Scene, party: Party): Scorer {
  const scorers = party.map((unit) => ({ unit, scorer: scorerFor(model, { unit }) }));
  const last = party.at(-1);
  const costOn = (host: Host): Scorer['least'] => {
    const costs = scorers.map(({ unit, scorer }) => {
      const cost = together(scorer.of(host), minders.cost(unit, host));
      // Who comes after it finds it there.
      if (unit !== last) putOn({ model, minders }, [unit], host);
      return cost;
    });
    for (const unit of party) if (unit !== last) takeOff({ model, minders }, [unit], host);
    return sum(costs);
  };
  const load = loadScorer(model.snapshot);
  const of = (host: Host): Score => ({ ...costOn(host), host, load: load(host) });
  return {
    of,
    isBetter: (host, than) => compareScores(of(host), than) < 0,
    least: sum(scorers.map(({ unit, scorer }) => together(scorer.least, minders.leastCost(unit)))),
  };
}

type Costs = Pick<Score, 'preference' | 'neighbours' | 'spread'>;

function sum(costs: readonly Costs[]): Scorer['least'] {
  const total = { preference: 0, neighbours: 0, spread: 0 };
  for (const { preference, neighbours, spread } of costs) {
    total.preference += preference;
    total.neighbours += neighbours;
    total.spread += spread;
  }
  // Who follows one of them goes along, and leaves nobody behind.
  return { failedOn: -1, foothold: 2, followers: 0, ...total };
}

function together(
  { preference, neighbours, spread }: Scorer['least'],
  others: ReturnType<Minders['cost']>,
): Costs {
  return {
    preference,
    neighbours: neighbours + others.neighbours,
    spread: Math.min(spread, farTooMany) + others.spread,
  };
}

interface Scores {
  readonly here: Score;
  readonly there: Score;
}

/** What is to be gained at least, in the measure of `loadOf`: less than one is no unit. */
const leastGain = 1 - 1e-6;

function isWorthwhile(scene: Scene, party: Party, { here, there }: Scores): boolean {
  const order = compareBeforeLoad(there, here);
  if (order !== 0 || there.load >= here.load) return order < 0;
  const before = loadWith(scene, party, here.host);
  const after = loadWith(scene, party, there.host);
  if (isPacked(scene.model.snapshot)) return after - before >= leastGain;
  // On a smaller machine the same units weigh more.
  return before - after >= leastGain && isClear(before, there.host);
}

/** Whether a machine holds so much less than one with that load. */
function isClear(load: number, host: Host): boolean {
  return (load - loadOf(host)) * worthwhilePart >= load;
}

/** How full a machine that does not hold them is with them. */
function loadWith(scene: Scene, party: Party, host: Host): number {
  putOn(scene, party, host);
  const load = loadOf(host);
  takeOff(scene, party, host);
  return load;
}

/** In which way it is better there, for people. */
function gain(scene: Scene, party: Party, { here, there }: Scores): string {
  if (there.preference !== here.preference) {
    return `preferences that are not met: ${here.preference} there, ${there.preference} here`;
  }
  if (there.neighbours !== here.neighbours) {
    return `units to be kept apart: ${here.neighbours} there, ${there.neighbours} here`;
  }
  for (const unit of party) {
    const key = unit.requirements.preferences?.spread?.key;
    const { of } = scorerFor(scene.model, { unit });
    const [was, is] = [of(here.host).spread, of(there.host).spread];
    if (key === undefined || was === is) continue;
    return `others with the same ${key}: ${was === Infinity ? 'nobody knows' : was} there, ${is} here`;
  }
  if (there.spread !== here.spread) return 'units that are spread with it are spread better';
  return `${fillWith(scene, party, here.host)} there, ${fillWith(scene, party, there.host)} here`;
}

/** For people: how full a machine is with them. */
function fillWith(scene: Scene, party: Party, host: Host): string {
  putOn(scene, party, host);
  const { size } = host.residents;
  const fill = describeLoad(host) ?? (size === 1 ? '1 unit' : `${size} units`);
  takeOff(scene, party, host);
  return fill;
}
