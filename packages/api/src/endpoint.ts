/** Where an API is served. `base` is the path that goes before /v1, without a slash at its end. */
export type Endpoint =
  | { readonly type: 'unix'; readonly shown: string; readonly socketPath: string }
  | {
      readonly type: 'http' | 'https';
      readonly shown: string;
      readonly host: string;
      readonly port: number;
      readonly base: string;
    };

/** An endpoint that cannot be understood. */
export class BadEndpointError extends Error {
  override readonly name = 'BadEndpointError';
}

/** The API was not reached, or the connection to it broke: what it was asked may have happened. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/**
 * @param text - `unix:/path`, `unix:///path`, `http://host:port` or `https://host:port`
 * @throws {BadEndpointError}
 */
export function parseEndpoint(text: string): Endpoint {
  const unix = /^unix:(?:\/\/)?(\/.+)$/.exec(text);
  if (unix?.[1] !== undefined) return { type: 'unix', shown: text, socketPath: unix[1] };
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) {
    const type = url.protocol === 'http:' ? 'http' : 'https';
    return {
      type,
      shown: text,
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? (type === 'http' ? 80 : 443) : Number(url.port),
      base: url.pathname.replace(/\/+$/, ''),
    };
  }
  throw new BadEndpointError(
    `endpoint "${text}" must be unix:/path/of/socket, http://host:port or https://host:port`,
  );
}

/** Says in one sentence why there is no connection. */
export function unreachable(endpoint: Endpoint, cause: unknown): UnreachableError {
  const message = `cannot reach musterd at ${endpoint.shown}: ${explain(endpoint, cause)}`;
  return new UnreachableError(message, { cause });
}

function explain(endpoint: Endpoint, cause: unknown): string {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : '';
  switch (code) {
    case 'ENOENT':
      return 'there is no such socket (is musterd running?)';
    case 'ECONNREFUSED':
      return 'nobody listens there (is musterd running?)';
    case 'EACCES':
      return 'permission denied (be root, or in the group of the socket)';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name is not known';
    case 'ECONNRESET':
    case 'EPIPE':
      return endpoint.type === 'unix' ? 'the connection was cut' : resetText;
    default:
      return cause instanceof Error || hasMessage(cause) ? cause.message : String(cause);
  }
}

const resetText = 'the connection was cut (does it want https and a client certificate?)';

// Errors of node itself are not `instanceof Error` in every realm.
function hasMessage(value: unknown): value is { message: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'message' in value &&
    typeof value.message === 'string'
  );
}
