import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { isNativeError } from 'node:util/types';
import { dirname, join } from 'node:path';
import type { InstallLink } from '@muster/core';

/** systemd passes over a directory of this name. */
const recordsName = '.muster-links';
const reloadMark = '.reload-due';
const temporary = '.temporary';

/**
 * The links that `[Install]` of our units asks for, in the directory that has their files. What was
 * made is recorded before it is made and forgotten after it is gone, so that a crash in between
 * leaves nothing that nobody knows of. Links and directories that are not recorded are the host's
 * and stay as they are.
 */
export class InstallLinks {
  readonly #directory: string;
  readonly #records: string;
  /** unit → paths, below the directory, of links that may be there */
  readonly #paths = new Map<string, ReadonlySet<string>>();
  /** Directories, below the directory, that are there because of our links. */
  readonly #madeDirectories = new Set<string>();
  #isReloadDue = false;
  #changes = 0;

  constructor(directory: string) {
    this.#directory = directory;
    this.#records = join(directory, recordsName);
  }

  /** Reads what an earlier musterd recorded. @returns units that may have links */
  load(): readonly string[] {
    for (const entry of entriesOf(this.#records)) {
      if (entry === reloadMark) this.#isReloadDue = true;
      else if (entry === temporary) unlinkSync(join(this.#records, entry));
      else if (isLinkDirectory(entry)) this.#madeDirectories.add(entry);
      else {
        const text = readFileSync(join(this.#records, entry), 'utf8');
        this.#paths.set(entry, new Set(text.split('\n').filter((path) => path !== '')));
      }
    }
    for (const directory of this.#madeDirectories) this.#removeIfEmpty(directory);
    return [...this.#paths.keys()];
  }

  /** Whether systemd has not been told of all links that were made or taken away. */
  get isReloadDue(): boolean {
    return this.#isReloadDue;
  }

  /** To be called when a daemon-reload begins; what it returns, when that has ended well. */
  reloadBegins(): () => void {
    const before = this.#changes;
    return () => {
      if (!this.#isReloadDue || this.#changes !== before) return;
      this.#isReloadDue = false;
      removeFile(join(this.#records, reloadMark));
      removeIfEmpty(this.#records);
    };
  }

  /** The unit that has this other name by a link of ours; null: none. */
  unitOf(alias: string): string | null {
    for (const [unit, paths] of this.#paths) if (paths.has(alias)) return unit;
    return null;
  }

  /** Whether exactly these links are there. */
  isAsWanted(unit: string, links: readonly InstallLink[]): boolean {
    const own = this.#own(unit, links);
    const paths = this.#paths.get(unit);
    if ((paths?.size ?? 0) !== own.length) return false;
    return own.every(({ path }) => paths?.has(path) === true) && this.isIntact(unit);
  }

  /** Whether everything that was made is still there. */
  isIntact(unit: string): boolean {
    for (const path of this.#paths.get(unit) ?? []) {
      if (this.#linkAt(path) !== targetOf(unit, path)) return false;
    }
    return true;
  }

  /** Makes what is missing; takes nothing away. */
  make(unit: string, links: readonly InstallLink[]): void {
    const wanted = this.#own(unit, links);
    const paths = new Set([...(this.#paths.get(unit) ?? []), ...wanted.map(({ path }) => path)]);
    const missing = wanted.filter(({ path }) => this.#linkAt(path) === null);
    if (paths.size > 0) this.#record(unit, paths);
    if (missing.length === 0) return;
    this.#noteChange();
    for (const { path, target } of missing) {
      if (dirname(path) !== '.') this.#makeDirectory(dirname(path));
      symlinkSync(target, join(this.#directory, path));
    }
  }

  /** Takes all links of the unit away but these; one that the host has bent is the host's now. */
  keepOnly(unit: string, links: readonly InstallLink[]): void {
    const paths = this.#paths.get(unit);
    if (paths === undefined) return;
    const own = this.#own(unit, links).map(({ path }) => path);
    const kept = new Set(own.filter((path) => paths.has(path)));
    const surplus = [...paths].filter((path) => !kept.has(path));
    if (surplus.length === 0) return;
    this.#noteChange();
    for (const path of surplus) {
      if (this.#linkAt(path) === targetOf(unit, path)) removeFile(join(this.#directory, path));
      if (dirname(path) !== '.') this.#removeIfEmpty(dirname(path));
    }
    this.#record(unit, kept);
  }

  /** Without those that the host has made itself, to whatever. */
  #own(unit: string, links: readonly InstallLink[]): InstallLink[] {
    return links.filter(({ path }) => {
      const found = this.#linkAt(path);
      return found === null || found === targetOf(unit, path);
    });
  }

  /** What the link at a path holds; '': there is something else; null: there is nothing. */
  #linkAt(path: string): string | null {
    const found = lstatSync(join(this.#directory, path), { throwIfNoEntry: false });
    if (found === undefined) return null;
    return found.isSymbolicLink() ? readlinkSync(join(this.#directory, path)) : '';
  }

  #record(unit: string, paths: ReadonlySet<string>): void {
    if (paths.size === 0) {
      removeFile(join(this.#records, unit));
      this.#paths.delete(unit);
      return;
    }
    mkdirSync(this.#records, { recursive: true, mode: 0o755 });
    writeFileSync(join(this.#records, temporary), [...paths, ''].join('\n'));
    renameSync(join(this.#records, temporary), join(this.#records, unit));
    this.#paths.set(unit, paths);
  }

  #noteChange(): void {
    this.#changes += 1;
    if (this.#isReloadDue) return;
    this.#isReloadDue = true;
    writeFileSync(join(this.#records, reloadMark), '');
  }

  #makeDirectory(directory: string): void {
    const path = join(this.#directory, directory);
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return;
    writeFileSync(join(this.#records, directory), '');
    this.#madeDirectories.add(directory);
    mkdirSync(path, { mode: 0o755 });
  }

  /** Only one that was made here; the host may have put something into it. */
  #removeIfEmpty(directory: string): void {
    if (!this.#madeDirectories.has(directory)) return;
    if (!removeIfEmpty(join(this.#directory, directory))) return;
    removeFile(join(this.#records, directory));
    this.#madeDirectories.delete(directory);
  }
}

function isLinkDirectory(entry: string): boolean {
  return entry.endsWith('.wants') || entry.endsWith('.requires');
}

function targetOf(unit: string, path: string): string {
  return path.includes('/') ? `../${unit}` : unit;
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** @returns whether it is gone */
function removeIfEmpty(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOTEMPTY') return false;
    if (codeOf(error) === 'ENOENT') return true;
    throw error;
  }
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function codeOf(error: unknown): unknown {
  return isNativeError(error) ? Reflect.get(error, 'code') : undefined;
}
