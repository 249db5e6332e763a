import { compileGlob, InvalidInputError } from '@muster/core';
import { quoted } from '../quoted.ts';
import { readMachineId } from '../read-request.ts';
import { parseCursor } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import { eventTypes } from './event.ts';
import type { EventBody, EventType } from './event.ts';

export interface EventsRequest {
  /** `oldest`: everything that is kept; `now`: what happens from now on. */
  readonly after: Cursor | 'oldest' | 'now';
  readonly follow: boolean;
  readonly isWanted: (event: EventBody) => boolean;
}

const known = ['after', 'follow', 'unit', 'machine', 'type'];

/**
 * @param lastEventId - the header with which an EventSource goes on; it goes before `after`
 * @throws {InvalidInputError} naming the parameter
 */
export function readEventsRequest(
  query: URLSearchParams,
  lastEventId: string | undefined,
): EventsRequest {
  const odd = [...query.keys()].find((name) => !known.includes(name));
  if (odd !== undefined) {
    throw new InvalidInputError(`unknown parameter ${quoted(odd)}; known are ${known.join(', ')}`);
  }
  const follow = readFollow(query);
  return { follow, after: readAfter(query, lastEventId, follow), isWanted: readFilter(query) };
}

function readFollow(query: URLSearchParams): boolean {
  const follow = single(query, 'follow') ?? 'true';
  if (follow === 'true' || follow === 'false') return follow === 'true';
  throw new InvalidInputError(`follow must be true or false, not ${quoted(follow)}`);
}

/** Without a word about it: who follows begins now, who does not gets what there is. */
function readAfter(
  query: URLSearchParams,
  lastEventId: string | undefined,
  follow: boolean,
): EventsRequest['after'] {
  const asked = single(query, 'after');
  const name = lastEventId === undefined ? 'after' : 'Last-Event-ID';
  const text = lastEventId ?? asked;
  if (text === null) return follow ? 'now' : 'oldest';
  const cursor = parseCursor(text);
  if (cursor === null) {
    throw new InvalidInputError(`${name} must be REVISION or REVISION.INDEX, not ${quoted(text)}`);
  }
  return cursor.revision === 0 ? 'oldest' : cursor;
}

/** One of the values of each parameter that is there must fit. */
function readFilter(query: URLSearchParams): EventsRequest['isWanted'] {
  const units = query.getAll('unit').map((pattern) => {
    const glob = compileGlob(pattern);
    if (!glob.isMalformed && pattern !== '') return glob;
    throw new InvalidInputError(`unit ${quoted(pattern)} is not a pattern for unit names`);
  });
  const machines = new Set(query.getAll('machine').map(readMachineId));
  const types = new Set(query.getAll('type').map(readType));
  return ({ unit, machine, type }) =>
    (units.length === 0 || (unit !== null && units.some((glob) => glob.matches(unit)))) &&
    (machines.size === 0 || (machine !== null && machines.has(machine))) &&
    (types.size === 0 || types.has(type));
}

function readType(text: string): EventType {
  const type = eventTypes.find((each) => each === text);
  if (type !== undefined) return type;
  throw new InvalidInputError(`type ${quoted(text)} is none of ${eventTypes.join(', ')}`);
}

function single(query: URLSearchParams, name: string): string | null {
  const [first = null, ...others] = query.getAll(name);
  if (others.length === 0) return first;
  throw new InvalidInputError(`${name} is given more than once`);
}
