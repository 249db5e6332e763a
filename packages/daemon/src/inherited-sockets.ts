import { readFileSync, readlinkSync } from 'node:fs';
import type { InheritedSocket } from '@muster/api';
import { MusterError } from '@muster/core';
import type { Environment } from './config-sources.ts';
import { errorCode } from './error-code.ts';

/** What the service manager says of the sockets that it hands over cannot be made sense of. */
class ActivationError extends MusterError {
  readonly code = 'activation';
}

/** The first descriptor after standard input, output and error. @see sd_listen_fds(3) */
const firstDescriptor = 3;

/**
 * The sockets that were handed over to this process, as sd_listen_fds(3) says; none when they are
 * for another one.
 * @throws {ActivationError}
 */
export function inheritedSockets(env: Environment, pid: number): readonly InheritedSocket[] {
  const handed = handedDescriptors(env, pid);
  if (handed.length === 0) return [];
  const paths = socketPaths(readFileSync('/proc/self/net/unix', 'utf8'));
  return handed.map(({ fd, name }) => ({ fd, name, path: paths.get(inodeOf(fd, name)) ?? null }));
}

/** The variables are for this process alone, not for the programs that it runs. */
export function forgetInheritedSockets(env: NodeJS.ProcessEnv): void {
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete env[name];
}

/** What the environment says, not yet looked at. @throws {ActivationError} */
export function handedDescriptors(
  env: Environment,
  pid: number,
): readonly { readonly fd: number; readonly name: string }[] {
  const { LISTEN_PID: forPid, LISTEN_FDS: count, LISTEN_FDNAMES: named } = env;
  if (forPid === undefined || count === undefined || forPid !== String(pid)) return [];
  if (!/^\d{1,4}$/.test(count)) {
    throw new ActivationError(
      `LISTEN_FDS is ${JSON.stringify(count)} where the number of sockets belongs`,
    );
  }
  const names = named === undefined ? [] : named.split(':');
  return Array.from({ length: Number(count) }, (_, i) => ({
    fd: firstDescriptor + i,
    name: names[i] ?? 'unknown',
  }));
}

/**
 * Paths of unix sockets by their inode.
 * @param table — as /proc/net/unix has it
 */
export function socketPaths(table: string): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  for (const line of table.split('\n').slice(1)) {
    const [, inode, path] = /^\S+: \S+ \S+ \S+ \S+ \S+ +(\d+) (\/.*)$/.exec(line) ?? [];
    if (inode !== undefined && path !== undefined) paths.set(inode, path);
  }
  return paths;
}

function inodeOf(fd: number, name: string): string {
  const what = `socket activation handed over descriptor ${fd} (${name})`;
  let target: string;
  try {
    target = readlinkSync(`/proc/self/fd/${fd}`);
  } catch (cause) {
    throw new ActivationError(`${what}, which is not open (${errorCode(cause)})`, { cause });
  }
  const [, inode] = /^socket:\[(\d+)\]$/.exec(target) ?? [];
  if (inode === undefined) throw new ActivationError(`${what}, which is no socket but ${target}`);
  return inode;
}
