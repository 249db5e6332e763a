import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { HttpError } from './http-error.ts';

/** PEM contents, not file names. */
export interface TlsMaterial {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface ForwardedAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * Gets a path from another machine's API.
 * @param apiUrl - `http://…` or `https://…`, as that machine publishes it
 * @throws {HttpError} 502 when it does not answer
 */
export type Forwarder = (
  apiUrl: string,
  path: string,
  signal: AbortSignal,
) => Promise<ForwardedAnswer>;

/** Time for the other machine to begin its answer. */
const answerTimeoutMs = 30_000;

/** @param tls - the certificate shown to other machines; null: they are asked over plain http */
export function createForwarder(tls: TlsMaterial | null): Forwarder {
  return async (apiUrl, path, signal) => {
    try {
      const response = await get(new URL(path, apiUrl), tls, signal);
      return {
        status: response.statusCode ?? 502,
        contentType: response.headers['content-type'] ?? 'text/plain; charset=utf-8',
        body: response,
      };
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      const message = `the machine at ${apiUrl} does not answer: ${why}`;
      throw new HttpError(502, 'machine-unreachable', message, { cause });
    }
  };
}

function get(url: URL, tls: TlsMaterial | null, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === 'https:'
        ? httpsRequest(url, { signal, agent: false, ...tls })
        : httpRequest(url, { signal, agent: false });
    const timer = setTimeout(() => {
      request.destroy(new Error(`no answer within ${answerTimeoutMs / 1000} s`));
    }, answerTimeoutMs);
    request.on('response', (response) => {
      clearTimeout(timer);
      resolve(response);
    });
    request.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    request.end();
  });
}
