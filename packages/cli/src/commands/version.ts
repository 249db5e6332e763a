import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { dataOption, printData } from '../print-data.ts';
import type { DataOptions } from '../print-data.ts';
import { version, versionLine } from '../version.ts';

export function addVersion(program: Command, { terminal, programName }: Context): void {
  program
    .command('version')
    .description('print the version of this program')
    .addOption(dataOption())
    .action(({ output }: DataOptions) =>
      output === 'text'
        ? terminal.print(versionLine(programName))
        : printData(terminal, output, { version }),
    );
}
