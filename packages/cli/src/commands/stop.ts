import type { Command } from 'commander';
import { withBlockOptions } from '../block-options.ts';
import type { BlockOptions } from '../block-options.ts';
import { changeUnits } from '../change-units.ts';
import type { Context } from '../context.ts';

export function addStop(program: Command, context: Context): void {
  withBlockOptions(program.command('stop'))
    .description('stop units; they stay loaded on their machines')
    .argument('<unit...>', 'names of units, or patterns for them')
    .action(async (args: string[], options: BlockOptions, command: Command) => {
      await changeUnits(context, command, {
        verb: 'stop',
        args,
        options: { ...command.optsWithGlobals(), ...options },
        choose: ({ desiredState }) =>
          desiredState === 'inactive'
            ? { type: 'inactive' }
            : { type: 'ask', asked: { desiredState: 'loaded' } },
        until: 'loaded',
      });
    });
}
