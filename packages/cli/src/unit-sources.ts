import { readdirSync, readFileSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import path from 'node:path';
import { isUnitType, parseUnitName, templateOf, withDefaultSuffix } from '@muster/core';
import { UsageError } from './errors.ts';
import { expandRanges } from './expand-ranges.ts';
import { fileProblem } from './file-problem.ts';

/** A unit that the command line names. */
export interface UnitSource {
  readonly name: string;
  /** The file that its content comes from; null: none, the cluster has it. */
  readonly path: string | null;
  /** Of an instance without a file of its own; its path is null when no such file lies beside. Else null. */
  readonly template: { readonly name: string; readonly path: string | null } | null;
  /** Only submitted: a template that an instance needs, or that lay in a directory. */
  readonly isAside: boolean;
}

/** Argument → the unit's name: the last part of a path, `.service` appended where no type is. */
export function unitNameOf(argument: string): string {
  return withDefaultSuffix(path.basename(argument));
}

/** Whether the argument is a pattern for names of units in the cluster. */
export function isPattern(argument: string): boolean {
  return /[*?[]/.test(argument);
}

/**
 * Finds what the arguments of submit, load and start name: files, directories of unit files,
 * instances of a template, and names of units that the cluster has.
 * @returns each unit once
 * @throws {UsageError} for a path that leads nowhere, or two files for one unit
 */
export function findSources(args: readonly string[]): UnitSource[] {
  return eachOnce(args.flatMap(expandRanges).flatMap(sourcesOf));
}

/** Adds the templates that lie beside their instances, each before what needs it. */
export function addTemplates(sources: readonly UnitSource[]): UnitSource[] {
  return eachOnce(
    sources.flatMap((source) => {
      const { template } = source;
      if (template === null || template.path === null) return [source];
      return [{ name: template.name, path: template.path, template: null, isAside: true }, source];
    }),
  );
}

function eachOnce(sources: readonly UnitSource[]): UnitSource[] {
  const found = new Map<string, UnitSource>();
  for (const source of sources) {
    const known = found.get(source.name);
    if (known !== undefined) refuseTwoFiles(known, source);
    // What is named itself goes before what is only needed.
    if (known === undefined || (known.isAside && !source.isAside)) found.set(source.name, source);
  }
  return [...found.values()];
}

function refuseTwoFiles(known: UnitSource, { name, path: file }: UnitSource): void {
  const before = known.path;
  if (before === null || file === null || path.resolve(before) === path.resolve(file)) return;
  throw new UsageError(`${before} and ${file} are both the unit ${name}`);
}

/** @throws {UsageError} when it cannot be read as text */
export function readUnitFile(file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (cause) {
    const why = cause instanceof TypeError ? 'it is not text in UTF-8' : fileProblem(cause).text;
    throw new UsageError(`cannot read ${file}: ${why}`, { cause });
  }
}

function sourcesOf(argument: string): UnitSource[] {
  const directory = path.dirname(argument);
  const name = unitNameOf(argument);
  const file = path.join(directory, name);
  if (isFile(file)) return [{ name, path: file, template: null, isAside: false }];
  if (isDirectory(argument)) return sourcesIn(argument);
  const template = templateOf(name);
  if (template === null) {
    if (argument.includes('/')) throw new UsageError(`there is no file ${file}`);
    return [{ name, path: null, template: null, isAside: false }];
  }
  const beside = path.join(directory, template);
  const templatePath = isFile(beside) ? beside : null;
  return [{ name, path: null, template: { name: template, path: templatePath }, isAside: false }];
}

function sourcesIn(directory: string): UnitSource[] {
  const names = namesIn(directory)
    .filter((name) => !name.startsWith('.') && isUnitType(parseUnitName(name).type))
    .filter((name) => isFile(path.join(directory, name)))
    .sort();
  if (names.length === 0) throw new UsageError(`there is no unit file in ${directory}`);
  const sources = names.map((name) => {
    const { isTemplate } = parseUnitName(name);
    return { name, path: path.join(directory, name), template: null, isAside: isTemplate };
  });
  return sources.sort((a, b) => Number(b.isAside) - Number(a.isAside));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (cause) {
    throw new UsageError(`cannot read ${directory}: ${fileProblem(cause).text}`, { cause });
  }
}

function isFile(file: string): boolean {
  return look(file)?.isFile() ?? false;
}

function isDirectory(file: string): boolean {
  return look(file)?.isDirectory() ?? false;
}

/** null: there is no such file. @throws {UsageError} when nobody can tell */
function look(file: string): Stats | null {
  try {
    return statSync(file);
  } catch (cause) {
    const { code, text } = fileProblem(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return null;
    // Where we may not look about, a name is still a name.
    if (code === 'EACCES' && path.dirname(file) === '.') return null;
    throw new UsageError(`cannot read ${file}: ${text}`, { cause });
  }
}
