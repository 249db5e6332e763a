import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { version } from '../version.ts';

export function addVersion(program: Command, { terminal }: Context): void {
  program
    .command('version')
    .description('print the version of this program')
    .action(() => terminal.print(`musterctl version ${version}`));
}
