import { createHash } from 'node:crypto';
import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  renameSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { join } from 'node:path';
import { UnitFileSyntaxError, parseUnitFile, readInstallSection } from '@muster/core';
import type { FileWrite, InstallLink, MachineNames } from '@muster/core';
import { composeFile, hasAddition, isBound, textIn } from './bound-file.ts';
import { describe, hostHas } from './host-units.ts';
import { InstallLinks } from './install-links.ts';
import { namesOfThisMachine } from './locations.ts';

const marker = /^# Written by muster, do not edit: it will be overwritten\. sha1=([0-9a-f]{40})\n/;
const markerLine = (hash: string): string =>
  `# Written by muster, do not edit: it will be overwritten. sha1=${hash}\n`;
/** systemd passes over names like this one. */
const temporaryPrefix = '.muster-tmp-';

interface Seen {
  readonly stamp: string;
  /** '' for ours with other content than the marker says; null: not ours. */
  readonly hash: string | null;
  /** Whether what is on disk ties the unit to the lease. */
  readonly isBound: boolean;
}

/**
 * Our unit files in one directory of systemd's load path. The first line of each says that it is
 * ours and the SHA-1 of the text as it was given, which follows, with what binds it to the lease if
 * it asks for that.
 */
export class UnitFiles {
  readonly directory: string;
  /** By name; only of files that exist, so that it is as large as the directory. */
  #seen = new Map<string, Seen>();
  /** Those of them that are bound to the lease. */
  #bound = new Set<string>();
  readonly #links: InstallLinks;
  readonly #machine: MachineNames;
  readonly #guardDirectory: string;
  #lastStampMs = 0;
  #temporaries = 0;

  /**
   * @param guardDirectory - where units find what binds them to the lease
   * @param machine - what `[Install]` may name
   */
  constructor(
    directory: string,
    guardDirectory: string,
    machine: MachineNames = namesOfThisMachine(),
  ) {
    this.directory = directory;
    this.#guardDirectory = guardDirectory;
    this.#links = new InstallLinks(directory);
    this.#machine = machine;
  }

  /** Makes the directory, removes what a crash left half-written, and puts links right. */
  prepare(): void {
    mkdirSync(this.directory, { recursive: true, mode: 0o755 });
    for (const name of readdirSync(this.directory)) {
      if (name.startsWith(temporaryPrefix)) unlinkSync(join(this.directory, name));
    }
    for (const name of this.#links.load()) {
      const text = this.#textOf(name);
      const links = text === null ? [] : this.#linksOf(name, text);
      if (typeof links === 'string') continue;
      this.#links.make(name, links);
      this.#links.keepOnly(name, links);
    }
  }

  /** Whether links were made or taken away that systemd has not been told of. */
  get needsReload(): boolean {
    return this.#links.isReloadDue;
  }

  /** To be called when a daemon-reload begins; what it returns, when that has ended well. */
  reloadBegins(): () => void {
    return this.#links.reloadBegins();
  }

  /**
   * @param hostDirectories - the load path without our own directory
   *
   * A file that has this content already is not touched: a new time stamp would make systemd ask
   * for a daemon-reload.
   */
  write(
    name: string,
    file: { readonly hash: string; readonly text: string },
    hostDirectories: readonly string[],
  ): FileWrite {
    if (sha1(file.text) !== file.hash) {
      return { type: 'refused', reason: `the text of ${name} is not what ${file.hash} stands for` };
    }
    const hosts = hostHas(name, hostDirectories);
    if (hosts !== null) return { type: 'refused', reason: hosts };
    const path = join(this.directory, name);
    const hash = this.#hashAt(name);
    if (hash === null) return { type: 'refused', reason: this.#describe(name) };
    const links = this.#linksOf(name, file.text);
    if (typeof links === 'string') return { type: 'refused', reason: links };
    const taken = this.#takenAlias(name, links, hostDirectories);
    if (taken !== null) return { type: 'refused', reason: taken };
    const areLinked = this.#links.isAsWanted(name, links);
    if (hash === file.hash && areLinked) return { type: 'written' };
    if (!areLinked) this.#links.make(name, links);
    if (hash !== file.hash) {
      const composed = composeFile(name, file.text, this.#guardDirectory);
      this.#replace(path, markerLine(file.hash) + composed);
      this.#hashAt(name);
    }
    if (!areLinked) this.#links.keepOnly(name, links);
    this.#touchDirectory();
    return { type: 'written' };
  }

  remove(name: string): void {
    this.#links.keepOnly(name, []);
    const hash = this.#hashAt(name);
    if (hash === undefined || hash === null) return;
    unlinkSync(join(this.directory, name));
    this.#seen.delete(name);
    this.#bound.delete(name);
    this.#touchDirectory();
  }

  /** Units of ours that are bound to the lease, of those that were written or listed. */
  get bound(): ReadonlySet<string> {
    return this.#bound;
  }

  /** Whether there is a file of ours that is not bound to the lease. */
  isUnbound(name: string): boolean {
    const hash = this.#hashAt(name);
    return hash !== undefined && hash !== null && !this.#bound.has(name);
  }

  /** unit → hash, '' when the content or a link is not as we made it. Reads only what changed since. */
  list(): ReadonlyMap<string, string> {
    const hashes = new Map<string, string>();
    const seen = new Map<string, Seen>();
    for (const entry of readdirSync(this.directory, { withFileTypes: true })) {
      if (!entry.isFile() || entry.name.startsWith(temporaryPrefix)) continue;
      const found = lstatSync(join(this.directory, entry.name), { throwIfNoEntry: false });
      if (found === undefined) continue;
      const hash = this.#hashOf(entry.name, found);
      const known = this.#seen.get(entry.name);
      if (known !== undefined) seen.set(entry.name, known);
      if (hash !== null) hashes.set(entry.name, this.#links.isIntact(entry.name) ? hash : '');
    }
    this.#seen = seen;
    this.#bound = new Set([...seen].flatMap(([name, { isBound: is }]) => (is ? [name] : [])));
    return hashes;
  }

  /** null: there is something that is not ours; undefined: there is nothing. */
  #hashAt(name: string): string | null | undefined {
    const found = lstatSync(join(this.directory, name), { throwIfNoEntry: false });
    return found === undefined ? undefined : this.#hashOf(name, found);
  }

  /** The text of a file of ours that is intact; null: there is none. */
  #textOf(name: string): string | null {
    const hash = this.#hashAt(name);
    if (hash === undefined || hash === null || hash === '') return null;
    const content = readFileSync(join(this.directory, name), 'utf8');
    return textIn(content.slice(markerLine(hash).length));
  }

  /** A sentence: there can be no such links. */
  #linksOf(name: string, text: string): readonly InstallLink[] | string {
    // Most units have none, and this spares them the parser.
    if (!/^\[Install\]$/m.test(text)) return [];
    try {
      const { links, problems } = readInstallSection(parseUnitFile(text), name, this.#machine);
      return problems[0] ?? links;
    } catch (error) {
      if (error instanceof UnitFileSyntaxError) return error.message;
      throw error;
    }
  }

  /** Why one of the other names cannot be had; null: all can. */
  #takenAlias(
    name: string,
    links: readonly InstallLink[],
    hostDirectories: readonly string[],
  ): string | null {
    for (const { alias } of links) {
      if (alias === null || this.#links.unitOf(alias) === name) continue;
      const reason = hostHas(alias, hostDirectories) ?? this.#reasonAt(alias);
      if (reason !== null) return `Alias=${alias} cannot be had: ${reason}`;
    }
    return null;
  }

  #reasonAt(name: string): string | null {
    const hash = this.#hashAt(name);
    if (hash === undefined) return null;
    return hash === null ? this.#describe(name) : `${name} is a unit of the cluster itself`;
  }

