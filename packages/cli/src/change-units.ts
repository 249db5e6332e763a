import type { ApiClient, UnitBody, UnitRequest, WaitTarget } from '@muster/api/client';
import type { Command } from 'commander';
import { waitLimitMs } from './block-options.ts';
import type { BlockOptions } from './block-options.ts';
import type { Context } from './context.ts';
import { OperationError } from './errors.ts';
import { habits } from './habits.ts';
import type { Habits } from './habits.ts';
import { knownUnits } from './known-units.ts';
import { openReporter } from './report-option.ts';
import { selectUnits } from './select-units.ts';
import type { UnitReporter } from './unit-reporter.ts';
import { waitForUnits } from './wait-for-units.ts';

export interface ChangePlan {
  readonly verb: 'stop' | 'unload' | 'restart';
  readonly args: readonly string[];
  readonly options: BlockOptions;
  /** What is asked of one unit. */
  readonly request: Omit<UnitRequest, 'name'>;
  readonly until: WaitTarget;
  /** Whether the verb makes sense for a unit that is inactive. */
  readonly takesInactive: boolean;
}

/** What stop, unload and restart do with units that the cluster has. */
export async function changeUnits(
  context: Context,
  command: Command,
  plan: ChangePlan,
): Promise<void> {
  const { terminal, programName } = context;
  const { verb, options, until } = plan;
  const client = context.connect(command);
  const reporter = await openReporter(context, options);
  const { units, problems } = await choose(client, { context, reporter }, plan);
  const names = units.map(({ name }) => name);
  const { revision, units: results } =
    units.length === 0
      ? { revision: 0, units: [] }
      : await client.writeUnits(names.map((name) => ({ name, ...plan.request })));
  const { waited, triggered } = sortUnits(results, habits[programName], options);
  for (const unit of triggered) reporter.triggered(unit, verb);
  await waitForUnits(
    client,
    { terminal, reporter },
    { units: waited, until, afterRevision: revision, limitMs: waitLimitMs(options) },
  );
  complainOfConflicts(results);
  if (problems > 0) throw new OperationError(`${problems} of the arguments could not be done`);
  reporter.finished(waited, verb);
}

/** @throws {OperationError} when others kept changing some of the units */
export function complainOfConflicts(
  results: readonly { readonly name: string; readonly result: string }[],
): void {
  const busy = results.filter(({ result }) => result === 'conflict').map(({ name }) => name);
  if (busy.length > 0) {
    throw new OperationError(`others are changing ${busy.join(', ')}; try again`);
  }
}

/** Which units are waited for, and which are only told to have been asked for. */
export function sortUnits<
  T extends { readonly name: string; readonly isGlobal: boolean; readonly result: string },
>(
  results: readonly T[],
  { skipsUnchanged, waitsForGlobals }: Habits,
  { block }: Pick<BlockOptions, 'block'>,
): { waited: string[]; triggered: T[] } {
  const changed = results.filter(
    ({ result }) => result !== 'conflict' && !(skipsUnchanged && result === 'unchanged'),
  );
  const isWaited = ({ isGlobal }: T): boolean => block && (waitsForGlobals || !isGlobal);
  return {
    waited: changed.filter(isWaited).map(({ name }) => name),
    triggered: changed.filter((unit) => !isWaited(unit)),
  };
}

/** Units of the cluster that the arguments name, and how many of these name none: those have been told. */
export async function chooseUnits(
  client: ApiClient,
  args: readonly string[],
  { context, reporter }: { readonly context: Context; readonly reporter: UnitReporter },
): Promise<ReturnType<typeof selectUnits<UnitBody>> & { readonly problems: number }> {
  const selection = selectUnits(args, await knownUnits(client, args));
  for (const name of selection.missing) reporter.missing(name);
  if (!habits[context.programName].forgivesMissing) {
    return { ...selection, problems: selection.missing.length };
  }
  if (selection.units.length === 0) context.terminal.complain('Units not found in registry');
  return { ...selection, problems: 0 };
}

async function choose(
  client: ApiClient,
  tell: { readonly context: Context; readonly reporter: UnitReporter },
  { args, verb, takesInactive }: ChangePlan,
): Promise<{ units: readonly UnitBody[]; problems: number }> {
  const selection = await chooseUnits(client, args, tell);
  let { problems } = selection;
  const units: UnitBody[] = [];
  for (const unit of selection.units) {
    if (takesInactive || unit.desiredState !== 'inactive') units.push(unit);
    else if (!selection.matched.has(unit.name)) {
      tell.reporter.inactive(unit.name, verb);
      problems += 1;
    }
  }
  return { units, problems };
}
