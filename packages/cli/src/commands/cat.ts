import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { OperationError } from '../errors.ts';
import { dataOption, printData } from '../print-data.ts';
import type { DataOptions } from '../print-data.ts';
import { unitNameOf } from '../unit-sources.ts';

export function addCat(program: Command, { connect, terminal }: Context): void {
  program
    .command('cat')
    .description('print the unit file that the cluster has')
    .argument('<unit>', 'name of a unit')
    .addOption(dataOption())
    .action(async (argument: string, { output }: DataOptions, command: Command) => {
      const name = unitNameOf(argument);
      const unit = await connect(command).unit(name);
      if (unit === null) throw new OperationError(`Unit ${name} not found`);
      if (unit.file === null) {
        throw new OperationError(`the content of unit ${name} is missing in the store`);
      }
      if (output === 'text') return terminal.write(Buffer.from(unit.file));
      const { hash, options } = unit;
      return printData(terminal, output, { name, hash, options });
    });
}
