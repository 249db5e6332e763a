import type { Command } from 'commander';
import { withBlockOptions } from '../block-options.ts';
import type { BlockOptions } from '../block-options.ts';
import { changeUnits } from '../change-units.ts';
import type { Context } from '../context.ts';

export function addRestart(program: Command, context: Context): void {
  withBlockOptions(program.command('restart'))
    .description('stop and start units where they are')
    .argument('<unit...>', 'names of units, or patterns for them')
    .action(async (args: string[], options: BlockOptions, command: Command) => {
      await changeUnits(context, command, {
        verb: 'restart',
        args,
        options: { ...command.optsWithGlobals(), ...options },
        request: { restart: true },
        until: 'launched',
        takesInactive: false,
      });
    });
}