  /** The sentence for something under this name that is no file of ours. */
  #describe(name: string): string {
    const unit = this.#links.unitOf(name);
    if (unit !== null) return `${name} is another name of ${unit} on this machine`;
    return describe(join(this.directory, name), name);
  }

  /** null: not ours. */
  #hashOf(name: string, found: Stats): string | null {
    if (!found.isFile()) return null;
    const stamp = stampOf(found);
    const before = this.#seen.get(name);
    if (before?.stamp === stamp) return before.hash;
    const read = this.#read(name);
    this.#seen.set(name, { stamp, ...read });
    if (read.isBound) this.#bound.add(name);
    else this.#bound.delete(name);
    return read.hash;
  }

  /** A foreign file is not read beyond what tells that. */
  #read(name: string): Omit<Seen, 'stamp'> {
    const path = join(this.directory, name);
    const hash = readMarker(path);
    if (hash === null) return { hash, isBound: false };
    const content = readFileSync(path).subarray(markerLine(hash).length);
    if (sha1(content) === hash) {
      // As it was given; one that should be bound was written by a musterd that did not know that.
      const asks = content.includes('OnPartition') && isBound(name, content.toString());
      return { hash: asks ? '' : hash, isBound: false };
    }
    const composed = content.toString();
    const text = textIn(composed);
    const isIntact =
      sha1(text) === hash && composeFile(name, text, this.#guardDirectory) === composed;
    return { hash: isIntact ? hash : '', isBound: hasAddition(composed) };
  }

  #replace(path: string, content: string): void {
    this.#temporaries += 1;
    const temporary = join(this.directory, `${temporaryPrefix}${process.pid}-${this.#temporaries}`);
    try {
      writeFileSync(temporary, content, { mode: 0o644, flag: 'wx' });
      renameSync(temporary, path);
    } catch (error) {
      if (lstatSync(temporary, { throwIfNoEntry: false }) !== undefined) unlinkSync(temporary);
      throw error;
    }
  }

  /**
   * systemd reads its load path anew when the time stamp of a directory changed. Kernels before
   * 6.13 stamp in steps of up to 10 ms, so a second file within one step would not be found.
   */
  #touchDirectory(): void {
    const now = performance.timeOrigin + performance.now();
    this.#lastStampMs = Math.max(now, this.#lastStampMs + 0.001);
    utimesSync(this.directory, this.#lastStampMs / 1000, this.#lastStampMs / 1000);
  }
}

function stampOf(found: Stats): string {
  return `${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`;
}

/** What the first line says; null: not ours. */
function readMarker(path: string): string | null {
  const head = Buffer.alloc(markerLine('0'.repeat(40)).length);
  const descriptor = openSync(path, 'r');
  try {
    readSync(descriptor, head, 0, head.length, 0);
  } finally {
    closeSync(descriptor);
  }
  return marker.exec(head.toString('latin1'))?.[1] ?? null;
}

function sha1(content: string | Buffer): string {
  return createHash('sha1').update(content).digest('hex');
}
