import {
  checkUnitFile,
  checkUnitName,
  locateOptions,
  parseUnitFile,
  reservedNameProblem,
  unknownFleetOptions,
  UnitFileSyntaxError,
} from '@muster/core';
import type { UnitOption } from '@muster/core';

/** Something to say about a unit file. */
export interface Finding {
  /** From 1; null: it is about no line in particular. */
  readonly line: number | null;
  /** What has an error cannot be handed to the cluster, or would not mean what its author thinks. */
  readonly severity: 'error' | 'warning';
  /** One sentence without full stop. */
  readonly message: string;
}

type Located = UnitOption & { readonly line: number };

/**
 * Checks a unit file as the API does before it stores it; an option of `[X-Fleet]` that has no
 * meaning is an error here and a warning there.
 * @returns errors before warnings, each in the order of the lines
 */
export function verifyUnit(name: string, text: string): Finding[] {
  const nameProblem = checkUnitName(name) ?? reservedNameProblem(name);
  const ofName = nameProblem === null ? [] : [error(null, nameProblem)];
  try {
    const located = [...locateOptions(text)];
    const file = parseUnitFile(text);
    const { problems, warnings } = checkUnitFile(file, name);
    const unknown = new Set(unknownFleetOptions(file));
    const place = (message: string): number | null => lineOf(message, located);
    return [
      ...ofName,
      ...inOrder([
        ...problems.map((message) => error(place(message), message)),
        ...[...unknown].map((message) => error(place(message), message)),
      ]),
      ...inOrder(
        warnings
          .filter((message) => !unknown.has(message))
          .map((message) => ({ line: place(message), severity: 'warning', message })),
      ),
    ];
  } catch (thrown) {
    if (!(thrown instanceof UnitFileSyntaxError)) throw thrown;
    return [...ofName, error(thrown.line, thrown.reason)];
  }
}

/**
 * The line that a sentence is about: the first option that it names and the file has (of several, the
 * first with the word that the sentence has behind `=`), or the first line of a section that it names.
 * Sentences name them as the file spells them.
 */
export function lineOf(message: string, options: readonly Located[]): number | null {
  const sections = [...message.matchAll(/\[([^\]]+)\]/g)].map(([, name]) => name);
  for (const [, word, value] of message.matchAll(/([A-Za-z][A-Za-z0-9-]*)(?:=([^\s",]+))?/g)) {
    const called = options.filter((option) => option.name === word);
    const meant = called.filter(
      (option) => value !== undefined && option.value.split(/[\s",]+/).includes(value),
    );
    const named = meant.length > 0 ? meant : called;
    const found =
      named.find(({ section }) => sections.includes(section)) ??
      named.find(({ section }) => section === 'X-Fleet') ??
      named[0];
    if (found !== undefined) return found.line;
  }
  return options.find(({ section }) => sections.includes(section))?.line ?? null;
}

function error(line: number | null, message: string): Finding {
  return { line, severity: 'error', message };
}

function inOrder(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}
