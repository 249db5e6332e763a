import { InvalidInputError } from '@muster/core';
import type { Exchange } from './exchange.ts';
import { HttpError } from './http-error.ts';
import { quoted, shown } from './quoted.ts';

type Handler = (exchange: Exchange) => Promise<void>;
type Method = 'GET' | 'PUT' | 'POST' | 'DELETE' | 'PATCH';

export interface Route {
  /** `/v1/units/{name}`: a part in braces stands for exactly one path segment. */
  readonly path: string;
  readonly methods: Readonly<Partial<Record<Method, Handler>>>;
}

export interface RouteMatch {
  readonly handler: Handler;
  readonly params: Readonly<Record<string, string>>;
}

/**
 * The first route whose path fits.
 * @param path - as it came, still percent-encoded, without the query
 * @throws {HttpError} 404, or 405 with `Allow`
 * @throws {InvalidInputError} when a segment is not properly percent-encoded
 */
export function matchRoute(routes: readonly Route[], method: string, path: string): RouteMatch {
  const segments = path.split('/');
  for (const route of routes) {
    const params = matchPath(route.path.split('/'), segments);
    if (params === null) continue;
    // A HEAD is a GET whose body node leaves away.
    const asked = method === 'HEAD' ? 'GET' : method;
    const found = Object.entries(route.methods).find(([known]) => known === asked);
    if (found !== undefined) return { handler: found[1], params };
    const allowed = Object.keys(route.methods).join(', ');
    throw new HttpError(405, 'method', `${method} is not supported here, only ${allowed}`, {
      headers: { Allow: allowed },
    });
  }
  throw new HttpError(404, 'no-such-path', `there is nothing at ${shown(path)}`);
}

/** The pattern of the first route whose path fits; null: there is none. */
export function patternOf(routes: readonly Route[], path: string): string | null {
  const segments = path.split('/');
  const found = routes.find((route) => fits(route.path.split('/'), segments));
  return found?.path ?? null;
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern.length !== segments.length) return false;
  return pattern.every((part, i) =>
    part.startsWith('{') ? segments[i] !== '' : part === segments[i],
  );
}

function matchPath(
  pattern: readonly string[],
  segments: readonly string[],
): Record<string, string> | null {
  if (!fits(pattern, segments)) return null;
  const params: Record<string, string> = {};
  for (const [i, part] of pattern.entries()) {
    if (part.startsWith('{')) params[part.slice(1, -1)] = decode(segments[i] ?? '');
  }
  return params;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new InvalidInputError(`${quoted(segment)} is not properly percent-encoded`, { cause });
  }
}
