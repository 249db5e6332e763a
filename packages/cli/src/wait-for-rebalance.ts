import type { ApiClient, RebalanceBegunBody, RebalanceBody } from '@muster/api/client';
import { InterruptedError, OperationError } from './errors.ts';
import { movingLine } from './rebalance-lines.ts';
import { untilInterrupted } from './until-interrupted.ts';

interface Waiting {
  readonly begun: RebalanceBegunBody;
  /** null: as long as it takes. */
  readonly limitMs: number | null;
  readonly machineOf: (id: string) => string;
  readonly say: (line: string) => void;
}

/**
 * Waits until a rebalance is over; a line for each move as it is begun.
 * @throws {OperationError} when it failed, was stopped, or is not over in time
 * @throws {InterruptedError}
 */
export async function waitForRebalance(client: ApiClient, waiting: Waiting): Promise<void> {
  const { limitMs } = waiting;
  const limit = limitMs === null ? null : AbortSignal.timeout(limitMs);
  let end: RebalanceBody['end'] = null;
  const isInterrupted = await untilInterrupted(async (interrupt) => {
    const signal = limit === null ? interrupt : AbortSignal.any([interrupt, limit]);
    try {
      end = await follow(client, waiting, signal);
    } catch (error) {
      if (limit?.aborted !== true) throw error;
      throw new OperationError(`it is not over after ${(limitMs ?? 0) / 1000} s, and goes on`);
    }
  });
  if (isInterrupted) throw new InterruptedError('interrupted; what was asked for goes on');
  throwUnlessDone(end);
}

/** @returns why it ended before there was nothing more to move; null: it did not */
async function follow(
  client: ApiClient,
  { begun, machineOf, say }: Waiting,
  signal: AbortSignal,
): Promise<RebalanceBody['end']> {
  const said = new Set<string>();
  let end: RebalanceBody['end'] = null;
  for (let seen = begun.revision; ;) {
    const { revision, rebalance } = await client.rebalanceAfter(seen, signal);
    // A daemon that is behind does not know of it yet.
    if (revision < begun.revision) continue;
    seen = revision;
    if (rebalance === null) return end;
    ({ end } = rebalance);
    for (const move of rebalance.moves) {
      const line = movingLine(move, machineOf);
      if (!said.has(line)) say(line);
      said.add(line);
    }
    if (end?.type === 'failed' && rebalance.moves.length === 0) return end;
  }
}

function throwUnlessDone(end: RebalanceBody['end']): void {
  if (end === null) return;
  const what = end.type === 'failed' ? 'nothing more is moved' : 'it was stopped';
  throw new OperationError(`${what}: ${end.reason}`);
}
