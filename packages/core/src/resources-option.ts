import {
  parseByteAmount,
  parseCountAmount,
  parseCpuNumbers,
  parseMilliCpus,
  parsePermyriad,
} from './amounts.ts';
import type { Amount } from './amounts.ts';
import { firstFew } from './first-few.ts';
import { parseListenAddress, parsePorts } from './ports-option.ts';
import type { PortClaim, PortRange } from './ports-option.ts';
import { lastOption, optionValues } from './unit-file.ts';
import type { UnitFile } from './unit-file.ts';
import { expandSpecifiers, parseUnitName } from './unit-name.ts';

/** What machines have so much of: bytes of memory, thousandths of CPUs, bytes of disk, tasks. */
export const resourceKinds = ['memory', 'cpu', 'disk', 'tasks'] as const;
export type ResourceKind = (typeof resourceKinds)[number];

/** What is kept free for a unit on its machine. */
export interface Need {
  readonly kind: ResourceKind;
  readonly amount: Amount;
  /** What says so, as the unit file has it: `MemoryMax=1G`. */
  readonly option: string;
}

/** What a unit takes of its machine. */
export interface Resources {
  /** At most one of a kind, none of nothing. */
  readonly needs: readonly Need[];
  /** CPUs that the machine has to have; null: it does not matter. */
  readonly allowedCpus: { readonly numbers: readonly number[]; readonly option: string } | null;
  readonly ports: readonly PortClaim[];
  /** The service that a socket starts, and may share its ports with; null: it is no socket. */
  readonly starts: string | null;
}

