import type {
  Clock,
  ClusterSnapshot,
  Explainer,
  Origin,
  Rebalance,
  Revision,
  UnitRegistry,
} from '@muster/core';
import { HttpError } from './http-error.ts';
import type {
  RebalanceBegunBody,
  RebalanceBody,
  RebalanceRequest,
  RebalanceStoppedBody,
} from './rebalance-wire.ts';

export interface RebalanceWriter {
  readonly units: UnitRegistry;
  readonly explainer: Explainer;
  readonly clock: Clock;
  /** Who asks for it. */
  readonly origin: Origin;
  /** Aborts when the caller is gone. */
  readonly signal: AbortSignal;
}

/** How often a record that somebody else changed meanwhile is read anew. */
const maxAttempts = 5;

export function renderRebalance({
  rebalance,
}: Pick<ClusterSnapshot, 'rebalance'>): RebalanceBody | null {
  if (rebalance === null) return null;
  const { origin, limit, atOnce, moved, moves, end = null } = rebalance;
  const shown = moves.map(({ units, from, to, order, reason }) => {
    return { units, from, to, order, reason };
  });
  return { origin, limit, atOnce, moved, moves: shown, end };
}

/**
 * Has the leader begin to move units, if there are any to be moved.
 * @throws {HttpError} 409 when a rebalance is under way, or nothing is to be moved now for another reason
 */
export async function beginRebalance(
  writer: RebalanceWriter,
  { limit = null, atOnce = 1 }: RebalanceRequest,
): Promise<RebalanceBegunBody> {
  const { explainer, origin } = writer;
  return await retrying(writer, async (snapshot, write) => {
    const { rebalance: before, revision } = snapshot;
    if (before !== null && !hasFailed(before)) throw underWay(before);
    const { obstacle, moves } = explainer.rebalance(snapshot);
    if (obstacle !== null) {
      throw new HttpError(409, 'not-now', `nothing is moved now: ${obstacle}`);
    }
    if (moves.length === 0) {
      return { revision, result: 'nothing', rebalance: renderRebalance(snapshot) };
    }
    const record = { origin, limit, atOnce, moved: 0, moves: [] };
    const written = await write(record);
    if (written === null) return null;
    return { revision: written, result: 'begun', rebalance: { ...record, end: null } };
  });
}

/** Has the leader begin no more moves; the record of one that failed goes. */
export function stopRebalance(writer: RebalanceWriter): Promise<RebalanceStoppedBody> {
  return retrying(writer, async ({ rebalance, revision }, write) => {
    if (rebalance === null) return { revision, result: 'none' };
    if (rebalance.end?.type === 'stopped') return { revision, result: 'ending' };
    const isCleared = hasFailed(rebalance);
    const { modRevision: _, ...record } = rebalance;
    const end = { type: 'stopped' as const, reason: `by ${writer.origin.by}` };
    const written = await write(isCleared ? null : { ...record, end });
    return written === null
      ? null
      : { revision: written, result: isCleared ? 'cleared' : 'ending' };
  });
}

type Write = (record: Omit<Rebalance, 'modRevision'> | null) => Promise<Revision | null>;

/** @param act - null: the record was changed meanwhile, it is asked again */
async function retrying<T>(
  { units, clock, signal }: Pick<RebalanceWriter, 'units' | 'clock' | 'signal'>,
  act: (snapshot: ClusterSnapshot, write: Write) => Promise<T | null>,
): Promise<T> {
  const view = await units.cluster();
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const snapshot = view.snapshot();
    const expect = snapshot.rebalance?.modRevision ?? 0;
    const done = await act(snapshot, async (record) => {
      const result = await units.writeRebalance(record, expect);
      return result.type === 'written' ? result.revision : null;
    });
    if (done !== null) return done;
    // The view is a little behind what made it fail.
    await clock.sleep(100, signal);
  }
  throw new HttpError(409, 'conflict', 'the rebalance is being changed by others, try again');
}

/** It is over, and only its record is left. */
function hasFailed({ end, moves }: Rebalance): boolean {
  return end?.type === 'failed' && moves.length === 0;
}

function underWay({ origin }: Rebalance): HttpError {
  return new HttpError(
    409,
    'conflict',
    `a rebalance is under way, asked for by ${origin.by}: it can be stopped, or waited for`,
  );
}
