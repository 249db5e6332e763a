import type { Clock, ClusterSnapshot, Origin, UnitRegistry } from '@muster/core';
import { HttpError } from './http-error.ts';
import type { PolicyBody } from './wire.ts';

/** How often a record that somebody else changed meanwhile is read anew. */
const maxAttempts = 5;

/** What holds for the whole cluster, also when nobody has set it. */
export function renderPolicy({ policy }: ClusterSnapshot): PolicyBody {
  return {
    placement: policy?.placement ?? 'spread',
    rebalance: policy?.rebalance ?? 'manual',
    origin: policy?.origin ?? null,
  };
}

/** What of it is to be otherwise. */
export type PolicyPatch = Partial<Pick<PolicyBody, 'placement' | 'rebalance'>>;

/**
 * Sets what the scheduler goes by.
 * @throws {HttpError} 409 when others keep changing it; nothing was written then
 */
export async function writePolicy(
  {
    units,
    clock,
    origin,
    signal,
  }: {
    readonly units: UnitRegistry;
    readonly clock: Clock;
    /** Who asks for it. */
    readonly origin: Origin;
    /** Aborts when the caller is gone. */
    readonly signal: AbortSignal;
  },
  patch: PolicyPatch,
): Promise<PolicyBody> {
  const view = await units.cluster();
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const snapshot = view.snapshot();
    const { placement, rebalance } = { ...renderPolicy(snapshot), ...patch };
    const policy = { placement, ...(rebalance === 'auto' ? { rebalance } : {}), origin };
    const written = await units.writePolicy(policy, snapshot.policy?.modRevision ?? 0);
    if (written.type === 'written') return { placement, rebalance, origin };
    // The view is a little behind what made it fail.
    await clock.sleep(100, signal);
  }
  throw new HttpError(409, 'conflict', 'the policy is being changed by others, try again');
}
