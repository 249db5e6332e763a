import type { UnitStateBody } from '@muster/api/client';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { machineLegends } from '../legend.ts';
import { chooseColumns, printList, withListOptions } from '../list.ts';
import type { Columns, ListOptions } from '../list.ts';
import { filterByUnit } from '../select-units.ts';
import type { Cell } from '../table.ts';

export function addListUnits(program: Command, context: Context): void {
  withListOptions(program.command('list-units'))
    .description('list what systemd says of the units that machines have')
    .argument('[unit...]', 'only these: names, or patterns for them')
    .action(async (args: string[], options: ListOptions, command: Command) => {
      const withNobody = columnsFor(() => '', options);
      const shown = chooseColumns(withNobody, options, context.programName);
      const client = context.connect(command);
      const [states, machines] = await Promise.all([
        client.states(),
        shown.includes('machine') ? client.machines() : [],
      ]);
      const columns = columnsFor(machineLegends(machines, options.full === true), options);
      const chosen = filterByUnit(args, states, ({ unit }) => unit);
      await printList(context, columns, options, chosen);
    });
}

function columnsFor(
  machineOf: (id: string) => string,
  { full }: ListOptions,
): Columns<UnitStateBody> {
  return {
    cells: {
      unit: ({ unit }) => unit,
      machine: ({ machine }) => machineOf(machine),
      load: ({ loadState }) => loadState,
      active: ({ activeState }) => activeCell(activeState),
      sub: ({ subState }) => subState,
      hash: ({ hash }) => (full === true ? hash : hash.slice(0, 7)),
      result: ({ result }) => result ?? '-',
      since: ({ since }) => new Date(since).toISOString(),
      problem: ({ problem }) => problem ?? '-',
    },
    normal: ['unit', 'machine', 'active', 'sub'],
    wide: ['unit', 'machine', 'load', 'active', 'sub', 'result', 'hash', 'since', 'problem'],
    nameOf: ({ unit }) => unit,
  };
}

function activeCell(activeState: string): Cell {
  switch (activeState) {
    case 'active':
      return { text: activeState, colour: 'green' };
    case 'failed':
      return { text: activeState, colour: 'red' };
    case 'activating':
    case 'deactivating':
    case 'reloading':
      return { text: activeState, colour: 'yellow' };
    default:
      return activeState;
  }
}
