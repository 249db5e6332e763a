import { existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { createApiClient } from '@muster/api/client';
import type { ApiClient, TlsMaterial } from '@muster/api/client';
import type { Command } from 'commander';
import { UsageError } from './errors.ts';
import type { Terminal } from './terminal.ts';

/** What every command gets from main. */
export interface Context {
  readonly terminal: Terminal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The API that the command line and the environment name. */
  readonly connect: (command: Command) => ApiClient;
}

/** Options that every command takes; commander reads them on either side of the verb. */
interface GlobalOptions {
  readonly endpoint?: string;
  readonly timeout?: number;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

export const defaultEndpoint = 'unix:/run/muster/muster.sock';

export function createContext(terminal: Terminal, environment: Context['environment']): Context {
  return {
    terminal,
    environment,
    connect: (command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const tls = readTls(options);
      return createApiClient({
        endpoint: options.endpoint ?? findEndpoint(environment),
        user: userName(environment),
        ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout * 1000 }),
        ...(tls === null ? {} : { tls }),
      });
    },
  };
}

/** The system's daemon, or the user's own where only that runs. */
function findEndpoint(environment: Context['environment']): string {
  const runtimeDir = environment['XDG_RUNTIME_DIR'];
  if (runtimeDir === undefined || existsSync(defaultEndpoint.slice('unix:'.length))) {
    return defaultEndpoint;
  }
  const own = path.join(runtimeDir, 'muster', 'muster.sock');
  return existsSync(own) ? `unix:${own}` : defaultEndpoint;
}

function readTls({ caFile, certFile, keyFile }: GlobalOptions): TlsMaterial | null {
  if (caFile === undefined && certFile === undefined && keyFile === undefined) return null;
  if (caFile === undefined || certFile === undefined || keyFile === undefined) {
    throw new UsageError('--ca-file, --cert-file and --key-file belong together');
  }
  return { ca: readPem(caFile), cert: readPem(certFile), key: readPem(keyFile) };
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`cannot read ${file}: ${String(cause)}`, { cause });
  }
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
