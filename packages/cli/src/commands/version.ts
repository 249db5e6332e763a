import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { versionLine } from '../version.ts';

export function addVersion(program: Command, { terminal, programName }: Context): void {
  program
    .command('version')
    .description('print the version of this program')
    .action(() => terminal.print(versionLine(programName)));
}
