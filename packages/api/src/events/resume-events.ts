import { backoffMs } from '@muster/core';
import { ApiError } from '../api-error.ts';
import { UnreachableError } from '../endpoint.ts';
import type { EventsLine, EventsQuery } from './read-events.ts';

export interface ResumeOptions {
  readonly signal?: AbortSignal;
  /** Is told once when the stream is interrupted, and when it goes on. */
  readonly onInterruption?: (error: Error) => void;
  readonly onResumption?: () => void;
  /** Before it is tried again; resolves early when the signal aborts. Default: real time. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const firstRetryMs = 200;
const maxRetryMs = 5000;

/**
 * Events across restarts of musterd and outages: it connects again until it can go on, and goes on
 * after the last event it has handed out, so that none is lost and none comes twice. Ends when the
 * signal aborts, or with the line `end`.
 * @throws {UnreachableError} the first connection could not be made
 * @throws {ApiError} what the API says that trying again does not help against
 */
export async function* resumeEvents(
  open: (query: EventsQuery, signal: AbortSignal) => AsyncIterable<EventsLine>,
  query: EventsQuery,
  options: ResumeOptions = {},
): AsyncGenerator<EventsLine> {
  const { signal = new AbortController().signal, sleep = realSleep } = options;
  let place: string | null = null;
  let failures = 0;
  while (!signal.aborted) {
    try {
      for await (const line of open(place === null ? query : { ...query, after: place }, signal)) {
        if (failures > 0) options.onResumption?.();
        failures = 0;
        place = line.id;
        yield line;
        if (line.type === 'end') return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (place === null || !isPassing(error)) throw error;
      failures += 1;
      if (failures === 1) options.onInterruption?.(error);
      await sleep(backoffMs(failures, firstRetryMs, maxRetryMs), signal);
    }
  }
}

/** Whether it may be over when it is tried again. */
function isPassing(error: unknown): error is Error {
  if (error instanceof UnreachableError) return true;
  return (
    error instanceof ApiError &&
    error.status === 503 &&
    (error.code === 'store-unavailable' || error.code === 'too-many-streams')
  );
}

function realSleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
