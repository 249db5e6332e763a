import type { Rebalance, RebalanceMove, StartedMove } from '@muster/core';
import { isBetter, move, sceneOf } from './better-place.ts';
import type { Scene } from './better-place.ts';
import { holdsPlace } from './model.ts';
import type { Model } from './model.ts';
import { partyOf } from './movable.ts';
import type { Plan } from './plan.ts';
import { improvements, obstacleToMoves } from './rebalance.ts';

/** What is to be stored of it. */
type RebalanceRecord = Omit<Rebalance, 'modRevision'>;

/** What the record is to become; null: nothing else than it is. */
export type RebalanceStep =
  { readonly type: 'write'; readonly record: RebalanceRecord } | { readonly type: 'remove' } | null;

/** Moves that are thought of in advance: to find the next is not to cost as much as to find all. */
const mostInAdvance = 64;
/** How long a machine that has come has to be there before units are moved to it unasked. */
const graceMs = 60_000;

/**
 * What one leader remembers of a rebalance: which moves come next, and since when machines are there.
 * All else is in the record, so that another leader goes on with it.
 */
export class Rebalancer {
  #next: RebalanceMove[] = [];
  /** Machine → boot-clock ms since when this leader has seen that it takes units; until that was acted on. */
  #fresh = new Map<string, number>();
  #known: ReadonlySet<string> = new Set();

  /**
   * What comes next of the rebalance that is under way, or is to begin by itself now.
   * @param model - as it is stored; it is not changed
   * @param plan - of that model
   * @param times - boot-clock ms, and ms since the epoch
   */
  step(
    model: Model,
    plan: Pick<Plan, 'moves' | 'changes'>,
    times: { readonly now: number; readonly at: number },
  ): { readonly step: RebalanceStep; readonly lookAgainAt: number | null } {
    const { rebalance } = model.snapshot;
    // Whatever else is to be written comes first: the next plan sees what became of it.
    const isQuiet = plan.changes.length === 0 && obstacleToMoves(model) === null;
    if (rebalance === null) return this.#beginUnasked(model, { isQuiet, ...times });
    return { step: this.#goOn(model, rebalance, { plan, isQuiet }), lookAgainAt: null };
  }

  #goOn(
    model: Model,
    before: Rebalance,
    { plan, isQuiet }: { readonly plan: Pick<Plan, 'moves'>; readonly isQuiet: boolean },
  ): RebalanceStep {
    const ended = endedBy(before, plan);
    const { moves, end, moved, limit, atOnce } = ended;
    const isOver = (record: RebalanceRecord): boolean =>
      record.moves.length === 0 && record.end?.type !== 'failed';
    const isEnough = limit !== null && moved + moves.length >= limit;
    if (end !== undefined || isEnough) {
      return isOver(before) && isOver(ended) ? { type: 'remove' } : stepTo(before, ended);
    }
    if (!isQuiet || moves.length >= atOnce) return stepTo(before, ended);
    const room = Math.min(atOnce, (limit ?? Infinity) - moved) - moves.length;
    const begun = this.#take(model, room);
    if (begun.length > 0) return stepTo(before, { ...ended, moves: [...moves, ...begun] });
    return isOver(before) ? { type: 'remove' } : stepTo(before, ended);
  }

