import {
  checkUnitFile,
  hashUnitFile,
  parseUnitFile,
  parseUnitName,
  serializeUnitFile,
  templateOf,
  UnitFileSyntaxError,
} from '@muster/core';
import type { UnitFile } from '@muster/core';
import type { UnitContent, UnitWish } from './decide-unit-write.ts';
import type { UnitProblem } from './http-error.ts';
import { demandsIn } from './unit-demands.ts';
import type { UnitRequest } from './wire.ts';

interface Parsed {
  readonly content: UnitContent;
  readonly file: UnitFile;
}

/** What there is to say about content that is to be stored under a name. */
export interface CheckedContent {
  /** Reasons not to store it. */
  readonly problems: readonly UnitProblem[];
  readonly warnings: readonly string[];
  readonly isGlobal: boolean;
}

/** Reads unit files, each text once: many instances bring the same one. Lives for one request. */
export class UnitFileReader {
  readonly #parsed = new Map<string, Parsed | UnitFileSyntaxError>();
  /** text → name → what there is to say */
  readonly #checked = new Map<string, Map<string, CheckedContent>>();

  read(text: string): Parsed | UnitFileSyntaxError {
    const known = this.#parsed.get(text);
    if (known !== undefined) return known;
    const parsed = parse(text);
    this.#parsed.set(text, parsed);
    return parsed;
  }

  check(name: string, text: string): CheckedContent {
    const byName = this.#checked.get(text) ?? new Map<string, CheckedContent>();
    this.#checked.set(text, byName);
    const known = byName.get(name);
    if (known !== undefined) return known;
    const checked = checkContent(name, this.read(text));
    byName.set(name, checked);
    return checked;
  }
}

function parse(text: string): Parsed | UnitFileSyntaxError {
  try {
    const file = parseUnitFile(text);
    return { file, content: { hash: hashUnitFile(file), text: serializeUnitFile(file) } };
  } catch (error) {
    if (error instanceof UnitFileSyntaxError) return error;
    throw error;
  }
}

/** Wishes in the order of the requests; when there are problems, nothing of it may be stored. */
export function readWishes(
  requests: readonly UnitRequest[],
  reader: UnitFileReader,
): { wishes: readonly UnitWish[]; problems: readonly UnitProblem[] } {
  const wishes: UnitWish[] = [];
  const problems: UnitProblem[] = [];
  for (const { name, file, desiredState, restart, startFailed, replace } of requests) {
    const parsed = file === undefined ? null : reader.read(file);
    if (parsed instanceof UnitFileSyntaxError) {
      problems.push(syntaxProblem(name, parsed));
      continue;
    }
    wishes.push({
      name,
      template: templateOf(name),
      isTemplate: parseUnitName(name).isTemplate,
      content: parsed?.content ?? null,
      desiredState: desiredState ?? null,
      restart: typeof restart === 'object' ? restart.machines : (restart ?? false),
      startFailed: startFailed ?? false,
      replace: replace ?? false,
    });
  }
  return { wishes, problems };
}

function checkContent(name: string, parsed: Parsed | UnitFileSyntaxError): CheckedContent {
  if (parsed instanceof UnitFileSyntaxError) {
    return { problems: [syntaxProblem(name, parsed)], warnings: [], isGlobal: false };
  }
  const { file, content } = parsed;
  const { problems, warnings } = checkUnitFile(file, name);
  return {
    problems: problems.map((problem) => ({
      name,
      status: 400,
      code: 'unit-file',
      message: `unit "${name}": ${problem}`,
      reason: problem,
      line: null,
    })),
    warnings,
    isGlobal: demandsIn(name, content.text, file) !== null,
  };
}

function syntaxProblem(name: string, { line, reason }: UnitFileSyntaxError): UnitProblem {
  const message = `unit "${name}": line ${line}: ${reason}`;
  return { name, status: 400, code: 'unit-file-syntax', message, reason, line };
}
