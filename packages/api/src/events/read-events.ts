import { ApiError } from '../api-error.ts';
import { UnreachableError } from '../endpoint.ts';
import type { EventBody, EventsError } from './event.ts';
import { parseSse } from './sse.ts';
import type { ServerSentEvent } from './sse.ts';

/** Filters of one kind are alternatives; those of different kinds must all fit. */
export interface EventsQuery {
  /**
   * The id of an event, or a revision: everything after it; `0`: everything that is kept. Absent:
   * what happens from now on, or (without `follow`) everything that is kept.
   */
  readonly after?: string;
  /** false: ends with what has happened until now. Default true. */
  readonly follow?: boolean;
  /** Names of units, or patterns for them. */
  readonly units?: readonly string[];
  /** Machine ids. */
  readonly machines?: readonly string[];
  readonly types?: readonly string[];
}

/** `id` is what to go on after. A `place` says only that. */
export type EventsLine =
  | { readonly type: 'event'; readonly id: string; readonly event: EventBody }
  | { readonly type: 'place'; readonly id: string }
  | { readonly type: 'end'; readonly id: string };

export function eventsSearch({ after, follow, units, machines, types }: EventsQuery): string {
  const query = new URLSearchParams();
  if (after !== undefined) query.set('after', after);
  if (follow !== undefined) query.set('follow', String(follow));
  for (const unit of units ?? []) query.append('unit', unit);
  for (const machine of machines ?? []) query.append('machine', machine);
  for (const type of types ?? []) query.append('type', type);
  return query.toString();
}

/**
 * @param shown - the endpoint, for messages
 * @throws {UnreachableError} when the answer just stops
 */
export async function* readEvents(
  pieces: AsyncIterable<Uint8Array>,
  shown: string,
): AsyncGenerator<EventsLine> {
  for await (const sent of parseSse(pieces)) {
    const line = lineOf(sent);
    if (line === null) continue;
    yield line;
    if (line.type === 'end') return;
  }
  throw new UnreachableError(`musterd at ${shown} ended the events early`);
}

/** null: nothing of ours. */
function lineOf({ id, event, data }: ServerSentEvent): EventsLine | null {
  if (event === 'error' && data !== null) throw asApiError(JSON.parse(data));
  if (id === null) return null;
  if (data === null) return { type: 'place', id };
  if (event === 'end') return { type: 'end', id };
  const body: EventBody = JSON.parse(data);
  return { type: 'event', id, event: body };
}

function asApiError(error: EventsError): ApiError {
  return new ApiError(error.code === 'compacted' ? 410 : 503, { error });
}
