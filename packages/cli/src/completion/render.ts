import { readdirSync, statSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { unitTypes } from '@muster/core';
import type { Candidates } from './find-candidates.ts';
import type { Place } from './place.ts';
import type { Candidate } from './sources.ts';
import { quoteForShell } from './shell-line.ts';
import type { ShellLine } from './shell-line.ts';

/** What is to stand in place of the part of the word that bash replaces, a line for each. */
export function renderBash(
  { list, files }: Candidates,
  { before, typed }: Place,
  { kept, quote }: ShellLine,
): string[] {
  const words = [...list.map(({ value }) => value), ...filesLike(typed, files)];
  const whole = [...new Set(words)].map((value) => `${before}${value}`);
  return whole.flatMap((word) => quoteForShell(word.slice(kept.length), quote) ?? []);
}

/**
 * Words, and what is to be said of each, with a tab between them. The first line says which files
 * zsh is to find as well: `-` for none, `*` for any, else the endings they have.
 */
export function renderZsh({ list, files }: Candidates, { before }: Place): string[] {
  const kind = { file: '*', 'unit file': unitTypes.join(' ') };
  return [files === null ? '-' : kind[files], ...list.map((each) => lineOf(before, each))];
}

/** Words, and what is to be said of each, with a tab between them. */
export function renderFish({ list, files }: Candidates, { before, typed }: Place): string[] {
  const found = filesLike(typed, files);
  const all = [...list, ...found.map((value) => ({ value, about: '' }))];
  return all.map((each) => lineOf(before, each));
}

function lineOf(before: string, { value, about }: Candidate): string {
  return `${before}${value}\t${about.replace(/\s+/g, ' ')}`;
}

function expandHome(file: string): string {
  return file.replace(/^~(?=\/)/, homedir());
}

/** Paths of files that begin like this; those of directories end in a slash. */
function filesLike(typed: string, kind: Candidates['files']): string[] {
  if (kind === null) return [];
  const slash = typed.lastIndexOf('/') + 1;
  const [directory, begin] = [typed.slice(0, slash), typed.slice(slash)];
  const isWanted = (name: string): boolean =>
    kind === 'file' || unitTypes.some((type) => name.endsWith(`.${type}`));
  const real = expandHome(directory);
  try {
    return readdirSync(path.resolve(real), { withFileTypes: true })
      .filter(({ name }) => name.startsWith(begin) && (begin !== '' || !name.startsWith('.')))
      .flatMap((entry) => {
        if (isDirectory(real, entry)) return [`${directory}${entry.name}/`];
        return isWanted(entry.name) ? [`${directory}${entry.name}`] : [];
      })
      .sort();
  } catch {
    // No directory, or not for us.
    return [];
  }
}

function isDirectory(parent: string, entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return statSync(path.join(parent, entry.name), { throwIfNoEntry: false })?.isDirectory() ?? false;
}
