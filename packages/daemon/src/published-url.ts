/**
 * Where other daemons reach this one's API; null without a TCP listener or without an address that
 * others can use.
 * @param bound - as the server says it listens: `unix:/path` or `tcp:host:port`
 */
export function publishedUrl(
  bound: readonly string[],
  address: string | null,
  isTls: boolean,
): string | null {
  for (const listener of bound) {
    const tcp = /^tcp:\[?([^\]]+?)\]?:(\d+)$/.exec(listener);
    if (tcp?.[1] === undefined || tcp[2] === undefined) continue;
    const isAny = tcp[1] === '0.0.0.0' || tcp[1] === '::';
    const host = isAny ? address : tcp[1];
    if (host === null) continue;
    return `${isTls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${tcp[2]}`;
  }
  return null;
}
