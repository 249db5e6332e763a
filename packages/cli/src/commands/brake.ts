import type { ApiClient, LossesAcceptedBody, UnitBody } from '@muster/api/client';
import type { Command } from 'commander';
import { brakeLines, lossLines } from '../absent-lines.ts';
import { confirm, yesOption } from '../confirm.ts';
import type { ConfirmOptions } from '../confirm.ts';
import type { Context } from '../context.ts';
import { OperationError } from '../errors.ts';
import { chooseAbsent, machineIdWords } from '../find-machine.ts';
import { dataOption, printData } from '../print-data.ts';
import type { DataOptions } from '../print-data.ts';

export function addBrake(program: Command, context: Context): void {
  const brake = program
    .command('brake')
    .description('show or release what holds back units of absent machines');
  brake
    .command('show', { isDefault: true })
    .description('show whether units of absent machines stay where they are, and which')
    .addOption(dataOption())
    .action(async ({ output }: DataOptions, command: Command) => {
      const body = await context.connect(command).brake();
      if (output !== 'text') return printData(context.terminal, output, body);
      for (const line of brakeLines(body, body.absent)) context.terminal.print(line);
    });
  brake
    .command('release')
    .description('accept that absent machines are lost: their units are placed elsewhere')
    .argument('[machine...]', `${machineIdWords} (default: all that are held back)`)
    .addOption(yesOption())
    .addOption(dataOption())
    .action((ids: string[], options: ConfirmOptions & DataOptions, command: Command) =>
      release(context, command, { ids, options }),
    );
}

async function release(
  context: Context,
  command: Command,
  {
    ids,
    options,
  }: { readonly ids: readonly string[]; readonly options: ConfirmOptions & DataOptions },
): Promise<void> {
  const { terminal } = context;
  const client = context.connect(command);
  const { absent } = await client.brake();
  const held = absent.filter(({ isHeldBack }) => isHeldBack).map(({ id }) => id);
  const machines = ids.length === 0 ? held : chooseAbsent(ids, { machines: [], absent });
  if (machines.length === 0) {
    if (options.output === 'text') terminal.print('The brake holds nothing back.');
    else await printData(terminal, options.output, []);
    return;
  }
  await showLosses(client, machines, teller(context, options));
  await confirm(terminal, options, 'Place these units elsewhere?');
  const results = (await client.acceptLosses(machines)).machines;
  const refused = results.filter(({ result }) => result !== 'accepted');
  if (options.output !== 'text') await printData(terminal, options.output, results);
  else
    for (const each of results) {
      if (each.result === 'accepted')
        terminal.print(`Machine ${each.machine} is accepted as lost.`);
      else terminal.complain(whyNot(each));
    }
  if (refused.length > 0) {
    throw new OperationError(`${refused.length} of ${results.length} machines are not lost`);
  }
}

function whyNot({ machine, result }: LossesAcceptedBody['machines'][number]): string {
  const why = result === 'present' ? 'it is there' : 'nothing is assigned to it';
  return `Machine ${machine} is not lost: ${why}.`;
}

/** Says what is for people only where what is for programs does not go. */
export function teller({ terminal }: Context, { output }: DataOptions): (line: string) => void {
  return (line) => (output === 'text' ? terminal.print(line) : terminal.complain(line));
}

/** What there is to lose, before it is asked for. */
export async function showLosses(
  client: ApiClient,
  machines: readonly string[],
  say: (line: string) => void,
): Promise<void> {
  const units = await client.units();
  for (const id of machines) {
    for (const line of lossLines(id, unitsOn(units, id))) say(line);
  }
}

function unitsOn(units: readonly UnitBody[], id: string): UnitBody[] {
  return units.filter(({ machines }) =>
    machines.some(({ machine, role }) => machine === id && role === 'holder'),
  );
}
