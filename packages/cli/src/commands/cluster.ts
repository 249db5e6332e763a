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
    .argument('<key=value>', 'placement=spread|pack or rebalance=manual|auto')
    .addOption(dataOption())
    .action(async (pair: string, { output }: DataOptions, command: Command) => {
      const setting = readSetting(pair);
      await tell(context, output, await context.connect(command).setPolicy(setting));
    });
}

async function tell(
  { terminal }: Context,
  output: DataOptions['output'],
  policy: PolicyBody,
): Promise<void> {
  if (output !== 'text') return printData(terminal, output, policy);
  const { placement, rebalance, origin } = policy;
  const how = origin === null ? 'as nobody has set otherwise' : `set by ${origin.by}`;
  terminal.print(`placement=${placement} rebalance=${rebalance} (${how})`);
}

/** Spelled out: to import what core has for it would cost start-up time. */
function readSetting(pair: string): Partial<Pick<PolicyBody, 'placement' | 'rebalance'>> {
  switch (pair) {
    case 'placement=spread':
      return { placement: 'spread' };
    case 'placement=pack':
      return { placement: 'pack' };
    case 'rebalance=manual':
      return { rebalance: 'manual' };
    case 'rebalance=auto':
      return { rebalance: 'auto' };
    default:
      throw new UsageError(
        `"${pair}" is none of placement=spread, placement=pack, rebalance=manual, rebalance=auto`,
      );
  }
}
