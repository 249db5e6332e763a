import { isIP } from 'node:net';
import { isAbsolute, normalize } from 'node:path';
import { parseDuration } from './durations.ts';

/** A unix socket's path has at most 107 bytes: sun_path of unix(7), with its closing zero. */
export const maxSocketPathBytes = 107;

/** Where the API listens. */
export type ListenAddress =
  | { readonly type: 'unix'; readonly path: string }
  | { readonly type: 'tcp'; readonly host: string; readonly port: number };

/*
 * Each parser gives null for a text that does not fit; what would have fitted is said by
 * `expected` in config-keys.ts.
 */

export function parseBoolean(text: string): boolean | null {
  if (text === 'true') return true;
  return text === 'false' ? false : null;
}

export function parseOneOf<T extends string>(...words: readonly T[]): (text: string) => T | null {
  return (text) => words.find((word) => word === text) ?? null;
}

export function parsePath(text: string): string | null {
  return isAbsolute(text) && !text.includes('\0') ? normalize(text) : null;
}

export function parseIpAddress(text: string): string | null {
  return isIP(text) === 0 ? null : text;
}

export function parsePrefix(text: string): string | null {
  return /^(\/[A-Za-z0-9_.-]+)+$/.test(text) ? text : null;
}

/** Milliseconds, both ends included. */
export function parseDurationWithin(minMs: number, maxMs: number): (text: string) => number | null {
  return (text) => {
    const ms = parseDuration(text);
    return ms === null || ms < minMs || ms > maxMs ? null : ms;
  };
}

/** Whole seconds, as etcd's leases are granted in; both ends included. */
export function parseSecondsWithin(
  minSeconds: number,
  maxSeconds: number,
): (text: string) => number | null {
  const within = parseDurationWithin(minSeconds * 1000, maxSeconds * 1000);
  return (text) => {
    const ms = within(text);
    return ms === null || ms % 1000 !== 0 ? null : ms / 1000;
  };
}

/** A whole number in decimal digits; both ends included. */
export function parseNumberWithin(min: number, max: number): (text: string) => number | null {
  return (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return number >= min && number <= max ? number : null;
  };
}

/** In the form the registry takes: no slash at the end. */
export function parseEndpoint(text: string): string | null {
  if (text.startsWith('unix:')) return isSocketPath(text.slice('unix:'.length)) ? text : null;
  const match = /^(https?:\/\/)(.+):(\d{1,5})\/?$/.exec(text);
  if (match === null) return null;
  const [, scheme = '', host = '', port = ''] = match;
  return isHost(host) && isPort(Number(port)) ? `${scheme}${host}:${Number(port)}` : null;
}

export function parseListenAddress(text: string): ListenAddress | null {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    return isSocketPath(path) ? { type: 'unix', path } : null;
  }
  const match = /^tcp:(.+):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const [, host = '', digits = ''] = match;
  const port = Number(digits);
  return isHost(host) && isPort(port)
    ? { type: 'tcp', host: host.replace(/^\[(.*)\]$/, '$1'), port }
    : null;
}

/** `NAME=VALUE`; the value may have further equals signs. */
export function parseMetadatum(text: string): readonly [string, string] | null {
  // \p{C} takes in what does not print: an environment file cannot carry it.
  const match = /^([A-Za-z0-9_.-]+)=([^\p{C}]+)$/u.exec(text);
  if (match === null) return null;
  const [, name = '', value = ''] = match;
  return [name, value];
}

function isSocketPath(path: string): boolean {
  return isAbsolute(path) && Buffer.byteLength(path) <= maxSocketPathBytes && !path.includes('\0');
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535;
}

function isHost(host: string): boolean {
  const bracketed = /^\[(.*)\]$/.exec(host);
  return bracketed === null
    ? /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(host)
    : isIP(bracketed[1] ?? '') === 6;
}
