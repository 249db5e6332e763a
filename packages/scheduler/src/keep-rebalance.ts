import type { Clock, ClusterView, Leadership, Log, Revision } from '@muster/core';
import type { RebalanceStep } from './rebalancer.ts';
import { untilSeen } from './until-seen.ts';

/**
 * Has the record say what was decided, and waits for the picture to show it, not for long.
 * @param decided - `rebalanceRevision`: of the record that it was decided from
 * @returns false: somebody else changed it, or leads
 */
export async function keepRebalance(
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  {
    view,
    leadership,
    signal,
  }: {
    readonly view: Pick<ClusterView, 'snapshot'>;
    readonly leadership: Pick<Leadership, 'writeRebalance'>;
    readonly signal: AbortSignal;
  },
  {
    rebalance: step,
    rebalanceRevision: expect,
  }: { readonly rebalance: RebalanceStep; readonly rebalanceRevision: Revision },
): Promise<boolean> {
  if (step === null) return true;
  const record = step.type === 'write' ? step.record : null;
  const result = await leadership.writeRebalance(record, expect);
  await untilSeen(clock, signal, () => (view.snapshot().rebalance?.modRevision ?? 0) !== expect);
  if (result !== 'committed') return false;
  if (record === null) log.info({}, 'the rebalance is over');
  else if (record.end?.type === 'failed') log.warn({ ...record }, 'the rebalance has failed');
  else log.info({ ...record }, 'rebalancing');
  return true;
}
