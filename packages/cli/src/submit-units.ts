import { ApiError } from '@muster/api/client';
import type { ApiClient, UnitRequest, UnitResultBody } from '@muster/api/client';
import { parseUnitName } from '@muster/core';
import type { Command } from 'commander';
import { waitLimitMs } from './block-options.ts';
import type { BlockOptions } from './block-options.ts';
import { complainOfConflicts, sortUnits } from './change-units.ts';
import type { Context } from './context.ts';
import { OperationError, UsageError } from './errors.ts';
import { habits } from './habits.ts';
import { knownUnits } from './known-units.ts';
import { openReporter } from './report-option.ts';
import { matchUnits } from './select-units.ts';
import { refusal } from './submit-refusal.ts';
import { addTemplates, findSources, isPattern, readUnitFile } from './unit-sources.ts';
import type { UnitSource } from './unit-sources.ts';
import { waitForUnits } from './wait-for-units.ts';

export interface LaunchOptions extends BlockOptions {
  readonly replace?: boolean;
}

export interface Submission {
  readonly args: readonly string[];
  readonly replace: boolean;
  /** null: new units are inactive, others stay as they are. */
  readonly desiredState: 'loaded' | 'launched' | null;
}

/**
 * Hands units over in one request; nothing is stored when one of them is refused.
 * @returns what became of each, also conflicts; `isAside`: it was only needed by another
 * @throws {OperationError} each reason has been told
 * @throws {UsageError} for --replace without something to replace a unit with
 */
export async function submitUnits(
  context: Context,
  client: ApiClient,
  submission: Submission,
): Promise<{ revision: number; results: (UnitResultBody & { isAside: boolean })[] }> {
  const send = (requests: readonly UnitRequest[]): ReturnType<ApiClient['writeUnits']> =>
    client.writeUnits(requests);
  const { answer, aside } = await sendUnits(context, client, { ...submission, send });
  const { revision, units } = answer;
  return { revision, results: units.map((unit) => ({ ...unit, isAside: aside.has(unit.name) })) };
}

/** What is sent of unit files and names, and what came back. */
export interface Sent<T> {
  readonly answer: T;
  /** Units that were only needed by another. */
  readonly aside: ReadonlySet<string>;
}

/**
 * Reads what the arguments name, and sends it in one request. Warnings are told.
 * @throws as submitUnits
 */
export async function sendUnits<
  T extends { readonly units: readonly Pick<UnitResultBody, 'name' | 'warnings'>[] },
>(
  context: Context,
  client: ApiClient,
  {
    args,
    replace,
    desiredState,
    send,
  }: Submission & { readonly send: (requests: readonly UnitRequest[]) => Promise<T> },
): Promise<Sent<T>> {
  const found = findSources(await replacePatterns(client, args));
  if (replace) refuseWithoutContent(found);
  if (replace && desiredState === 'loaded') await refuseLaunched(context, client, found);
  const { submitsTemplates } = habits[context.programName];
  const sources = submitsTemplates
    ? addTemplates(found)
    : await copyTemplates(client, found, replace);
  const requests = sources.map((source) => requestFor(source, { replace, desiredState }));
  const answer = await sendOrExplain(context, send, { requests, sources });
  for (const { name, warnings } of answer.units) {
    for (const warning of warnings) context.terminal.complain(`warning: ${name}: ${warning}`);
  }
  const aside = new Set(sources.filter(({ isAside }) => isAside).map(({ name }) => name));
  return { answer, aside };
}

/** What load and start do: hand over, then wait until every unit is there. */
export async function launchUnits(
  context: Context,
  command: Command,
  plan: {
    readonly verb: 'load' | 'start';
    readonly args: readonly string[];
    readonly desiredState: 'loaded' | 'launched';
    readonly options: LaunchOptions;
  },
): Promise<void> {
  const { terminal, programName } = context;
  const { verb, args, desiredState, options } = plan;
  const client = context.connect(command);
  const reporter = await openReporter(context, options);
  const replace = options.replace === true;
  const { revision, results } = await submitUnits(context, client, { args, replace, desiredState });
  const named = results.filter(({ isAside }) => !isAside);
  for (const unit of named) reporter.stored(unit, { isOnly: false });
  const unchanged = named.filter(({ result }) => result === 'unchanged');
  const { waited, triggered } = sortUnits(named, habits[programName], () => options.block);
  for (const unit of triggered) reporter.triggered(unit, verb);
  await waitForUnits(
    client,
    { terminal, reporter },
    {
      units: waited,
      until: desiredState,
      untouched: new Set(unchanged.map(({ name }) => name)),
      afterRevision: revision,
      limitMs: waitLimitMs(options),
    },
  );
  complainOfConflicts(results);
}

