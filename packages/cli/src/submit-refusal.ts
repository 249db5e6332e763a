import type { ApiError } from '@muster/api/client';
import { habits } from './habits.ts';
import type { ProgramName } from './program-name.ts';
import type { UnitSource } from './unit-sources.ts';

type Problem = ApiError['units'][number];

/** What to tell of units that the cluster refused, and whether the rest can go on without them. */
export interface Refusal {
  readonly lines: readonly string[];
  /** Units that stay with the content that the cluster has; null: nothing can go on. */
  readonly kept: ReadonlySet<string> | null;
}

/** @param sources - what was submitted */
export function refusal(
  problems: readonly Problem[],
  sources: readonly UnitSource[],
  programName: ProgramName,
): Refusal {
  const byName = new Map(sources.map((source) => [source.name, source]));
  const others = problems.filter(({ code }) => code !== 'other-content');
  if (habits[programName].keepsOtherContent && others.length === 0) {
    return {
      lines: problems.map((problem) => differenceText(problem, byName.get(problem.name))),
      kept: new Set(problems.map(({ name }) => name)),
    };
  }
  const text = programName === 'fleetctl' ? fleetText : problemText;
  const told = programName === 'fleetctl' ? others : problems;
  return { lines: told.map((problem) => text(problem, byName.get(problem.name))), kept: null };
}

function problemText(problem: Problem, source: UnitSource | undefined): string {
  const { code, message, reason } = problem;
  const hint = code === 'other-content' ? '; add --replace to overwrite it' : '';
  return isAboutFile(problem) ? `${placeOf(problem, source)}: ${reason}` : `${message}${hint}`;
}

/** `units/web.service:12` */
function placeOf({ name, line }: Problem, source: UnitSource | undefined): string {
  const file = source?.path ?? name;
  return line === null ? file : `${file}:${line}`;
}

function isAboutFile({ code }: Problem): boolean {
  return code === 'unit-file' || code === 'unit-file-syntax';
}

function differenceText({ name }: Problem, source: UnitSource | undefined): string {
  const what = source?.template === null ? 'unit file' : 'template unit file';
  return `WARNING: Unit ${name} in registry differs from local ${what} ${source?.path ?? name}. Add --replace to override.`;
}

function fleetText(problem: Problem, source: UnitSource | undefined): string {
  const { name, code, message, reason } = problem;
  const prefix = 'Error creating units: ';
  if (isAboutFile(problem)) {
    return `${prefix}failed getting Unit(${name}) from file: ${placeOf(problem, source)}: ${reason}`;
  }
  if (code !== 'not-found') return `${prefix}failed creating unit ${name}: ${message}`;
  const template = source?.template ?? null;
  return template === null
    ? `${prefix}unable to find Unit(${name}) in Registry or on filesystem`
    : `${prefix}failed getting Unit(${name}) from template: unable to find template Unit(${template.name}) in Registry or on filesystem`;
}
