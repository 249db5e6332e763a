import type { ForgottenBody, MachineBody } from '@muster/api/client';
import type { Command } from 'commander';
import { confirm, yesOption } from '../confirm.ts';
import type { ConfirmOptions } from '../confirm.ts';
import type { Context } from '../context.ts';
import { OperationError } from '../errors.ts';
import { chooseAbsent, machineIdWords } from '../find-machine.ts';
import { dataOption, printData } from '../print-data.ts';
import type { DataOptions } from '../print-data.ts';
import { showLosses, teller } from './brake.ts';

export function addMachine(program: Command, context: Context): void {
  const machine = program.command('machine').description('do something about machines themselves');
  machine
    .command('forget')
    .description('remove everything that is stored of machines that are absent for good')
    .argument('<machine...>', machineIdWords)
    .addOption(yesOption())
    .addOption(dataOption())
    .action((ids: string[], options: ConfirmOptions & DataOptions, command: Command) =>
      forget(context, command, { ids, options }),
    );
}

async function forget(
  context: Context,
  command: Command,
  {
    ids,
    options,
  }: { readonly ids: readonly string[]; readonly options: ConfirmOptions & DataOptions },
): Promise<void> {
  const { terminal } = context;
  const client = context.connect(command);
  const all = await client.allMachines();
  const machines = chooseAbsent(ids, all);
  const present = all.machines.find(({ id }) => machines.includes(id));
  if (present !== undefined) throw new OperationError(whyNot(present));
  const known = machines.filter((id) => all.absent.some((absent) => absent.id === id));
  await showLosses(client, known, teller(context, options));
  await confirm(terminal, options, 'Forget it, and place its units elsewhere?');
  const results: ForgottenBody[] = [];
  for (const id of machines) {
    const forgotten = await client.forgetMachine(id);
    results.push(forgotten);
    const isSaid = options.output === 'text' && forgotten.result !== 'pending';
    if (isSaid) terminal.print(sentence(forgotten));
  }
  if (options.output !== 'text') await printData(terminal, options.output, results);
  const pending = results.filter(({ result }) => result === 'pending');
  if (pending.length > 0) {
    throw new OperationError(
      `${pending.map(({ machine }) => machine).join(', ')} is not forgotten yet: the leader does it as soon as there is one, and nothing that must not run twice can be up there any more`,
    );
  }
}

function whyNot({ id, awaySince }: MachineBody): string {
  const how = awaySince === null ? 'is there' : 'is away, its musterd was stopped in order';
  return `machine ${id} ${how}: only a machine that is absent can be forgotten`;
}

function sentence({ machine, result }: ForgottenBody): string {
  return result === 'unknown'
    ? `Nothing is known of machine ${machine}.`
    : `Machine ${machine} is forgotten.`;
}
