import { ApiError } from '@muster/api/client';
import type { ApiClient } from '@muster/api/client';
import type { Command } from 'commander';
import { complainOfMissing } from '../change-units.ts';
import { clusterLines } from '../cluster-lines.ts';
import type { Context } from '../context.ts';
import { OperationError } from '../errors.ts';
import { findMachine } from '../find-machine.ts';
import { knownUnits } from '../known-units.ts';
import { selectUnits } from '../select-units.ts';
import type { Terminal } from '../terminal.ts';

export function addStatus(program: Command, context: Context): void {
  program
    .command('status')
    .description('show what systemd says of units, wherever they are; without one: the cluster')
    .argument('[unit...]', 'names of units, or patterns for them')
    .option('--machine <machine>', 'ask this machine, whoever has the unit')
    .action((args: string[], { machine }: { machine?: string }, command: Command) =>
      showStatus(context, context.connect(command), { args, machine: machine ?? null }),
    );
}

async function showStatus(
  { terminal }: Context,
  client: ApiClient,
  { args, machine }: { readonly args: readonly string[]; readonly machine: string | null },
): Promise<void> {
  if (args.length === 0) {
    for (const line of clusterLines(await client.cluster())) terminal.print(line);
    return;
  }
  const place = machine === null ? null : await findMachine(client, machine);
  const selection = selectUnits(args, await knownUnits(client, args));
  let problems = complainOfMissing(terminal, selection.missing);
  let isFirst = true;
  for (const { name, machines } of selection.units) {
    const places = place === null ? machines : [{ machine: place }];
    if (places.length === 0) {
      terminal.complain(`Unit ${name} does not appear to be loaded.`);
      problems += 1;
    }
    for (const asked of places) {
      const text = await statusOrComplaint(client, terminal, { name, machine: asked.machine });
      if (text === null) {
        problems += 1;
        continue;
      }
      if (!isFirst) terminal.print('');
      isFirst = false;
      await terminal.write(Buffer.from(text));
    }
  }
  if (problems > 0) throw new OperationError(`${problems} of what was asked for has no status`);
}

/** A machine that does not answer does not keep the others from being asked; null: it has been said. */
async function statusOrComplaint(
  client: ApiClient,
  terminal: Terminal,
  { name, machine }: { readonly name: string; readonly machine: string },
): Promise<string | null> {
  try {
    return await client.status(name, machine);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 502) throw error;
    terminal.complain(`Unit ${name}: ${error.message}`);
    return null;
  }
}
