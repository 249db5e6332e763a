import {
  accessSync,
  constants,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmdirSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const emptyWithinMs = 10_000;

/**
 * The directories under which a cgroup of our own can be made: one for each hierarchy that systemd
 * uses (the unified one, and its own named one where controllers are on version 1). As root at the
 * top; as another user below the cgroup of this process.
 */
export function cgroupParents(): readonly string[] {
  const own = ownCgroups();
  const isRoot = process.getuid?.() === 0;
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .flatMap(([, path, type, flags]) => {
      if (path === undefined) return [];
      const isUnified = type === 'cgroup2';
      if (!isUnified && !(type === 'cgroup' && flags?.includes('name=systemd'))) return [];
      return [isRoot ? path : join(path, own.get(isUnified ? '' : 'name=systemd') ?? '/')];
    });
}

/** controller list as /proc/self/cgroup has it → path; '' for the unified hierarchy. */
function ownCgroups(): ReadonlyMap<string, string> {
  const lines = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n');
  return new Map(
    lines.map((line) => {
      const [, controllers = '', ...path] = line.split(':');
      return [controllers, path.join(':')];
    }),
  );
}

/** Makes a cgroup of that name in every hierarchy. @returns their directories */
export function makeCgroups(name: string): readonly string[] {
  return cgroupParents().map((parent) => {
    const directory = join(parent, name);
    mkdirSync(directory);
    return directory;
  });
}

/** All processes inside, at any depth; none when it is gone. */
export function processesIn(directory: string): readonly number[] {
  try {
    const own = readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n');
    return [
      ...own.filter((line) => line !== '').map(Number),
      ...children(directory).flatMap((child) => processesIn(child)),
    ];
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** Kills everything inside and removes the cgroups. @throws when they do not become empty */
export async function removeCgroups(directories: readonly string[]): Promise<void> {
  const deadline = performance.now() + emptyWithinMs;
  for (;;) {
    const processes = new Set(directories.flatMap((directory) => processesIn(directory)));
    for (const pid of processes) killIfThere(pid);
    if (processes.size === 0 && directories.every((directory) => removeTree(directory))) return;
    if (performance.now() > deadline) {
      throw new Error(
        `cgroups ${directories.join(', ')} still hold ${[...processes].join(', ') || 'something'}`,
      );
    }
    await pause(10);
  }
}

/** @returns false when it is still in use */
function removeTree(directory: string): boolean {
  try {
    if (!children(directory).every((child) => removeTree(child))) return false;
    rmdirSync(directory);
    return true;
  } catch (error) {
    if (isGone(error)) return true;
    if (hasCode(error, 'EBUSY')) return false;
    throw error;
  }
}

function children(directory: string): readonly string[] {
  return readdirSync(directory)
    .map((entry) => join(directory, entry))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

/** Why no cgroup of our own can be made here; null when one can. */
export function whyNoCgroup(): string | null {
  const parents = cgroupParents();
  if (parents.length === 0) return 'no cgroup hierarchy that systemd uses is mounted';
  for (const parent of parents) {
    const probe = join(parent, `muster-probe-${process.pid}`);
    try {
      mkdirSync(probe);
      rmdirSync(probe);
      accessSync(join(parent, 'cgroup.procs'), constants.W_OK);
    } catch (error) {
      return `no cgroup can be made in ${parent}: ${String(error)}`;
    }
  }
  return null;
}

/** Another process may remove the same leftovers at the same time. */
function isGone(error: unknown): boolean {
  return hasCode(error, 'ENOENT') || hasCode(error, 'ENODEV');
}

function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && Reflect.get(error, 'code') === code;
}
