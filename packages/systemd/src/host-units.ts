import { lstatSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { templateOf } from './unit-names.ts';

/** The directories of a load path that are not this one, whatever it is called there. */
export function foreignDirectories(
  loadPath: readonly string[],
  ownDirectory: string,
): readonly string[] {
  const own = statSync(ownDirectory);
  return loadPath.filter((directory) => {
    const found = statSync(directory, { throwIfNoEntry: false });
    return found === undefined || found.ino !== own.ino || found.dev !== own.dev;
  });
}

/**
 * Why a unit of this name cannot be ours on this machine, in one sentence; null when it can.
 * @param directories - where the host has its units
 */
export function hostHas(name: string, directories: readonly string[]): string | null {
  const template = templateOf(name);
  for (const directory of directories) {
    for (const candidate of template === null ? [name] : [name, template]) {
      const path = join(directory, candidate);
      if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return describe(path, name);
    }
  }
  return null;
}

/** The sentence for a foreign file that has the name. */
export function describe(path: string, name: string): string {
  if (isMask(path)) return `${name} is masked on this machine by ${path}`;
  return path.endsWith(`/${name}`)
    ? `this machine has a unit ${name} of its own: ${path}`
    : `this machine has the template of ${name} of its own: ${path}`;
}

/** A link to /dev/null, or an empty file: systemd takes both for a mask. */
function isMask(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return false;
  if (found.isSymbolicLink()) return readlinkSync(path) === '/dev/null';
  return found.isFile() && found.size === 0;
}
