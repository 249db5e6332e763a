import { isIPv6 } from 'node:net';
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { parseSeconds } from './block-options.ts';
import { readSwitch } from './read-arguments.ts';

/** Options about ssh that every verb takes. What is absent is left to ssh_config(5). */
export interface SshOptions {
  /** `[user@]host[:port]` */
  readonly tunnel?: Destination;
  readonly sshUsername?: string;
  /** Seconds. */
  readonly sshTimeout?: number;
  readonly knownHostsFile?: string;
  readonly strictHostKeyChecking?: boolean;
  /** true: nobody is there to be asked for a password. */
  readonly isUnattended?: boolean;
}

/** A host that ssh logs in to. */
export interface Destination {
  /** As it was given. */
  readonly shown: string;
  readonly host: string;
  /** null: the one of --ssh-username or of ssh itself. */
  readonly user: string | null;
  /** null: the one of ssh itself. */
  readonly port: number | null;
}

export function addSshOptions(program: Command): void {
  const options = [
    new Option('--tunnel <host>', '[user@]host[:port], by way of which to reach API and machines')
      .argParser(parseDestination)
      .env('MUSTER_TUNNEL'),
    new Option('--ssh-username <name>', 'log in as this user').env('MUSTER_SSH_USERNAME'),
    new Option('--ssh-timeout <seconds>', 'time for a host to answer')
      .argParser(parseSeconds)
      .env('MUSTER_SSH_TIMEOUT'),
    new Option('--known-hosts-file <file>', 'where the keys of hosts are kept').env(
      'MUSTER_KNOWN_HOSTS_FILE',
    ),
    new Option('--strict-host-key-checking [value]', 'false: do not check keys of hosts')
      .choices(['true', 'false'])
      .argParser(parseSwitch)
      .preset('true')
      .env('MUSTER_STRICT_HOST_KEY_CHECKING'),
  ];
  for (const option of options) program.addOption(option.helpGroup('By way of ssh(1):'));
}

/**
 * @param text - `[user@]host[:port]`, an IPv6 address in brackets when a port follows
 * @throws {InvalidArgumentError}
 */
export function parseDestination(text: string): Destination {
  const [, user = null, place = ''] = /^(?:([^@\s]+)@)?([^@\s]+)$/.exec(text) ?? [];
  if (isIPv6(place)) return { shown: text, host: place, user, port: null };
  const [, address, name, digits] =
    /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(place) ?? [];
  const host = address === undefined || isIPv6(address) ? (address ?? name) : undefined;
  const port = digits === undefined ? null : Number(digits);
  if (host === undefined || (port !== null && !isPort(port))) {
    throw new InvalidArgumentError('It must be [user@]host[:port].');
  }
  return { shown: text, host, user, port };
}

/** @throws {InvalidArgumentError} */
export function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && isPort(Number(text))) return Number(text);
  throw new InvalidArgumentError('It must be a port, 1 to 65535.');
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535;
}

/** The command line of ssh that runs `command` at `host`; no words: a login shell. */
export function loginArguments(
  options: SshOptions,
  { host, port, flags, command }: Login,
): string[] {
  const way =
    options.tunnel === undefined
      ? []
      : ['-o', `ProxyCommand=${proxyCommand(options.tunnel, options)}`];
  return [...argumentsFor({ port, user: null }, options), ...flags, ...way, '--', host, ...command];
}

export interface Login {
  readonly host: string;
  readonly port: number | null;
  /** Options of ssh, as they are. */
  readonly flags: readonly string[];
  readonly command: readonly string[];
}

/** Options that hold for one host: they are not handed on to the hosts before it. */
export function argumentsFor(
  { user, port }: Pick<Destination, 'user' | 'port'>,
  options: SshOptions,
): string[] {
  const name = user ?? options.sshUsername;
  const { sshTimeout } = options;
  return [
    ...(name === undefined ? [] : ['-l', name]),
    ...(port === null ? [] : ['-p', String(port)]),
    ...(sshTimeout === undefined ? [] : ['-o', `ConnectTimeout=${Math.ceil(sshTimeout)}`]),
    ...(options.isUnattended === true ? ['-o', 'BatchMode=yes'] : []),
    ...hostKeyArguments(options),
  ];
}

function hostKeyArguments({ strictHostKeyChecking, knownHostsFile }: SshOptions): string[] {
  if (strictHostKeyChecking === false) {
    const files = ['UserKnownHostsFile=/dev/null', 'GlobalKnownHostsFile=/dev/null'];
    // Without LogLevel every connection tells that it has added the key to /dev/null.
    return ['StrictHostKeyChecking=no', ...files, 'LogLevel=ERROR'].flatMap((each) => ['-o', each]);
  }
  if (knownHostsFile === undefined) return [];
  // A list in quotes: names with blanks are one file.
  return ['-o', `UserKnownHostsFile="${knownHostsFile}"`];
}

/**
 * What ssh runs to get through a tunnel. `-J` would do the same, but hands none of our options on
 * to the host of the tunnel.
 */
function proxyCommand(tunnel: Destination, options: SshOptions): string {
  const words = [...argumentsFor(tunnel, options), '-W', '\0', '--', tunnel.host];
  const shown = words.map((word) =>
    word === '\0' ? "'[%h]:%p'" : quote(word).replaceAll('%', '%%'),
  );
  return `ssh ${shown.join(' ')}`;
}

/** A word for a shell, whichever it is. */
export function quote(word: string): string {
  return /^[\w@+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

function parseSwitch(text: string): boolean {
  try {
    return readSwitch('It', text);
  } catch {
    throw new InvalidArgumentError('It must be true or false.');
  }
}
