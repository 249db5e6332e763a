import { Argument } from 'commander';
import type { Command } from 'commander';
import type { Context } from '../context.ts';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

export function addCompletion(program: Command, context: Context): void {
  program
    .command('completion')
    .description('print what makes a shell complete command lines of this program')
    .addArgument(new Argument('<shell>', 'which one').choices(shells))
    .action(async (shell: Shell) => {
      const { completionScripts } = await import('../completion/scripts.ts');
      context.terminal.print(completionScripts[shell]);
    });
}

/** What the shells run. It knows the whole program: it must not be the only verb. */
export function addComplete(program: Command, context: Context): void {
  program
    .command('__complete', { hidden: true })
    .addArgument(new Argument('<shell>').choices(shells))
    .argument('[word...]')
    .action(async (shell: Shell, args: string[]) => {
      const { complete } = await import('../completion/complete.ts');
      const lines = await complete(program, context, { shell, args });
      if (lines.length > 0) context.terminal.print(lines.join('\n'));
    });
}
