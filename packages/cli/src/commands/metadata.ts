import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { UsageError } from '../errors.ts';
import { findMachine } from '../find-machine.ts';
import { machineLegend } from '../legend.ts';

export function addMetadata(program: Command, context: Context): void {
  const metadata = program
    .command('metadata')
    .description('set or remove metadata of a machine; it outlives restarts of the machine');
  const machine = 'machine id (the beginning is enough), host name or address';
  metadata
    .command('set')
    .description('set keys; what the machine itself says of them no longer counts')
    .argument('<machine>', machine)
    .argument('<key=value...>')
    .action((id: string, pairs: string[], _: object, command: Command) =>
      patch(context, command, { id, patch: Object.fromEntries(pairs.map(parsePair)) }),
    );
  metadata
    .command('remove')
    .description('remove keys, also those that the machine itself has')
    .argument('<machine>', machine)
    .argument('<key...>')
    .action((id: string, keys: string[], _: object, command: Command) =>
      patch(context, command, { id, patch: Object.fromEntries(keys.map((key) => [key, null])) }),
    );
}

async function patch(
  { connect, terminal }: Context,
  command: Command,
  wish: { readonly id: string; readonly patch: Readonly<Record<string, string | null>> },
): Promise<void> {
  const client = connect(command);
  const id = await findMachine(client, wish.id);
  const { metadata, isPresent } = await client.patchMetadata(id, wish.patch);
  const shown = Object.entries(metadata).map(([key, value]) =>
    value === null ? `${key} removed` : `${key}=${value}`,
  );
  const list = shown.length === 0 ? 'nothing set by hand' : shown.sort().join(', ');
  terminal.print(`Machine ${machineLegend(id, null, false)}: ${list}`);
  if (!isPresent) terminal.complain(`warning: machine ${id} is not present now`);
}

function parsePair(pair: string): [string, string] {
  const equals = pair.indexOf('=');
  if (equals < 1) throw new UsageError(`"${pair}" must be of the form key=value`);
  return [pair.slice(0, equals), pair.slice(equals + 1)];
}
