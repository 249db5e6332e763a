import { createHash } from 'node:crypto';
import { UnitFileSyntaxError } from './errors.ts';

/**
 * One assignment of a unit file. A value that is continued over several lines holds each line break
 * as a backslash and a newline, as it stands in the file; comment lines between them are gone.
 */
export interface UnitOption {
  readonly section: string;
  readonly name: string;
  readonly value: string;
}

/** A unit file without comments, blank lines and empty sections. */
export interface UnitFile {
  /** Grouped by section in the order the sections first appear; repeated options in their order. */
  readonly options: readonly UnitOption[];
}

interface LogicalLine {
  /** Where it starts, from 1. */
  readonly line: number;
  readonly lastLine: number;
  readonly text: string;
}

/**
 * Reads a unit file as systemd 252 does, and refuses what systemd would only warn about and ignore.
 *
 * @throws {UnitFileSyntaxError}
 * @see systemd.syntax(7)
 */
export function parseUnitFile(text: string): UnitFile {
  const options: UnitOption[] = [];
  for (const { section, name, value } of locateOptions(text))
    options.push({ section, name, value });
  return { options: [...bySection(options).values()].flat() };
}

/**
 * The same options with the line that each begins in, from 1, in the order of the file.
 * @throws {UnitFileSyntaxError} when it gets there
 */
export function* locateOptions(text: string): Generator<UnitOption & { readonly line: number }> {
  let section: string | null = null;
  for (const logical of logicalLines(text)) {
    if (logical.text.startsWith('[')) {
      section = parseSectionHeader(logical);
    } else if (section === null) {
      throw new UnitFileSyntaxError(
        logical.line,
        `${excerpt(logical.text)} stands before the first section`,
      );
    } else {
      yield { section, ...parseAssignment(logical), line: logical.line };
    }
  }
}

/** The normalised text: what is hashed, stored, shown by `cat` and given to systemd. */
export function serializeUnitFile(file: UnitFile): string {
  return [...bySection(file.options)]
    .map(([section, options]) =>
      [`[${section}]`, ...options.map((option) => `${option.name}=${option.value}`), ''].join('\n'),
    )
    .join('\n');
}

/** SHA-1 of the normalised text, 40 hex digits: the same as fleet's. The unit's name is not part of it. */
export function hashUnitFile(file: UnitFile): string {
  return createHash('sha1').update(serializeUnitFile(file)).digest('hex');
}

/**
 * All values of a list option, with continued lines joined by a space. An empty assignment takes
 * back the ones before it, as in systemd.
 */
export function optionValues(file: UnitFile, section: string, name: string): string[] {
  let values: string[] = [];
  for (const option of file.options) {
    if (option.section !== section || option.name !== name) continue;
    const value = trimBlanks(option.value.replaceAll('\\\n', ' '));
    if (value === '') values = [];
    else values.push(value);
  }
  return values;
}

/** The value of an option that has one value: the last. null: not set, or taken back by an empty assignment. */
export function lastOption(file: UnitFile, section: string, name: string): string | null {
  return optionValues(file, section, name).at(-1) ?? null;
}

/**
 * Why an option that did not come out of a parser cannot stand in a unit file as it is: written
 * and read again it would be another one, or several. null: it can.
 */
export function optionProblem(option: UnitOption): string | null {
  if (isPlain(option)) return null;
  const where = `option ${excerpt(option.name)} in section ${excerpt(option.section)}`;
  try {
    const [read, ...more] = parseUnitFile(serializeUnitFile({ options: [option] })).options;
    const isSame =
      read?.section === option.section && read.name === option.name && read.value === option.value;
    if (isSame && more.length === 0) return null;
  } catch (error) {
    if (!(error instanceof UnitFileSyntaxError)) throw error;
    return `${where}: ${error.reason}`;
  }
  return `${where} does not read back as it was given`;
}

/** Most options are, and this spares them the parser. */
function isPlain({ section, name, value }: UnitOption): boolean {
  const areWords = /^[A-Za-z0-9-]+$/.test(section) && /^[A-Za-z0-9-]+$/.test(name);
  return areWords && /^(?:[!-[\]-~](?:[ -[\]-~]*[!-[\]-~])?)?$/.test(value);
}

function bySection(options: readonly UnitOption[]): Map<string, UnitOption[]> {
  const sections = new Map<string, UnitOption[]>();
  for (const option of options) {
    const group = sections.get(option.section);
    if (group === undefined) sections.set(option.section, [option]);
    else group.push(option);
  }
  return sections;
}

