import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { submitUnits } from '../submit-units.ts';

const texts = { created: 'inactive', updated: 'replaced', unchanged: 'unchanged', conflict: '' };

export function addSubmit(program: Command, context: Context): void {
  program
    .command('submit')
    .description('store unit files in the cluster without starting them')
    .argument('<unit...>', 'unit files, or directories of them')
    .option('--replace', 'overwrite other content that the cluster has under the name')
    .action(async (args: string[], options: { replace?: boolean }, command: Command) => {
      const { results } = await submitUnits(context.connect(command), context.terminal, {
        args,
        replace: options.replace === true,
        desiredState: null,
      });
      for (const { name, result } of results) {
        context.terminal.print(`Unit ${name} ${texts[result]}`);
      }
    });
}
