import { request as httpRequest } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { unreachable, UnreachableError } from './endpoint.ts';
import type { Endpoint } from './endpoint.ts';
import { StreamAgent } from './stream-agent.ts';
import type { Dialer } from './stream-agent.ts';

/** PEM contents, not file names. */
export interface ClientTls {
  /** Absent: the system's authorities. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface TransportOptions {
  readonly endpoint: Endpoint;
  /** Sent as `Muster-User`; null: nothing is said. */
  readonly user: string | null;
  /** For https; null: the system's authorities and no certificate of ours. */
  readonly tls: ClientTls | null;
  /** Is told of each answer; null: nobody wants to know. */
  readonly trace: ((text: string) => void) | null;
  /** Makes the connections and keeps them; null: a socket of this system for each request. */
  readonly agent: StreamAgent | null;
}

export interface Call {
  readonly method: string;
  /** With the query, from /v1 on. */
  readonly path: string;
  /** Absent: no body. */
  readonly body?: unknown;
  /** Silence of this length is an error; null: none is. */
  readonly silenceMs: number | null;
  /** The same until the answer begins; absent: no other. */
  readonly answerMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Connections that a dialer makes, for the API at an endpoint. */
export function createAgent(
  { dial }: Dialer,
  endpoint: Endpoint,
  tls: ClientTls | null,
): StreamAgent {
  return new StreamAgent(
    () => dial(endpoint),
    (socket) => {
      if (endpoint.type !== 'https') return socket;
      const { connect } = process.getBuiltinModule('node:tls');
      const { host } = endpoint;
      // An address is no server name: it is looked for in the certificate, but not asked for.
      const isAddress = process.getBuiltinModule('node:net').isIP(host) !== 0;
      return connect({ socket, host, ...(isAddress ? {} : { servername: host }), ...tls });
    },
  );
}

/**
 * Sends one request; resolves when the answer begins. Without an agent every connection is used
 * once, so that nothing keeps a command alive that has its answer.
 * @throws {UnreachableError}
 */
export function send(options: TransportOptions, call: Call): Promise<IncomingMessage> {
  const { endpoint, trace } = options;
  const now = (): number => (trace === null ? 0 : performance.now());
  const begun = now();
  const body = call.body === undefined ? null : Buffer.from(JSON.stringify(call.body));
  return new Promise((resolve, reject) => {
    const request = open(options, requestOptions(options, call, body));
    const fail = (cause: unknown): void => reject(broken(options, cause));
    let allowedMs = call.answerMs ?? call.silenceMs ?? 0;
    request.setTimeout(allowedMs);
    request.on('timeout', () => {
      const seconds = Math.round(allowedMs / 100) / 10;
      request.destroy(unreachable(endpoint, new Error(`no answer within ${seconds} s`)));
    });
    request.on('error', fail);
    request.on('response', (response) => {
      allowedMs = call.silenceMs ?? 0;
      request.setTimeout(allowedMs);
      const ms = Math.round(now() - begun);
      trace?.(`${call.method} ${call.path} ${response.statusCode ?? 0} after ${ms} ms`);
      resolve(response);
    });
    request.end(body ?? undefined);
  });
}

/** The pieces of an answer. @throws {UnreachableError} when the connection breaks */
export async function* receive(
  options: TransportOptions,
  response: IncomingMessage,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of response) if (Buffer.isBuffer(piece)) yield piece;
  } catch (cause) {
    throw broken(options, cause);
  }
}

function broken({ endpoint, agent }: TransportOptions, cause: unknown): UnreachableError {
  if (cause instanceof UnreachableError) return cause;
  return unreachable(endpoint, agent?.failure ?? cause);
}

function open(
  { endpoint, agent }: TransportOptions,
  options: RequestOptions,
): ReturnType<typeof httpRequest> {
  if (agent !== null || endpoint.type !== 'https') return httpRequest(options);
  // Loaded only here: TLS costs start-up time, and few commands need it.
  return process.getBuiltinModule('node:https').request(options);
}

function requestOptions(
  { endpoint, user, tls, agent }: TransportOptions,
  { method, path, signal }: Call,
  body: Buffer | null,
): RequestOptions & { servername?: string } {
  const target =
    endpoint.type === 'unix'
      ? { socketPath: endpoint.socketPath, path }
      : { host: endpoint.host, port: endpoint.port, path: `${endpoint.base}${path}` };
  return {
    ...target,
    ...tls,
    // Else node works one out, which costs the start of musterctl 2 ms.
    ...(endpoint.type === 'https' ? {} : { servername: '' }),
    method,
    agent: agent ?? false,
    ...(signal === undefined ? {} : { signal }),
    headers: {
      'User-Agent': 'musterctl',
      ...(user === null ? {} : { 'Muster-User': user }),
      ...(body === null
        ? {}
        : { 'Content-Type': 'application/json', 'Content-Length': body.length }),
    },
  };
}
