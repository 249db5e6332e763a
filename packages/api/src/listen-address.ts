import { InvalidInputError } from '@muster/core';

export type ListenAddress =
  | { readonly type: 'unix'; readonly path: string }
  | { readonly type: 'tcp'; readonly host: string; readonly port: number };

/** @param address - `unix:/path`, `tcp:host:port` or `tcp:[::1]:port` */
export function parseListenAddress(address: string): ListenAddress {
  const unix = /^unix:(?:\/\/)?(\/.+)$/.exec(address);
  if (unix?.[1] !== undefined) return { type: 'unix', path: unix[1] };
  const tcp = /^tcp:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/]+)):(\d{1,5})$/.exec(address);
  const host = tcp?.[1] ?? tcp?.[2];
  const port = Number(tcp?.[3]);
  if (host !== undefined && port <= 65_535) return { type: 'tcp', host, port };
  throw new InvalidInputError(
    `listen address "${address}" must be unix:/path/of/socket or tcp:host:port`,
  );
}

export function showListenAddress(address: ListenAddress): string {
  if (address.type === 'unix') return `unix:${address.path}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `tcp:${host}:${address.port}`;
}

/**
 * Whether whoever listens on `open` listens on `wanted` as well: the same address, or every address
 * of the machine. `::` counts for IPv4, too, as it does unless somebody asked for the contrary.
 */
export function covers(open: ListenAddress, wanted: ListenAddress): boolean {
  if (open.type === 'unix' || wanted.type === 'unix') {
    return showListenAddress(open) === showListenAddress(wanted);
  }
  if (open.port !== wanted.port) return false;
  if (open.host === wanted.host || open.host === '::') return true;
  return open.host === '0.0.0.0' && !wanted.host.includes(':');
}

/** Whether the kernel gives the two out only one at a time. */
export function collide(a: ListenAddress, b: ListenAddress): boolean {
  return a.type === 'tcp' && b.type === 'tcp' && (covers(a, b) || covers(b, a));
}
