import type { PolicyBody } from '@muster/api/client';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { UsageError } from '../errors.ts';
import { dataOption, printData } from '../print-data.ts';
import type { DataOptions } from '../print-data.ts';

export function addCluster(program: Command, context: Context): void {
  const cluster = program
    .command('cluster')
    .description('show or set what holds for the whole cluster');
  cluster
    .command('show', { isDefault: true })
    .description('show what is set, and who set it')
    .addOption(dataOption())
    .action(async ({ output }: DataOptions, command: Command) => {
      const { policy } = await context.connect(command).cluster();
      await tell(context, output, policy);
    });
  cluster
    .command('set')
    .description('set it; units that have a place keep it')
    .argument('<key=value>', 'placement=spread or placement=pack')
    .addOption(dataOption())
    .action(async (pair: string, { output }: DataOptions, command: Command) => {
      const placement = readPlacement(pair);
      await tell(context, output, await context.connect(command).setPolicy({ placement }));
    });
}

async function tell(
  { terminal }: Context,
  output: DataOptions['output'],
  policy: PolicyBody,
): Promise<void> {
  if (output !== 'text') return printData(terminal, output, policy);
  const { placement, origin } = policy;
  const how = origin === null ? 'as nobody has set otherwise' : `set by ${origin.by}`;
  terminal.print(`placement=${placement} (${how})`);
}

/** Spelled out: to import what core has for it would cost start-up time. */
function readPlacement(pair: string): PolicyBody['placement'] {
  if (pair === 'placement=spread') return 'spread';
  if (pair === 'placement=pack') return 'pack';
  throw new UsageError(`"${pair}" is neither placement=spread nor placement=pack`);
}
