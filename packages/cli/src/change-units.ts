import { ApiError } from '@muster/api/client';
import type {
  ApiClient,
  UnitBody,
  UnitRequest,
  UnitResultBody,
  WaitTarget,
} from '@muster/api/client';
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

/** What is asked of one unit. */
type Asked = Omit<UnitRequest, 'name'>;

/** What a verb asks of one unit, or why it cannot. */
export type Choice =
  /** `isNowhere`: no machine has it, so that there is nothing to wait for. */
  | { readonly type: 'ask'; readonly asked: Asked; readonly isNowhere?: boolean }
  | { readonly type: 'inactive' }
  | { readonly type: 'refuse'; readonly message: string };

export interface ChangePlan {
  readonly verb: 'stop' | 'unload' | 'restart';
  readonly args: readonly string[];
  readonly options: BlockOptions;
  /**
   * @param isMatched - only a pattern named the unit: that it cannot be done with it is not told
   */
  readonly choose: (unit: UnitBody, isMatched: boolean) => Choice;
  readonly until: WaitTarget;
  /** Ids; null: wherever the units are. */
  readonly machines?: readonly string[] | null;
}

/** What stop, unload and restart do with units that the cluster has: what can be done is done. */
export async function changeUnits(
  context: Context,
  command: Command,
  plan: ChangePlan,
): Promise<void> {
  const { terminal, programName } = context;
  const { verb, options, until, machines = null } = plan;
  const client = context.connect(command);
  const reporter = await openReporter(context, options);
  const chosen = await choose(client, { context, reporter }, plan);
  const written = await writeWhatCanBe(client, reporter, chosen.requests);
  const { revision, results } = written;
  const block = ({ name }: UnitResultBody): boolean => options.block && !chosen.nowhere.has(name);
  const { waited, triggered } = sortUnits(results, habits[programName], block);
  for (const unit of triggered) reporter.triggered(unit, verb);
  await waitForUnits(
    client,
    { terminal, reporter },
    { units: waited, until, machines, afterRevision: revision, limitMs: waitLimitMs(options) },
  );
  complainOfConflicts(results);
  const problems = chosen.problems + written.problems;
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

/**
 * Which units are waited for, and which are only told to have been asked for.
 * @param block - whether a unit that changes may be waited for
 */
export function sortUnits<
  T extends { readonly name: string; readonly isGlobal: boolean; readonly result: string },
>(
  results: readonly T[],
  { skipsUnchanged, waitsForGlobals }: Habits,
  block: (unit: T) => boolean,
): { waited: string[]; triggered: T[] } {
  const changed = results.filter(
    ({ result }) => result !== 'conflict' && !(skipsUnchanged && result === 'unchanged'),
  );
  const isWaited = (unit: T): boolean => block(unit) && (waitsForGlobals || !unit.isGlobal);
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
  plan: ChangePlan,
): Promise<{
  requests: readonly UnitRequest[];
  nowhere: ReadonlySet<string>;
  problems: number;
}> {
  const selection = await chooseUnits(client, plan.args, tell);
  let { problems } = selection;
  const requests: UnitRequest[] = [];
  const nowhere = new Set<string>();
  for (const unit of selection.units) {
    const isMatched = selection.matched.has(unit.name);
    const choice = plan.choose(unit, isMatched);
    if (choice.type === 'ask') {
      requests.push({ name: unit.name, ...choice.asked });
      if (choice.isNowhere === true) nowhere.add(unit.name);
    } else if (!isMatched) {
      if (choice.type === 'inactive') tell.reporter.inactive(unit.name, plan.verb);
      else tell.reporter.refused(unit.name, choice.message);
      problems += 1;
    }
  }
  return { requests, nowhere, problems };
}

/** Units that are refused are told and left out; the others are asked for again without them. */
async function writeWhatCanBe(
  client: ApiClient,
  reporter: UnitReporter,
  requests: readonly UnitRequest[],
): Promise<{ results: readonly UnitResultBody[]; revision: number; problems: number }> {
  let open = requests;
  while (open.length > 0) {
    try {
      const { revision, units } = await client.writeUnits(open);
      return { results: units, revision, problems: requests.length - open.length };
    } catch (error) {
      if (!(error instanceof ApiError) || error.units.length === 0) throw error;
      const refused = new Map(error.units.map(({ name, message }) => [name, message]));
      const left = open.filter(({ name }) => !refused.has(name));
      if (left.length === open.length) throw error;
      for (const [name, message] of refused) reporter.refused(name, message);
      open = left;
    }
  }
  return { results: [], revision: 0, problems: requests.length };
}
