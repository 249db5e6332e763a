import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { HistoryCompactedError, MusterError } from '@muster/core';
import type { ChangeBatch, Clock, History, HistoryQuery } from '@muster/core';
import { endWithCaller } from '../exchange.ts';
import type { Exchange } from '../exchange.ts';
import { StreamLimit } from '../stream-limit.ts';
import { formatCursor } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import { eventsOf } from './derive-events.ts';
import type { EventBody, EventsEnd, EventsError } from './event.ts';
import { readEventsRequest } from './event-query.ts';
import type { EventsRequest } from './event-query.ts';
import { formatSse, sseComment, sseRetry } from './sse.ts';

export interface EventStreamsOptions {
  readonly history: History;
  readonly clock: Clock;
}

/** Each has a watch of its own, so their number is bounded. */
const maxStreams = 100;
const keepAliveMs = 15_000;
const retryMs = 1000;

/** The streams of events that this daemon serves. */
export class EventStreams {
  readonly #options: EventStreamsOptions;
  readonly #limit = new StreamLimit(maxStreams, 'streams of events');

  constructor(options: EventStreamsOptions) {
    this.#options = options;
  }

  /** Answers `GET /v1/events`. */
  async serve(exchange: Exchange): Promise<void> {
    const { req, res, query } = exchange;
    const lastEventId = req.headers['last-event-id'];
    const request = readEventsRequest(
      query,
      typeof lastEventId === 'string' ? lastEventId : undefined,
    );
    await this.#limit.run(async () => {
      if (req.method === 'HEAD') begin(res).end();
      else await this.#stream(exchange, request);
    });
  }

  async #stream(exchange: Exchange, { after, follow, isWanted }: EventsRequest): Promise<void> {
    const { history, clock } = this.#options;
    const { req, res, signal } = exchange;
    const reader = await history.open({ after: revisionBefore(after), follow, signal });
    const place = typeof after === 'string' ? { revision: reader.after, index: null } : after;
    const out = new EventOutput(begin(res), { clock, signal, isWanted, place });
    if (follow) endWithCaller(req, res);
    try {
      await out.begin();
      for await (const batch of reader.batches) await out.batch(batch);
      if (!signal.aborted) await out.end();
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof MusterError)) throw error;
      await out.fail(error);
    } finally {
      out.close();
      res.end();
    }
  }
}

/** A transaction of which some events were seen is read again. */
function revisionBefore(after: EventsRequest['after']): HistoryQuery['after'] {
  if (typeof after === 'string') return after;
  return after.index === null ? after.revision : after.revision - 1;
}

function begin(res: ServerResponse): ServerResponse {
  res.writeHead(200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store',
  });
  res.flushHeaders();
  return res;
}

/** With the fields in one order, for people who look at it. */
function dataOf(event: EventBody): string {
  const { id, revision, index, type, time, unit, machine, by, reason, text, details } = event;
  const common = { id, revision, index, type, time, unit, machine, by, reason };
  return JSON.stringify({ ...common, text, details });
}

interface EventOutputOptions extends Pick<EventsRequest, 'isWanted'> {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What the reader has seen already. */
  readonly place: Cursor;
}

/** Writes events as fast as the reader takes them, and something now and then when there are none. */
class EventOutput {
  readonly #res: ServerResponse;
  readonly #options: EventOutputOptions;
  readonly #over = new AbortController();
  readonly #start: Cursor;
  #place: Cursor;
  #sentId = '';
  #isBlocked = false;

  constructor(res: ServerResponse, options: EventOutputOptions) {
    this.#res = res;
    this.#options = options;
    this.#start = options.place;
    this.#place = options.place;
  }

  /** The reader learns its place at once: it may be cut off before anything happens. */
  async begin(): Promise<void> {
    await this.#write(`${sseRetry(retryMs)}${this.#placeLine()}`);
    void this.#keepAlive();
  }

  async batch(batch: ChangeBatch): Promise<void> {
    const { isWanted } = this.#options;
    const events = eventsOf(batch).filter((event) => !this.#isSeen(event) && isWanted(event));
    const last = events.at(-1);
    if (last !== undefined) {
      const lines = events.map((event) =>
        formatSse({ id: event.id, event: event.type, data: dataOf(event) }),
      );
      this.#sentId = last.id;
      await this.#write(lines.join(''));
    }
    this.#place = { revision: batch.revision, index: null };
  }

  async end(): Promise<void> {
    const { revision } = this.#place;
    const data: EventsEnd = { revision };
    const id = formatCursor(this.#place);
    await this.#write(formatSse({ id, event: 'end', data: JSON.stringify(data) }));
  }

  async fail(error: MusterError): Promise<void> {
    const { code, message } = error;
    const more = error instanceof HistoryCompactedError ? { oldest: error.oldest } : {};
    const data: EventsError = { code, message, ...more };
    await this.#write(formatSse({ event: 'error', data: JSON.stringify(data) }));
  }

  close(): void {
    this.#over.abort();
  }

  #isSeen({ revision, index }: EventBody): boolean {
    const { revision: seen, index: upTo } = this.#start;
    return revision < seen || (revision === seen && (upTo === null || index <= upTo));
  }

  /** Moves the reader's place on also when nothing that it wants happened. */
  #placeLine(): string {
    const id = formatCursor(this.#place);
    if (id === this.#sentId) return sseComment;
    this.#sentId = id;
    return formatSse({ id });
  }

  async #keepAlive(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      await this.#options.clock.sleep(keepAliveMs, signal);
      if (!signal.aborted && !this.#isBlocked) this.#res.write(this.#placeLine());
    }
  }

  async #write(text: string): Promise<void> {
    if (this.#res.write(text)) return;
    this.#isBlocked = true;
    await once(this.#res, 'drain', { signal: this.#options.signal });
    this.#isBlocked = false;
  }
}
