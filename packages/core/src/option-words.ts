import { optionValues } from './unit-file.ts';
import type { UnitFile } from './unit-file.ts';
import { expandSpecifiers } from './unit-name.ts';

/** The section with what a unit asks of its place. */
export const fleetSection = 'X-Fleet';

/**
 * The values of an option as fleet sees them: a line that begins and ends with a double quote holds
 * several, separated by blanks; any other line is one. Specifiers are expanded.
 */
export function fleetValues(file: UnitFile, name: string, option: string): string[] {
  return optionValues(file, fleetSection, option)
    .flatMap((line) => (isQuoted(line) ? splitWords(line) : [line]))
    .map((value) => expandSpecifiers(value, name))
    .filter((value) => value !== '');
}

export function lastFleetValue(file: UnitFile, name: string, option: string): string | null {
  return fleetValues(file, name, option).at(-1) ?? null;
}

/** Names or globs. They hold neither blanks nor quotes, so a line may hold several in any form. */
export function readNames(
  file: UnitFile,
  name: string,
  inSection: string,
  options: readonly string[],
): string[] {
  return unique(
    options
      .flatMap((option) => optionValues(file, inSection, option))
      .flatMap((line) => line.split(/[\s"]+/))
      .filter((word) => word !== '')
      .map((word) => expandSpecifiers(word, name))
      .filter((word) => word !== ''),
  );
}

function isQuoted(line: string): boolean {
  return line.length > 1 && line.startsWith('"') && line.endsWith('"');
}

/** Splits at blanks outside double quotes, which go away. */
export function splitWords(text: string): string[] {
  return (text.match(/(?:"[^"]*"?|[^"\s])+/g) ?? [])
    .map((word) => word.replaceAll('"', ''))
    .filter((word) => word !== '');
}

export function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