/** Lines without comments and blanks, continued ones joined. */
function* logicalLines(text: string): Generator<LogicalLine> {
  let parts: string[] = [];
  let first = 0;
  let last = 0;
  const physical = text.replace(/^\uFEFF/, '').split('\n');
  for (const [index, raw] of physical.entries()) {
    const line = checkedLine(raw, index + 1);
    if (isComment(line)) continue;
    if (parts.length === 0) first = index + 1;
    last = index + 1;
    parts.push(line);
    if (endsInBackslash(line)) continue;
    yield* logicalLine(parts, first, last);
    parts = [];
  }
  if (parts.length > 0) yield* logicalLine([...parts, ''], first, last);
}

/** Yields nothing for a blank line. */
function* logicalLine(parts: readonly string[], line: number, lastLine: number) {
  const text = trimLogical(parts.join('\n'));
  if (text === '') return;
  // Written out again, such a line would swallow the one after it.
  if (endsInBackslash(text)) {
    throw new UnitFileSyntaxError(lastLine, 'there is white space after the backslash at its end');
  }
  yield { line, lastLine, text };
}

function checkedLine(raw: string, line: number): string {
  const text = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
  if (text.includes('\0')) throw new UnitFileSyntaxError(line, 'it holds a NUL byte');
  if (!isWellFormed(text)) throw new UnitFileSyntaxError(line, 'it holds half a character');
  // systemd takes a lone carriage return for the end of a line.
  if (text.includes('\r')) throw new UnitFileSyntaxError(line, 'it holds a carriage return');
  return text;
}

/** Half of a surrogate pair could be written to no file: it would be another character then. */
function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

function parseSectionHeader({ line, text }: LogicalLine): string {
  const end = text.indexOf(']');
  if (end === -1) throw new UnitFileSyntaxError(line, `${excerpt(text)} has no closing "]"`);
  const section = text.slice(1, end);
  const rest = text.slice(end + 1);
  if (section === '') throw new UnitFileSyntaxError(line, 'the section has no name');
  if (section.includes('\n')) {
    throw new UnitFileSyntaxError(line, `section ${excerpt(section)} goes over several lines`);
  }
  if (rest !== '') {
    throw new UnitFileSyntaxError(line, `garbage after section [${section}]: ${excerpt(rest)}`);
  }
  return section;
}

function parseAssignment({ line, text }: LogicalLine): { name: string; value: string } {
  const equals = text.indexOf('=');
  if (equals === -1) {
    throw new UnitFileSyntaxError(line, `${excerpt(text)} is no option: it has no "="`);
  }
  const name = trimBlanks(text.slice(0, equals));
  if (name === '') throw new UnitFileSyntaxError(line, `${excerpt(text)} has no name before "="`);
  if (/\s/.test(name)) {
    throw new UnitFileSyntaxError(
      line,
      `${excerpt(name)} is no option name: it holds white space (is a backslash missing at the end of the line above?)`,
    );
  }
  return { name, value: trimBlanks(text.slice(equals + 1)) };
}

function isComment(line: string): boolean {
  const start = line[firstNonBlank(line)];
  return start === '#' || start === ';';
}

/** An even number of backslashes stands for backslashes. */
function endsInBackslash(line: string): boolean {
  let at = line.length;
  while (at > 0 && line[at - 1] === '\\') at -= 1;
  return (line.length - at) % 2 === 1;
}

/** Also takes away backslashes that continue into nothing. */
function trimLogical(text: string): string {
  let end = endBeforeBlanks(text, text.length);
  while (end > 0 && text[end - 1] === '\n') end = endBeforeBlanks(text, end - 2);
  return text.slice(Math.min(firstNonBlank(text), end), end);
}

function trimBlanks(text: string): string {
  const end = endBeforeBlanks(text, text.length);
  return text.slice(Math.min(firstNonBlank(text), end), end);
}

// Only blank and tab, as in systemd: JavaScript's trim() takes away far more.
function firstNonBlank(text: string): number {
  let at = 0;
  while (text[at] === ' ' || text[at] === '\t') at += 1;
  return at;
}

function endBeforeBlanks(text: string, end: number): number {
  let at = end;
  while (at > 0 && (text[at - 1] === ' ' || text[at - 1] === '\t')) at -= 1;
  return at;
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}
