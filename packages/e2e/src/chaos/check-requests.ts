import type { Evidence, Request, Violation } from './evidence.ts';
import { requestedWrites } from './requested-writes.ts';

/** Who makes the requests that prepare a run. */
export const preparing = 'prepare';

/** What a request may have written: at least and at most. */
const writesOf: Readonly<Record<Request['outcome'], readonly [least: number, most: number]>> = {
  done: [1, 1],
  nothing: [0, 0],
  refused: [0, 0],
  unknown: [0, 1],
};

/**
 * Requests are carried out exactly once when the answer says so, and once or not at all when there
 * was no answer; and nothing is written that nobody asked for.
 */
export function checkRequests({ changes, requests }: Evidence): Violation[] {
  const known = new Map(requests.map((request) => [request.id, request]));
  const writes = new Map<string, number[]>();
  const found: Violation[] = [];
  for (const { key, id, revision } of requestedWrites(changes)) {
    const revisions = writes.get(id) ?? [];
    if (!revisions.includes(revision)) revisions.push(revision);
    writes.set(id, revisions);
    if (known.has(id) || id === preparing) continue;
    const text = `at revision ${revision} ${key} was written, which nobody had asked for (${id})`;
    found.push({ invariant: 'requests', text });
  }
  for (const request of requests) {
    const revisions = writes.get(request.id) ?? [];
    const [least, most] = writesOf[request.outcome];
    // Metadata that is there already is not written again, and not said to be.
    const isEnough = revisions.length >= least || request.wish.action === 'metadata';
    if (isEnough && revisions.length <= most) continue;
    const times = revisions.length === 0 ? 'never' : `at the revisions ${revisions.join(', ')}`;
    const text = `${describeRequest(request)} was written ${times}`;
    found.push({ invariant: 'requests', text });
  }
  return found;
}

function describeRequest({ id, wish, by, via, outcome, answer }: Request): string {
  const about = wish.action === 'metadata' ? `machine ${wish.machine}` : wish.unit;
  return `request ${id} (${wish.action} ${about}, ${by} of machine ${via}), which was ${outcome} (${answer}),`;
}
