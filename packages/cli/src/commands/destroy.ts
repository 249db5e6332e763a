import type { Command } from 'commander';
import { waitLimitMs, withBlockOptions } from '../block-options.ts';
import type { BlockOptions } from '../block-options.ts';
import { chooseUnits, complainOfConflicts, sortUnits } from '../change-units.ts';
import type { Context } from '../context.ts';
import { OperationError } from '../errors.ts';
import { habits } from '../habits.ts';
import { openReporter } from '../report-option.ts';
import { waitForUnits } from '../wait-for-units.ts';

export function addDestroy(program: Command, context: Context): void {
  withBlockOptions(program.command('destroy'))
    .description('stop units and remove them from the cluster')
    .argument('<unit...>', 'names of units, or patterns for them')
    .action((args: string[], options: BlockOptions, command: Command) =>
      destroyUnits(context, command, {
        args,
        options: { ...command.optsWithGlobals(), ...options },
      }),
    );
}

async function destroyUnits(
  context: Context,
  command: Command,
  { args, options }: { readonly args: readonly string[]; readonly options: BlockOptions },
): Promise<void> {
  const client = context.connect(command);
  const reporter = await openReporter(context, options);
  const { units, problems } = await chooseUnits(client, args, { context, reporter });
  const { revision, units: results } =
    units.length === 0
      ? { revision: 0, units: [] }
      : await client.destroyUnits(units.map(({ name }) => name));
  const ended = new Map(results.map(({ name, result }) => [name, result]));
  const { waited, triggered } = sortUnits(
    units.map((unit) => ({ ...unit, result: ended.get(unit.name) ?? 'absent' })),
    habits[context.programName],
    () => options.block,
  );
  for (const unit of triggered) reporter.triggered(unit, 'destroy');
  await waitForUnits(
    client,
    { terminal: context.terminal, reporter },
    { units: waited, until: 'absent', afterRevision: revision, limitMs: waitLimitMs(options) },
  );
  complainOfConflicts(results);
  if (problems > 0) throw new OperationError(`${problems} of the arguments could not be done`);
}
