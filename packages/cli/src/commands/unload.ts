import type { Command } from 'commander';
import { withBlockOptions } from '../block-options.ts';
import type { BlockOptions } from '../block-options.ts';
import { changeUnits } from '../change-units.ts';
import type { Context } from '../context.ts';

export function addUnload(program: Command, context: Context): void {
  withBlockOptions(program.command('unload'))
    .description('stop units and take them off their machines')
    .argument('<unit...>', 'names of units, or patterns for them')
    .action(async (args: string[], options: BlockOptions, command: Command) => {
      await changeUnits(context, command, {
        verb: 'unload',
        args,
        options: { ...command.optsWithGlobals(), ...options },
        choose: () => ({ type: 'ask', asked: { desiredState: 'inactive' } }),
        until: 'inactive',
      });
    });
}
