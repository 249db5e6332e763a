import type { Command } from 'commander';
import { withBlockOptions } from '../block-options.ts';
import type { Context } from '../context.ts';
import { launchUnits } from '../submit-units.ts';
import type { LaunchOptions } from '../submit-units.ts';

export function addLoad(program: Command, context: Context): void {
  withBlockOptions(program.command('load'))
    .description('give units to machines without starting them')
    .argument('<unit...>', 'unit files, directories of them, or names of units')
    .option('--replace', 'overwrite other content that the cluster has under the name')
    .action((args: string[], options: LaunchOptions, command: Command) =>
      launchUnits(context, command, {
        verb: 'load',
        args,
        desiredState: 'loaded',
        options: { ...command.optsWithGlobals(), ...options },
      }),
    );
}