function requestFor(
  { name, path, isAside }: UnitSource,
  { replace, desiredState }: Pick<Submission, 'replace' | 'desiredState'>,
): UnitRequest {
  return {
    name,
    ...(path === null ? {} : { file: readUnitFile(path) }),
    ...(desiredState === null || isAside ? {} : { desiredState }),
    ...(desiredState === 'launched' && !isAside ? { startFailed: true } : {}),
    ...(replace ? { replace } : {}),
  };
}

function refuseWithoutContent(sources: readonly UnitSource[]): void {
  const bare = sources.find(({ path, template }) => path === null && template === null);
  if (bare === undefined) return;
  throw new UsageError(`--replace: there is no file ${bare.name} to replace the unit with`);
}

/** To replace what runs is one thing, to stop it another: load would do both. */
async function refuseLaunched(
  { terminal }: Context,
  client: ApiClient,
  sources: readonly UnitSource[],
): Promise<void> {
  const names = sources.filter(({ isAside }) => !isAside).map(({ name }) => name);
  const asked = new Set(names);
  const launched = (await knownUnits(client, names)).filter(
    ({ name, desiredState }) => asked.has(name) && desiredState === 'launched',
  );
  if (launched.length === 0) return;
  for (const { name } of launched) {
    terminal.complain(
      `Unit ${name} is launched, and load would stop it: use start --replace, or stop it first`,
    );
  }
  throw new OperationError('nothing was stored');
}

/** Patterns that are not files stand for units of the cluster; templates do not run. */
async function replacePatterns(client: ApiClient, args: readonly string[]): Promise<string[]> {
  if (!args.some(isPattern)) return [...args];
  const units = await client.units();
  return args.flatMap((argument) => {
    if (!isPattern(argument)) return [argument];
    const names = matchUnits(argument, units)
      .map(({ name }) => name)
      .filter((name) => !parseUnitName(name).isTemplate);
    if (names.length === 0) throw new OperationError(`no unit matches "${argument}"`);
    return names;
  });
}

/**
 * As fleet: an instance gets a copy of its template, the cluster's going before the one beside its
 * path. An instance that is there already is compared with the one beside.
 */
async function copyTemplates(
  client: ApiClient,
  sources: readonly UnitSource[],
  replace: boolean,
): Promise<UnitSource[]> {
  const instances = sources.filter(({ template }) => template !== null);
  const names = instances.flatMap(({ name, template }) => [name, template?.name ?? name]);
  const known = new Set((await knownUnits(client, names)).map(({ name }) => name));
  return sources.map((source) => {
    const { name, template } = source;
    if (template === null) return source;
    const takesStored = known.has(template.name) && !known.has(name) && !replace;
    return takesStored ? source : { ...source, path: template.path };
  });
}

async function sendOrExplain<T>(
  context: Context,
  send: (requests: readonly UnitRequest[]) => Promise<T>,
  batch: { requests: readonly UnitRequest[]; sources: readonly UnitSource[] },
): Promise<T> {
  const { terminal, programName } = context;
  try {
    return await send(batch.requests);
  } catch (error) {
    if (!(error instanceof ApiError) || error.units.length === 0) throw error;
    const { lines, kept } = refusal(error.units, batch.sources, programName);
    for (const line of lines) terminal.complain(line);
    if (kept === null) throw new OperationError('nothing was stored', { cause: error });
    const requests = batch.requests.map(({ file, ...request }) =>
      file === undefined || kept.has(request.name) ? request : { file, ...request },
    );
    return sendOrExplain(context, send, { ...batch, requests });
  }
}
