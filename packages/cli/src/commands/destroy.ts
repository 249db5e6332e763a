import type { Command } from 'commander';
import { waitLimitMs, withBlockOptions } from '../block-options.ts';
import type { BlockOptions } from '../block-options.ts';
import { complainOfMissing } from '../change-units.ts';
import type { Context } from '../context.ts';
import { OperationError } from '../errors.ts';
import { knownUnits } from '../known-units.ts';
import { selectUnits } from '../select-units.ts';
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
  { terminal, connect }: Context,
  command: Command,
  { args, options }: { readonly args: readonly string[]; readonly options: BlockOptions },
): Promise<void> {
  const client = connect(command);
  const selection = selectUnits(args, await knownUnits(client, args));
  const names = selection.units.map(({ name }) => name);
  const { revision, units } =
    names.length === 0 ? { revision: 0, units: [] } : await client.destroyUnits(names);
  const busy = units.filter(({ result }) => result === 'conflict').map(({ name }) => name);
  if (options.block) {
    await waitForUnits(client, terminal, {
      units: names.filter((name) => !busy.includes(name)),
      until: 'absent',
      afterRevision: revision,
      limitMs: waitLimitMs(options),
    });
  } else {
    for (const name of names) terminal.print(`Triggered unit ${name} destroy`);
  }
  if (busy.length > 0) {
    throw new OperationError(`others are changing ${busy.join(', ')}; try again`);
  }
  const missing = complainOfMissing(terminal, selection.missing);
  if (missing > 0) throw new OperationError(`${missing} of the arguments could not be done`);
}
