import { userInfo } from 'node:os';
import { createApiClient } from '@muster/api/client';
import type { ApiClient, ApiClientOptions } from '@muster/api/client';
import type { Command } from 'commander';
import { chooseEndpoint, readTls } from './endpoint-option.ts';
import type { EndpointOptions } from './endpoint-option.ts';
import type { ProgramName } from './program-name.ts';
import type { SshOptions } from './ssh-arguments.ts';
import type { Terminal } from './terminal.ts';
import { openTunnel } from './tunnel.ts';
import type { Tunnel } from './tunnel.ts';

/** What every command gets from main. */
export interface Context {
  readonly terminal: Terminal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly programName: ProgramName;
  /** The API that the command line and the environment name: one client for the whole command, but another for each `way`. */
  readonly connect: (command: Command, way?: ConnectOptions) => ApiClient;
  /** Ends the connections that are kept for a next request. */
  readonly close: () => void;
}

interface ConnectOptions {
  /** Somebody waits in the middle of a line: soon or not at all, and nothing is asked. */
  readonly isBrief: boolean;
}

/** How long a brief request may take; ssh to another host takes its time before. */
const briefMs = { direct: 1000, tunnel: 3000 };

/** Options that every command takes; commander reads them on either side of the verb. */
interface GlobalOptions extends EndpointOptions, SshOptions {
  readonly timeout?: number;
  readonly debug?: boolean;
}

export function createContext(given: Omit<Context, 'connect' | 'close'>): Context {
  const tunnels: Tunnel[] = [];
  let connected: ApiClient | null = null;
  const open = (options: GlobalOptions): ApiClient => {
    if (options.tunnel === undefined) return createApiClient(clientOptions(options, given));
    const tunnel = openTunnel(options.tunnel, options);
    tunnels.push(tunnel);
    return createApiClient({ ...clientOptions(options, given), dialer: tunnel.dialer });
  };
  return {
    ...given,
    close: () => {
      for (const tunnel of tunnels.splice(0)) tunnel.close();
      connected = null;
    },
    connect: (command, way) => {
      if (way !== undefined) return open(optionsOf(command, way));
      return (connected ??= open(optionsOf(command, undefined)));
    },
  };
}

function clientOptions(
  options: GlobalOptions,
  given: Omit<Context, 'connect' | 'close'>,
): ApiClientOptions {
  const { terminal, environment } = given;
  const endpoint = chooseEndpoint(options, given);
  const tls = readTls(options);
  return {
    endpoint,
    user: userName(environment),
    ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout * 1000 }),
    ...(tls === null ? {} : { tls }),
    ...(options.debug === true
      ? { trace: (text) => terminal.complain(`DEBUG ${endpoint}: ${text}`) }
      : {}),
  };
}

function optionsOf(command: Command, way: ConnectOptions | undefined): GlobalOptions {
  const options = command.optsWithGlobals<GlobalOptions>();
  if (way?.isBrief !== true) return options;
  const ms = options.tunnel === undefined ? briefMs.direct : briefMs.tunnel;
  return { ...options, timeout: ms / 1000, sshTimeout: ms / 1000, isUnattended: true };
}

function userName(environment: Context['environment']): string {
  const behindSudo = environment['SUDO_USER'];
  if (behindSudo !== undefined) return behindSudo;
  try {
    return userInfo().username;
  } catch {
    // A user without an entry in passwd(5), as in containers.
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}
