import type { RebalancePlanBody } from '@muster/api/client';
import type { Command } from 'commander';
import { parseCount } from '../block-options.ts';
import type { Context } from '../context.ts';
import { OperationError, UsageError } from '../errors.ts';
import { machineLegends, withLegends } from '../legend.ts';
import { dataOption, printData } from '../print-data.ts';
import type { DataOptions } from '../print-data.ts';
import { moveLines } from '../rebalance-lines.ts';
import { waitForRebalance } from '../wait-for-rebalance.ts';

interface Options extends DataOptions {
  readonly dryRun?: boolean;
  /** false: do not wait. */
  readonly block: boolean;
  readonly max?: number;
  readonly atOnce: number;
  /** The global --timeout, in seconds. */
  readonly timeout?: number;
}

export function addRebalance(program: Command, context: Context): void {
  const rebalance = program
    .command('rebalance')
    .description('move units to where they would be placed now');
  rebalance
    .command('run', { isDefault: true })
    .description('show what is to be moved, and have it moved')
    .option('--dry-run', 'only show it')
    .option('--max <n>', 'make so many moves at most', parseCount)
    .option('--at-once <n>', 'so many moves may be under way at once', parseCount, 1)
    .option('--no-block', 'do not wait until it is over')
    .addOption(dataOption())
    .action((options: Options, command: Command) =>
      run(context, command, { ...command.optsWithGlobals(), ...options }),
    );
  rebalance
    .command('stop')
    .description('begin no more moves')
    .addOption(dataOption())
    .action(async ({ output }: DataOptions, command: Command) => {
      const body = await context.connect(command).stopRebalance();
      if (output !== 'text') return printData(context.terminal, output, body);
      context.terminal.print(stopped[body.result]);
    });
}

const stopped = {
  ending: 'No more moves are begun; those that were begun are ended.',
  cleared: 'The rebalance that had failed is forgotten.',
  none: 'No rebalance is under way.',
} as const;

async function run(context: Context, command: Command, options: Options): Promise<void> {
  const { terminal } = context;
  const { output, max = null, atOnce } = options;
  if (max === 0 || atOnce === 0) throw new UsageError('--max and --at-once must be 1 or more');
  const client = context.connect(command);
  const plan = await client.rebalancePlan();
  const machineOf = machineLegends(await client.machines(), false);
  const say = (line: string): void => {
    if (output === 'text') terminal.print(line);
  };
  const tell = async (result: string): Promise<void> => {
    if (output !== 'text') await printData(terminal, output, { result, ...limited(plan, max) });
  };
  if (plan.obstacle !== null) {
    await tell('hindered');
    throw new OperationError(withLegends(`nothing is moved now: ${plan.obstacle}`, machineOf));
  }
  if (plan.moves.length === 0) {
    say('Nothing to move: every unit is where it would be placed now, or has to stay.');
    return tell('nothing');
  }
  for (const line of planLines(limited(plan, max), plan.moves.length)) say(line);
  if (options.dryRun === true) return tell('planned');
  const begun = await client.beginRebalance({ limit: max, atOnce });
  if (!options.block || begun.result === 'nothing') return tell(begun.result);
  const limitMs = options.timeout === undefined ? null : options.timeout * 1000;
  try {
    await waitForRebalance(client, { begun, limitMs, machineOf, say });
  } catch (error) {
    await tell('ended');
    throw error;
  }
  say('Done.');
  await tell('done');

  function planLines({ moves }: RebalancePlanBody, all: number): string[] {
    const more = all - moves.length;
    return [
      ...moveLines(moves, { machineOf, hasColour: terminal.hasColour }),
      ...(more === 0 ? [] : [`${more} more would be moved without --max.`]),
    ];
  }
}

function limited(plan: RebalancePlanBody, max: number | null): RebalancePlanBody {
  return max === null ? plan : { ...plan, moves: plan.moves.slice(0, max) };
}
