const protocols = ['tcp', 'udp', 'sctp', 'udplite'] as const;
type Protocol = (typeof protocols)[number];

const mostPort = 65_535;

/** A port that a unit listens on. */
export interface PortClaim {
  readonly protocol: Protocol;
  /** 1 to 65535 */
  readonly port: number;
  /** Canonical; null: all addresses. `0.0.0.0` and `::` are all of IPv4 and IPv6 alone. */
  readonly address: string | null;
  /** It bears others that say so as well (`ReusePort=`). */
  readonly isShared: boolean;
  /** What says so, as the unit file has it: `Ports=80`. */
  readonly option: string;
}

/** Whether one machine cannot have both. */
export function doPortsClash(a: PortClaim, b: PortClaim): boolean {
  if (a.protocol !== b.protocol || a.port !== b.port || (a.isShared && b.isShared)) return false;
  if (a.address === null || b.address === null || a.address === b.address) return true;
  return isAmong(a.address, b.address) || isAmong(b.address, a.address);
}

function isAmong(all: string, one: string): boolean {
  return all === '0.0.0.0' ? !one.includes(':') : all === '::' && one.includes(':');
}

/** Ports that follow each other. */
export interface PortRange extends Omit<PortClaim, 'option' | 'isShared'> {
  /** Not less than `port`. */
  readonly last: number;
}

/** `80`, `80/tcp`, `8000-8010`, `127.0.0.1:80`, `[::1]:53-54/udp`; null: these are no ports. */
export function parsePorts(text: string): PortRange | null {
  const slash = text.lastIndexOf('/');
  const name = slash === -1 ? 'tcp' : text.slice(slash + 1);
  const protocol = protocols.find((known) => known === name);
  const places = slash === -1 ? text : text.slice(0, slash);
  const [, first = places, digits = null] = /^(.*\d)-(\d{1,5})$/.exec(places) ?? [];
  const place = parseListenAddress(first);
  if (place === null || protocol === undefined) return null;
  const last = digits === null ? place.port : Number(digits);
  return last < place.port || last > mostPort ? null : { protocol, ...place, last };
}

/** `80`, `127.0.0.1:80`, `[::1]:80`, `[fe80::1]:80%eth0`, as systemd.socket(5) has them; null: none of these. */
export function parseListenAddress(text: string): Pick<PortClaim, 'port' | 'address'> | null {
  const match = /^(?:(?:\[([^\]]+)\]|(\d+\.\d+\.\d+\.\d+)):)?(\d{1,5})(?:%(\S+))?$/.exec(text);
  if (match === null) return null;
  const [, ipv6, ipv4, digits = '', scope] = match;
  const port = Number(digits);
  if (port < 1 || port > mostPort) return null;
  if (ipv6 === undefined && ipv4 === undefined) return scope === undefined ? any(port) : null;
  if (ipv4 !== undefined) return isIpv4(ipv4) ? { port, address: ipv4 } : null;
  const address = canonicalIpv6(ipv6 ?? '', scope);
  if (address === null) return null;
  // The kernel gives such a socket IPv4 as well, unless it is told otherwise.
  return address === '::' ? any(port) : { port, address };
}

function any(port: number): Pick<PortClaim, 'port' | 'address'> {
  return { port, address: null };
}

function isIpv4(text: string): boolean {
  return /^(?:(?:0|[1-9]\d{0,2})(?:\.|$)){4}$/.test(text) && text.split('.').every((n) => +n < 256);
}

function canonicalIpv6(text: string, outerScope: string | undefined): string | null {
  const [bare = '', innerScope] = text.split('%');
  const url = `http://[${bare}]`;
  if (!/^[0-9a-f:.]+$/i.test(bare) || !URL.canParse(url)) return null;
  const address = new URL(url).hostname.slice(1, -1);
  const scope = innerScope ?? outerScope;
  return mappedIpv4(address) ?? (scope === undefined ? address : `${address}%${scope}`);
}

function mappedIpv4(address: string): string | null {
  const match = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(address);
  if (match === null) return null;
  const halves = match.slice(1).map((half) => Number.parseInt(half, 16));
  return halves.flatMap((half) => [half >> 8, half & 255]).join('.');
}

/** What a machine's people call it: `tcp port 80 on 127.0.0.1`. */
export function describePort({ protocol, port, address }: PortClaim): string {
  return `${protocol} port ${port}${address === null ? '' : ` on ${address}`}`;
}
