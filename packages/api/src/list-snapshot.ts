import type { Clock, ClusterSnapshot, ClusterView, UnitRegistry } from '@muster/core';
import type { Exchange } from './exchange.ts';
import { readRevisionQuery } from './read-request.ts';
import { changeHoldMs } from './wire.ts';

/** How long a list waits for the view to reach the revision that the caller has seen. */
const catchUpMs = 5000;

/** The picture that a list shows, as its query asks for it. */
export async function snapshotFor(
  { query, signal }: Exchange,
  { units, clock }: { readonly units: UnitRegistry; readonly clock: Clock },
): Promise<ClusterSnapshot> {
  const revision = readRevisionQuery(query, 'afterRevision');
  const known = readRevisionQuery(query, 'newerThan');
  const view = await units.cluster();
  if (known > 0) await untilNewer(view, known, { clock, signal });
  return revision > 0 ? view.atLeast(revision, catchUpMs) : view.snapshot();
}

/** Resolves when there is something newer, when it has waited long enough, or the caller is gone. */
async function untilNewer(
  view: ClusterView,
  known: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const over = new AbortController();
  const stop = (): void => over.abort();
  const look = (): void => {
    if (revisionOf(view) > known) stop();
  };
  const unsubscribe = view.onChange(look);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  look();
  await clock.sleep(changeHoldMs, over.signal);
  unsubscribe();
  signal.removeEventListener('abort', stop);
}

/** Without a picture there is nothing to wait for: the caller is told why. */
function revisionOf(view: ClusterView): number {
  try {
    return view.snapshot().revision;
  } catch {
    return Infinity;
  }
}