export interface ReadResources {
  /** null: it asks for nothing of it all. */
  readonly resources: Resources | null;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

const reservations = {
  MemoryReservation: { kind: 'memory', parse: parseByteAmount, like: '512M, 1.5G or 10%' },
  CPUReservation: { kind: 'cpu', parse: parseCpuAmount, like: '0.5 or 50%' },
  DiskReservation: { kind: 'disk', parse: parseByteAmount, like: '20G or 10%' },
} as const;

export const resourceOptions = [
  ...(Object.keys(reservations) as (keyof typeof reservations)[]),
  'Ports',
] as const;

/**
 * Options of the unit's own section that say what it may use at most: of a kind the first that is there
 * counts, or one that is less and holds `besides`.
 */
const limits: readonly {
  readonly kind: ResourceKind;
  readonly option: string;
  readonly parse: (text: string) => Amount | null;
  readonly besides?: true;
}[] = [
  { kind: 'memory', option: 'MemoryHigh', parse: parseByteAmount },
  { kind: 'memory', option: 'MemoryMax', parse: parseByteAmount, besides: true },
  { kind: 'memory', option: 'MemoryLimit', parse: parseByteAmount },
  { kind: 'cpu', option: 'CPUQuota', parse: parseQuota },
  { kind: 'tasks', option: 'TasksMax', parse: parseCountAmount },
];

/**
 * Types with processes of their own. What a slice may use at most is used by what is in it, which
 * says so itself.
 */
const sections: ReadonlyMap<string, string> = new Map([
  ['service', 'Service'],
  ['socket', 'Socket'],
  ['mount', 'Mount'],
  ['swap', 'Swap'],
]);

const mostPorts = 256;

/** What follows for the unit `name` from `[X-Fleet]` and from the options by which systemd limits it. */
export function readResources(file: UnitFile, name: string): ReadResources {
  const given = new Set(file.options.map((option) => option.name));
  // Most units say nothing of it, and a cluster may have many.
  if (!relevant.some((option) => given.has(option))) return nothing;
  const problems: string[] = [];
  const warnings: string[] = [];
  const reserved = readReservations(file, name, problems);
  const limited = readLimits(file, name, warnings);
  const needs = [...reserved.values(), ...limited.filter(({ kind }) => !reserved.has(kind))];
  const ports = [...readPorts(file, name, problems), ...readListens(file, name, warnings)];
  if (ports.length > mostPorts) {
    problems.push(`Ports names ${ports.length} ports; the most is ${mostPorts}`);
  }
  warnings.push(...tooSmallLimits(reserved, limited));
  const allowedCpus = readAllowedCpus(file, name, warnings);
  const wanted = needs.filter(({ amount }) => amountIn(amount) > 0);
  if (wanted.length === 0 && allowedCpus === null && ports.length === 0) {
    return { resources: null, problems, warnings };
  }
  const starts = serviceOf(file, name);
  return { resources: { needs: wanted, allowedCpus, ports, starts }, problems, warnings };
}

const nothing: ReadResources = { resources: null, problems: [], warnings: [] };

const relevant: readonly string[] = [
  ...resourceOptions,
  ...limits.map(({ option }) => option),
  'AllowedCPUs',
  'ListenStream',
  'ListenDatagram',
];

function amountIn(amount: Amount): number {
  return amount.type === 'count' ? amount.count : amount.permyriad;
}

function readReservations(
  file: UnitFile,
  name: string,
  problems: string[],
): Map<ResourceKind, Need> {
  const found = new Map<ResourceKind, Need>();
  for (const [option, { kind, parse, like }] of Object.entries(reservations)) {
    const text = expanded(lastOption(file, 'X-Fleet', option), name);
    if (text === null) continue;
    const amount = parse(text);
    if (amount !== null) found.set(kind, { kind, amount, option: `${option}=${text}` });
    else problems.push(`${option}=${text} is no amount, such as ${like}`);
  }
  return found;
}

/** null: it is not there, or depends on an instance that the template does not have. */
function expanded(text: string | null, name: string): string | null {
  const value = text === null ? null : expandSpecifiers(text, name);
  return value === null || isOpen(value, name) ? null : value;
}

function isOpen(value: string, name: string): boolean {
  return value.includes('%i') && parseUnitName(name).isTemplate;
}

/** One of each kind. systemd ignores what it does not understand, and what was said before holds. */
function readLimits(file: UnitFile, name: string, warnings: string[]): Need[] {
  const section = sections.get(parseUnitName(name).type);
  if (section === undefined) return [];
  const found = new Map<ResourceKind, Need>();
  for (const { kind, option, parse, besides } of limits) {
    let last: Need | null = null;
    for (const text of optionValues(file, section, option)) {
      const amount = parse(text);
      if (text === 'infinity') last = null;
      else if (amount !== null && amountIn(amount) > 0) {
        last = { kind, amount, option: `${option}=${text}` };
      } else
        warnings.push(`${option}=${text} in [${section}] is no amount: it counts as not given`);
    }
    const known = found.get(kind);
    if (last === null) continue;
    if (known === undefined || (besides === true && isLess(last, known))) found.set(kind, last);
  }
  return [...found.values()];
}

/** A share and a number can be compared only on a machine. */
function isLess({ amount: a }: Need, { amount: b }: Need): boolean {
  return a.type === b.type && amountIn(a) < amountIn(b);
}

function parseCpuAmount(text: string): Amount | null {
  const count = parseMilliCpus(text);
  return count === null ? null : { type: 'count', count };
}

/** A percentage of one CPU. */
function parseQuota(text: string): Amount | null {
  return parsePermyriad(text) === null ? null : parseCpuAmount(text);
}

function tooSmallLimits(
  reserved: ReadonlyMap<ResourceKind, Need>,
  limited: readonly Need[],
): string[] {
  return limited.flatMap((limit) => {
    const need = reserved.get(limit.kind);
    if (need === undefined || need.amount.type !== limit.amount.type) return [];
    if (amountIn(need.amount) <= amountIn(limit.amount)) return [];
    return [`${need.option} is more than the unit may use: ${limit.option}`];
  });
}

function readAllowedCpus(
  file: UnitFile,
  name: string,
  warnings: string[],
): Resources['allowedCpus'] {
  const section = sections.get(parseUnitName(name).type);
  if (section === undefined) return null;
  const all = new Set<number>();
  const values = optionValues(file, section, 'AllowedCPUs');
  for (const text of values) {
    const numbers = parseCpuNumbers(text);
    if (numbers === null) {
      warnings.push(
        `AllowedCPUs=${text} in [${section}] is no list of CPUs: it counts as not given`,
      );
    } else for (const cpu of numbers) all.add(cpu);
  }
  const numbers = [...all].sort((a, b) => a - b);
  return numbers.length === 0 ? null : { numbers, option: `AllowedCPUs=${values.join(' ')}` };
}

function readPorts(file: UnitFile, name: string, problems: string[]): PortClaim[] {
  const words = optionValues(file, 'X-Fleet', 'Ports')
    .flatMap((line) => line.split(/[\s",]+/))
    .filter((word) => word !== '')
    .map((word) => expandSpecifiers(word, name))
    .filter((word) => !isOpen(word, name));
  const wrong: string[] = [];
  const tooMany: string[] = [];
  const claims = new Map<string, PortClaim>();
  for (const word of new Set(words)) {
    const range = parsePorts(word);
    if (range === null) wrong.push(word);
    else if (range.last - range.port >= mostPorts) tooMany.push(word);
    else for (const claim of claimsOf(range, word)) claims.set(keyOf(claim), claim);
  }
  problems.push(
    ...firstFew(
      wrong,
      (word) => `Ports=${word} is no port, such as 8080, 8000-8010, 53/udp or 127.0.0.1:80`,
    ),
    ...firstFew(tooMany, (word) => `Ports=${word} is too many ports; the most is ${mostPorts}`),
  );
  return [...claims.values()];
}

function claimsOf({ last, ...first }: PortRange, word: string): PortClaim[] {
  return Array.from({ length: last - first.port + 1 }, (_, i) => {
    return { ...first, port: first.port + i, isShared: false, option: `Ports=${word}` };
  });
}

function keyOf({ protocol, port, address }: PortClaim): string {
  return `${protocol}/${port} ${address}`;
}

/** Ports that systemd listens on for a socket unit; what listens elsewhere has none. */
function readListens(file: UnitFile, name: string, warnings: string[]): PortClaim[] {
  if (parseUnitName(name).type !== 'socket') return [];
  const socketSays = (option: string): string | null => lastOption(file, 'Socket', option);
  // Such sockets do not meet those of other devices, and machines' devices are not known.
  if (socketSays('BindToDevice') !== null) return [];
  // Nor do those of another network namespace.
  if (isTrue(socketSays('PrivateNetwork')) || socketSays('NetworkNamespacePath') !== null)
    return [];
  const isShared = isTrue(socketSays('ReusePort'));
  const isIpv6Only = socketSays('BindIPv6Only') === 'ipv6-only';
  const protocol = socketSays('SocketProtocol');
  const claims = new Map<string, PortClaim>();
  for (const { option, text } of listensOf(file)) {
    const value = expandSpecifiers(text, name);
    if (/^[/@]|^vsock:/.test(value) || isOpen(value, name)) continue;
    const place = parseListenAddress(value);
    if (place === null) {
      warnings.push(`${option}=${value} in [Socket] is no port or address: it counts as no port`);
      continue;
    }
    const address = place.address === null && isIpv6Only ? '::' : place.address;
    const claim: PortClaim = {
      protocol:
        protocol === 'sctp' || protocol === 'udplite'
          ? protocol
          : option === 'ListenStream'
            ? 'tcp'
            : 'udp',
      port: place.port,
      address,
      isShared,
      option: `${option}=${value}`,
    };
    claims.set(claim.option, claim);
  }
  return [...claims.values()];
}

/** An empty assignment takes back all that the socket listens on, by whatever option. */
function listensOf(file: UnitFile): { option: 'ListenStream' | 'ListenDatagram'; text: string }[] {
  let found: { option: 'ListenStream' | 'ListenDatagram'; text: string }[] = [];
  for (const { section, name, value } of file.options) {
    if (section !== 'Socket' || !name.startsWith('Listen')) continue;
    const text = value.replaceAll('\\\n', ' ').trim();
    if (text === '') found = [];
    else if (name === 'ListenStream' || name === 'ListenDatagram')
      found.push({ option: name, text });
  }
  return found;
}

/** @see systemd.socket(5), Service= */
function serviceOf(file: UnitFile, name: string): string | null {
  const { stem, type } = parseUnitName(name);
  if (type !== 'socket') return null;
  const service = lastOption(file, 'Socket', 'Service');
  return service === null ? `${stem}.service` : expandSpecifiers(service, name);
}

function isTrue(value: string | null): boolean {
  return value !== null && /^(?:1|yes|y|true|t|on)$/i.test(value);
}
