import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { OperationError } from '../errors.ts';
import { unitNameOf } from '../unit-sources.ts';

export function addCat(program: Command, context: Context): void {
  program
    .command('cat')
    .description('print the unit file that the cluster has')
    .argument('<unit>', 'name of a unit')
    .action(async (argument: string, _: object, command: Command) => {
      const name = unitNameOf(argument);
      const unit = await context.connect(command).unit(name);
      if (unit === null) throw new OperationError(`Unit ${name} not found`);
      if (unit.file === null) {
        throw new OperationError(`the content of unit ${name} is missing in the store`);
      }
      await context.terminal.write(Buffer.from(unit.file));
    });
}
