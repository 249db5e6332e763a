import { quoted } from '../quoted.ts';

/** fleet's two names for the same resources; `/v1-alpha` is the older one. */
const prefixes = ['/fleet/v1', '/v1-alpha'] as const;

export type FleetTarget =
  /** The root, or a prefix by itself: there, but nothing can be done with it. */
  | { readonly type: 'prefix' }
  | { readonly type: 'discovery' | 'machines' | 'units' | 'states' }
  | { readonly type: 'unit' | 'state'; readonly name: string }
  | { readonly type: 'nothing' }
  /** The path has another, shorter spelling. */
  | { readonly type: 'moved'; readonly to: string }
  | { readonly type: 'malformed'; readonly why: string };

/**
 * What a path means to fleet's API.
 * @param path - as it came, still percent-encoded, without the query
 * @returns null: it is none of fleet's
 */
export function resolveFleetPath(path: string): FleetTarget | null {
  if (path === '/') return { type: 'prefix' };
  const decoded = decode(path);
  if (decoded === null) {
    const isOurs = prefixes.some((prefix) => path.startsWith(`${prefix}/`));
    return isOurs
      ? { type: 'malformed', why: `${quoted(path)} is not properly percent-encoded` }
      : null;
  }
  const clean = cleaned(decoded);
  const prefix = prefixes.find((each) => clean === each || clean.startsWith(`${each}/`));
  if (prefix === undefined) return null;
  if (clean !== decoded)
    return { type: 'moved', to: clean.split('/').map(encodeURIComponent).join('/') };
  if (clean === prefix) return { type: 'prefix' };
  return resourceAt(clean.slice(prefix.length + 1));
}

/** The pattern of the paths that mean this, under fleet's newer prefix; null: there is nothing. */
export function fleetRoute(target: FleetTarget): string | null {
  const [prefix] = prefixes;
  switch (target.type) {
    case 'prefix':
      return prefix;
    case 'discovery':
    case 'machines':
    case 'units':
      return `${prefix}/${target.type}`;
    case 'states':
      return `${prefix}/state`;
    case 'unit':
      return `${prefix}/units/{name}`;
    case 'state':
      return `${prefix}/state/{name}`;
    case 'nothing':
    case 'moved':
    case 'malformed':
      return null;
  }
}

function resourceAt(rest: string): FleetTarget {
  switch (rest) {
    case 'discovery':
    case 'machines':
    case 'units':
      return { type: rest };
    case 'state':
      return { type: 'states' };
  }
  const [collection, name = '', ...more] = rest.split('/');
  if (name === '' || more.length > 0) return { type: 'nothing' };
  if (collection === 'units') return { type: 'unit', name };
  if (collection === 'state') return { type: 'state', name };
  return { type: 'nothing' };
}

function decode(path: string): string | null {
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}

/** Without empty, `.` and `..` segments; a slash at the end stays. */
function cleaned(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/');
  for (const segment of segments) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  const isDirectory = ['', '.', '..'].includes(segments.at(-1) ?? '') && kept.length > 0;
  return `/${kept.join('/')}${isDirectory ? '/' : ''}`;
}
