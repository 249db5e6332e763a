import type { Evidence, Request, StoreChange, Violation } from './evidence.ts';
import { replay } from './replay.ts';
import type { StoreMoment } from './replay.ts';

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
  for (const moment of replay(changes)) {
    for (const { key, id } of wishesIn(moment)) {
      const revisions = writes.get(id) ?? [];
      if (!revisions.includes(moment.revision)) revisions.push(moment.revision);
      writes.set(id, revisions);
      if (known.has(id) || id === preparing) continue;
      const text = `at revision ${moment.revision} ${key} was written, which nobody had asked for (${id})`;
      found.push({ invariant: 'requests', text });
    }
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

/** Writes of wishes in a transaction, and who asked for them. */
function wishesIn({ changed }: StoreMoment): { key: string; id: string }[] {
  return changed.flatMap((change) => {
    const { key, record } = change;
    const isUnit = key.startsWith('unit/');
    if (!isUnit && !key.startsWith('machine-settings/')) return [];
    const origin =
      record === null ? destroyerOf(changed, key.slice('unit/'.length)) : record['origin'];
    return [{ key, id: askerIn(origin) }];
  });
}

/** Who destroyed a unit is in the audit record of the same transaction. */
function destroyerOf(changed: readonly StoreChange[], unit: string): unknown {
  const destroyed = changed.find(({ key }) => key === 'audit')?.record?.['destroyed'];
  const entries: readonly unknown[] = Array.isArray(destroyed) ? destroyed : [];
  return entries.find((entry) => fieldOf(entry, 'unit') === unit);
}

function askerIn(origin: unknown): string {
  const by = fieldOf(origin, 'by');
  return typeof by === 'string' ? (by.split('@')[0] ?? by) : 'nobody knows';
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function describeRequest({ id, wish, by, via, outcome, answer }: Request): string {
  const about = wish.action === 'metadata' ? `machine ${wish.machine}` : wish.unit;
  return `request ${id} (${wish.action} ${about}, ${by} of machine ${via}), which was ${outcome} (${answer}),`;
}
