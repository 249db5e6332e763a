import { ApiError } from '@muster/api/client';
import type { ApiClient, UnitRequest, UnitResultBody } from '@muster/api/client';
import type { Command } from 'commander';
import { waitLimitMs } from './block-options.ts';
import type { BlockOptions } from './block-options.ts';
import type { Context } from './context.ts';
import { OperationError } from './errors.ts';
import { matchUnits } from './select-units.ts';
import type { Terminal } from './terminal.ts';
import { findSources, isPattern, readUnitFile } from './unit-sources.ts';
import type { UnitSource } from './unit-sources.ts';
import { waitForUnits } from './wait-for-units.ts';

export interface LaunchOptions extends BlockOptions {
  readonly replace?: boolean;
}

/** Hands units over in one request; nothing is stored when one of them is refused. */
export async function submitUnits(
  client: ApiClient,
  terminal: Terminal,
  {
    args,
    replace,
    desiredState,
  }: {
    readonly args: readonly string[];
    readonly replace: boolean;
    /** null: new units are inactive, others stay as they are. */
    readonly desiredState: 'loaded' | 'launched' | null;
  },
): Promise<{
  revision: number;
  sources: readonly UnitSource[];
  results: readonly UnitResultBody[];
}> {
  const sources = findSources(await replacePatterns(client, args));
  const requests = sources.map(({ name, path, isAside }): UnitRequest => {
    return {
      name,
      ...(path === null ? {} : { file: readUnitFile(path) }),
      ...(desiredState === null || isAside ? {} : { desiredState }),
      ...(replace ? { replace } : {}),
    };
  });
  const { revision, units } = await writeOrExplain(client, terminal, { requests, sources });
  for (const { name, warnings } of units) {
    for (const warning of warnings) terminal.complain(`warning: ${name}: ${warning}`);
  }
  const busy = units.filter(({ result }) => result === 'conflict').map(({ name }) => name);
  if (busy.length > 0) {
    throw new OperationError(`others are changing ${busy.join(', ')}; try again`);
  }
  return { revision, sources, results: units };
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
  const { terminal } = context;
  const { verb, args, desiredState, options } = plan;
  const client = context.connect(command);
  const replace = options.replace === true;
  const submitted = await submitUnits(client, terminal, { args, replace, desiredState });
  const units = submitted.sources.filter(({ isAside }) => !isAside).map(({ name }) => name);
  if (!options.block) {
    for (const unit of units) terminal.print(`Triggered unit ${unit} ${verb}`);
    return;
  }
  const limitMs = waitLimitMs(options);
  const afterRevision = submitted.revision;
  await waitForUnits(client, terminal, { units, until: desiredState, afterRevision, limitMs });
}

/** Patterns that are not files stand for units of the cluster. */
async function replacePatterns(client: ApiClient, args: readonly string[]): Promise<string[]> {
  if (!args.some(isPattern)) return [...args];
  const units = await client.units();
  return args.flatMap((argument) => {
    if (!isPattern(argument)) return [argument];
    const names = matchUnits(argument, units).map(({ name }) => name);
    if (names.length === 0) throw new OperationError(`no unit matches "${argument}"`);
    return names;
  });
}

async function writeOrExplain(
  client: ApiClient,
  terminal: Terminal,
  { requests, sources }: { requests: readonly UnitRequest[]; sources: readonly UnitSource[] },
): ReturnType<ApiClient['writeUnits']> {
  try {
    return await client.writeUnits(requests);
  } catch (error) {
    if (!(error instanceof ApiError) || error.units.length === 0) throw error;
    const paths = new Map(sources.map(({ name, path }) => [name, path]));
    for (const { name, code, message, reason, line } of error.units) {
      const file = paths.get(name) ?? null;
      const hint = code === 'other-content' ? '; add --replace to overwrite it' : '';
      const place = line === null ? file : `${file ?? name}:${line}`;
      const isAboutFile = code === 'unit-file' || code === 'unit-file-syntax';
      terminal.complain(isAboutFile ? `${place ?? name}: ${reason}` : `${message}${hint}`);
    }
    throw new OperationError('nothing was stored', { cause: error });
  }
}
