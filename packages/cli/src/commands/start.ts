import type { Command } from 'commander';
import { withBlockOptions } from '../block-options.ts';
import type { Context } from '../context.ts';
import { planUnits } from '../plan-units.ts';
import { launchUnits } from '../submit-units.ts';
import type { LaunchOptions } from '../submit-units.ts';

interface DryRun {
  readonly dryRun?: boolean;
}

export function addStart(program: Command, context: Context): void {
  withBlockOptions(program.command('start'))
    .description('run units in the cluster')
    .argument('<unit...>', 'unit files, directories of them, or names of units')
    .option('--replace', 'overwrite other content that the cluster has under the name')
    .option('--dry-run', 'only say where they would go')
    .action((args: string[], options: LaunchOptions & DryRun, command: Command) => {
      const plan = { args, desiredState: 'launched' } as const;
      if (options.dryRun === true) return planUnits(context, command, { ...plan, options });
      return launchUnits(context, command, {
        ...plan,
        verb: 'start',
        options: { ...command.optsWithGlobals(), ...options },
      });
    });
}
