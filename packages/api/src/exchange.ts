import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { HistoryCompactedError, MusterError } from '@muster/core';
import { HttpError, UnitsRefusedError } from './http-error.ts';
import { toJson } from './kept-answers.ts';
import type { BodiesInHand } from './request-body.ts';
import type { ErrorBody } from './wire.ts';

/** One request and its answer. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Decoded `{…}` parts of the path. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Of all requests of the server. */
  readonly bodies: BodiesInHand;
  /** Aborts when the caller is gone or the server closes. */
  readonly signal: AbortSignal;
}

export function sendJson(res: ServerResponse, status: number, body: unknown): void {
  sendJsonText(res, status, toJson(body));
}

/** The same, of a body that is JSON already. */
export function sendJsonText(res: ServerResponse, status: number, text: Buffer): void {
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': text.length });
  res.end(text);
}

/**
 * Streams pieces as they come, as fast as the caller takes them. Headers go out with the first
 * piece, so that a failure before it is a proper error; with `flush` they go out at once, and the
 * stream ends when the caller closes its side: it may go on for ever, and be silent for as long.
 */
export async function sendStream(
  { req, res, signal }: Exchange,
  pieces: AsyncIterable<Uint8Array>,
  head: { readonly status: number; readonly contentType: string; readonly flush: boolean },
): Promise<void> {
  const start = (): void => {
    if (!res.headersSent) res.writeHead(head.status, { 'Content-Type': head.contentType });
  };
  if (head.flush) {
    start();
    res.flushHeaders();
    endWithCaller(req, res);
  }
  for await (const piece of pieces) {
    start();
    if (!res.write(piece)) {
      await once(res, 'drain', { signal });
    }
  }
  // There may be more that nobody has read.
  if (signal.aborted) return void res.destroy();
  start();
  res.end();
}

/** Ends an answer that may go on for ever when the caller closes its side. */
export function endWithCaller({ socket }: IncomingMessage, res: ServerResponse): void {
  const end = (): void => void res.destroy();
  if (socket.readableEnded) return end();
  socket.once('end', end);
  res.once('close', () => socket.off('end', end));
}

/** Answers with the error; cuts the connection when part of an answer is out already. */
export function sendError(res: ServerResponse, error: unknown): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const { status, code } = statusOf(error);
  const isOurs = error instanceof MusterError;
  const message = isOurs ? error.message : 'something went wrong inside musterd; see its log';
  const units =
    error instanceof UnitsRefusedError
      ? error.units.map(({ name, code: why, message: text, reason, line }) => {
          return { name, code: why, message: text, reason, line };
        })
      : undefined;
  const more = {
    ...(units === undefined ? {} : { units }),
    ...(error instanceof HistoryCompactedError ? { oldest: error.oldest } : {}),
  };
  const body: ErrorBody = { error: { code, message, ...more } };
  if (error instanceof HttpError) {
    for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value);
  }
  sendJson(res, status, body);
}

/** 500 is for what should not happen. */
export function statusOf(error: unknown): { status: number; code: string } {
  if (error instanceof HttpError) return { status: error.status, code: error.code };
  if (!(error instanceof MusterError)) return { status: 500, code: 'internal' };
  const { code } = error;
  const statuses: Readonly<Record<string, number>> = {
    'invalid-input': 400,
    'unit-file-syntax': 400,
    'not-found': 404,
    conflict: 409,
    compacted: 410,
    'store-unavailable': 503,
    'store-untrusted': 503,
    'systemd-unavailable': 503,
    'systemd-refused': 502,
  };
  return { status: statuses[code] ?? 500, code };
}
