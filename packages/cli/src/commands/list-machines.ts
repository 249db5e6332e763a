import type { MachineBody } from '@muster/api/client';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { chooseColumns, printList, withListOptions } from '../list.ts';
import type { Columns, ListOptions } from '../list.ts';

export function addListMachines(program: Command, context: Context): void {
  withListOptions(program.command('list-machines'))
    .description('list the machines of the cluster')
    .action(async (options: ListOptions, command: Command) => {
      const columns = columnsFor(options);
      chooseColumns(columns, options, context.programName);
      const machines = await context.connect(command).machines();
      await printList(context, columns, options, machines);
    });
}

function columnsFor({ full }: ListOptions): Columns<MachineBody> {
  return {
    cells: {
      machine: ({ id }) => (full === true ? id : `${id.slice(0, 8)}...`),
      ip: ({ address }) => address ?? '-',
      metadata: ({ metadata }) => metadataText(metadata),
      hostname: ({ hostname }) => hostname,
      state: ({ awaySince }) =>
        awaySince === null
          ? { text: 'present', colour: 'green' }
          : { text: 'away', colour: 'yellow' },
      units: ({ units }) => String(units),
      cpus: ({ capacity }) => String(capacity.cpus),
      memory: ({ capacity }) => `${(capacity.memoryBytes / 1024 ** 3).toFixed(1)}G`,
      version: ({ version }) => version,
    },
    normal: ['machine', 'ip', 'metadata'],
    wide: ['machine', 'ip', 'hostname', 'state', 'units', 'cpus', 'memory', 'version', 'metadata'],
    nameOf: ({ id }) => id,
  };
}

/** `key=value`, sorted by key. */
function metadataText(metadata: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  return pairs.length === 0 ? '-' : pairs.map(([key, value]) => `${key}=${value}`).join(',');
}
