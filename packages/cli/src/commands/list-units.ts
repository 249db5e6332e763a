import type { ApiClient } from '@muster/api/client';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { GroupList, groupFields } from '../group-list.ts';
import { withUnitFilters } from '../list-filters.ts';
import { printList, withListOptions } from '../list.ts';
import { UnitList, unitFields } from '../unit-list.ts';
import type { ListOfStates, UnitListOptions } from '../unit-list.ts';

interface Options extends UnitListOptions {
  readonly group?: boolean;
}

export function addListUnits(program: Command, context: Context): void {
  withUnitFilters(
    withListOptions(program.command('list-units'), [...new Set([...unitFields, ...groupFields])]),
    'load, active or sub state, or pending',
  )
    .description('list what systemd says of units, and which wait for a machine')
    .argument('[unit...]', 'only these: names, or patterns for them')
    .option('-a, --all', 'also units that are to be loaded or launched and have no state yet')
    .option('-g, --group', 'one line for all instances of a template: how many are active')
    .option('-w, --watch', 'go on with what changes, until Ctrl-C')
    .action((args: string[], options: Options, command: Command) => {
      const ask = { args, options };
      if (options.group === true)
        return show(new GroupList(context, ask), { context, options, command });
      return show(new UnitList(context, ask), { context, options, command });
    });
}

async function show<T>(
  list: ListOfStates<T>,
  {
    context,
    options,
    command,
  }: { readonly context: Context; readonly options: Options; readonly command: Command },
): Promise<void> {
  const client = context.connect(command);
  if (options.watch === true) return watch(list, { context, options, client });
  const [states, others] = await Promise.all([client.statesAfter(0), list.others(client)]);
  const { columns, items } = list.look(states, others);
  await printList(context, columns, options, items);
}

async function watch<T>(
  list: ListOfStates<T>,
  {
    context,
    options,
    client,
  }: { readonly context: Context; readonly options: Options; readonly client: ApiClient },
): Promise<void> {
  // Loaded only here: few want to watch.
  const { watchList } = await import('../watch-list.ts');
  await watchList(context, {
    options,
    read: async (newerThan, signal) => {
      const states = await client.statesAfter(newerThan, signal);
      return { revision: states.revision, ...list.look(states, await list.others(client)) };
    },
    keyOf: list.keyOf,
    goneOf: list.goneOf,
  });
}