  #beginUnasked(
    model: Model,
    { isQuiet, now, at }: { readonly isQuiet: boolean; readonly now: number; readonly at: number },
  ): { readonly step: RebalanceStep; readonly lookAgainAt: number | null } {
    this.#next = [];
    if (model.snapshot.policy?.rebalance !== 'auto') {
      this.#known = new Set();
      this.#fresh.clear();
      return { step: null, lookAgainAt: null };
    }
    this.#noteMachines(model, now);
    const later = { step: null, lookAgainAt: null };
    if (this.#fresh.size === 0) return later;
    // The last that came counts: others may be about to.
    const dueAt = Math.max(...this.#fresh.values()) + graceMs;
    if (now < dueAt) return { step: null, lookAgainAt: dueAt };
    if (!isQuiet) return later;
    this.#fresh.clear();
    const moves = this.#take(model, 1);
    if (moves.length === 0) return later;
    const origin = { by: 'rebalance=auto', at };
    const record = { origin, limit: null, atOnce: 1, moved: 0, moves };
    return { step: { type: 'write', record }, lookAgainAt: null };
  }

  #noteMachines({ open }: Model, now: number): void {
    const there = new Set(open.map(({ id }) => id));
    for (const id of this.#fresh.keys()) if (!there.has(id)) this.#fresh.delete(id);
    for (const id of there) if (!this.#known.has(id)) this.#fresh.set(id, now);
    this.#known = there;
  }

  /** The next moves, so many at most. */
  #take(model: Model, count: number): StartedMove[] {
    const known = tryOut(model, () => this.#takeKnown(model, count));
    if (known.length > 0) return known;
    this.#next = tryOut(model, () => firstOf(improvements(model), mostInAdvance));
    return tryOut(model, () => this.#takeKnown(model, count));
  }

  #takeKnown(model: Model, count: number): StartedMove[] {
    const taken: StartedMove[] = [];
    if (this.#next.length === 0) return taken;
    const scene = sceneOf(model);
    while (taken.length < count) {
      const next = this.#next.shift();
      if (next === undefined) break;
      if (makes(scene, next)) taken.push({ ...next, revisions: next.units.map(revisionOf(model)) });
    }
    return taken;
  }
}

/** The record without the moves that are over. */
function endedBy(before: Rebalance, { moves }: Pick<Plan, 'moves'>): RebalanceRecord {
  const { modRevision: _, ...record } = before;
  const isUnderWay = ({ progress }: Plan['moves'][number]): boolean =>
    progress.type === 'begins' ||
    progress.type === 'moves' ||
    (progress.type === 'fails' && progress.isTakenBack);
  const done = moves.filter(({ progress }) => progress.type === 'done').length;
  const [failure] = moves.flatMap(({ progress }) => (progress.type === 'fails' ? [progress] : []));
  const end = record.end ?? (failure && { type: 'failed' as const, reason: failure.reason });
  return {
    ...record,
    moved: record.moved + done,
    moves: moves.filter(isUnderWay).map(({ move: each }) => each),
    ...(end === undefined ? {} : { end }),
  };
}

function stepTo(before: Rebalance, record: RebalanceRecord): RebalanceStep {
  const { modRevision: _, ...stored } = before;
  return JSON.stringify(stored) === JSON.stringify(record) ? null : { type: 'write', record };
}

/** Makes a move that was planned some time ago. @returns false: it is none any more */
function makes(scene: Scene, { units, from: source, to: target }: RebalanceMove): boolean {
  const { model } = scene;
  const [from, to] = [model.hosts.get(source), model.hosts.get(target)];
  const unit = from?.residents.get(units[0] ?? '');
  if (from === undefined || to === undefined || unit === undefined || from.rank < 0) return false;
  const party = partyOf(model, unit, from);
  const isSame = party?.length === units.length && party.every(({ name }, i) => name === units[i]);
  if (party === null || !isSame || !isBetter(scene, party, { from, to })) return false;
  move(scene, party, { from, to });
  return true;
}

/** Afterwards the model is as it was. */
function tryOut<T>(model: Model, act: () => T): T {
  model.index.remember();
  try {
    return act();
  } finally {
    model.index.takeBack();
  }
}

function revisionOf({ snapshot }: Model): (unit: string) => number {
  return (unit) => {
    const assignments = [...(snapshot.assignments.get(unit)?.values() ?? [])];
    return assignments.find(holdsPlace)?.modRevision ?? 0;
  };
}

function firstOf<T>(items: Iterable<T>, count: number): T[] {
  const found: T[] = [];
  for (const item of items) {
    found.push(item);
    if (found.length === count) break;
  }
  return found;
}
