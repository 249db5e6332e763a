import type { ApiClient, MachineBody, StatesBody, UnitBody } from '@muster/api/client';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { machineLegends } from '../legend.ts';
import { chosenMachines, machinesFor, statesOf, withUnitFilters } from '../list-filters.ts';
import type { FilterOptions } from '../list-filters.ts';
import { chooseColumns, printList, withListOptions } from '../list.ts';
import type { Columns, ListOptions } from '../list.ts';
import { emptyRow, unitColumns, unitRows } from '../unit-rows.ts';
import type { UnitRow } from '../unit-rows.ts';

interface Options extends ListOptions, FilterOptions {
  readonly all?: boolean;
  readonly watch?: boolean;
}

export function addListUnits(program: Command, context: Context): void {
  withUnitFilters(
    withListOptions(program.command('list-units'), fields),
    'load, active or sub state, or pending',
  )
    .description('list what systemd says of units, and which wait for a machine')
    .argument('[unit...]', 'only these: names, or patterns for them')
    .option('-a, --all', 'also units that are to be loaded or launched and have no state yet')
    .option('-w, --watch', 'go on with what changes, until Ctrl-C')
    .action(async (args: string[], options: Options, command: Command) => {
      const list = new UnitList(context, { args, options });
      const client = context.connect(command);
      if (options.watch === true) return list.watch(client);
      const { columns, items } = await list.read(client);
      await printList(context, columns, options, items);
    });
}

const fields = Object.keys(unitColumns(() => '', { output: 'table', legend: true }).cells);

/** The list as one command line asks for it. */
class UnitList {
  readonly #context: Context;
  readonly #args: readonly string[];
  readonly #options: Options;
  readonly #states: ReadonlySet<string> | null;
  readonly #showsMachines: boolean;
  /** Programs that read a list count on machines in it, unless they ask for more. */
  readonly #showsPending: boolean;

  /** @throws {UsageError} */
  constructor(
    context: Context,
    { args, options }: { readonly args: readonly string[]; readonly options: Options },
  ) {
    const withNobody = unitColumns(() => '', options);
    const shown = chooseColumns(withNobody, options, context.programName);
    this.#context = context;
    this.#args = args;
    this.#options = options;
    this.#states = statesOf(options);
    this.#showsMachines = shown.includes('machine');
    const isForPeople = options.output === 'table' || options.output === 'wide';
    const isAskedFor = options.all === true || this.#states?.has('pending') === true;
    this.#showsPending = context.programName !== 'fleetctl' && (isForPeople || isAskedFor);
  }

  async read(client: ApiClient): Promise<{ columns: Columns<UnitRow>; items: readonly UnitRow[] }> {
    const [look, ...others] = await Promise.all([client.statesAfter(0), ...this.#others(client)]);
    return this.#look(look, others);
  }

  async watch(client: ApiClient): Promise<void> {
    // Loaded only here: few want to watch.
    const { watchList } = await import('../watch-list.ts');
    await watchList(this.#context, {
      options: this.#options,
      read: async (newerThan, signal) => {
        const look = await client.statesAfter(newerThan, signal);
        const { revision } = look;
        return { revision, ...this.#look(look, await Promise.all(this.#others(client))) };
      },
      keyOf: ({ unit, machine }) => `${unit} ${machine}`,
      goneOf: ({ unit, machine }) => ({ ...emptyRow(unit, machine), subState: 'gone' }),
    });
  }

  #others(
    client: ApiClient,
  ): [Promise<readonly MachineBody[]>, Promise<readonly UnitBody[] | null>] {
    const units = this.#options.all === true ? client.units() : Promise.resolve(null);
    return [machinesFor(client, this.#showsMachines, this.#options), units];
  }

  #look(
    { states, pending }: StatesBody,
    [machines, units]: [readonly MachineBody[], readonly UnitBody[] | null],
  ): { columns: Columns<UnitRow>; items: readonly UnitRow[] } {
    const items = unitRows(
      { states, units, pending: this.#showsPending ? pending : [] },
      {
        args: this.#args,
        machines: chosenMachines(this.#options, machines),
        states: this.#states,
      },
    );
    const machineOf = machineLegends(machines, this.#options.full === true);
    // A list that goes on has one header for all that may come.
    const hasFailures =
      this.#options.watch === true ||
      items.some(({ failure, pending: why }) => failure !== null || why !== undefined);
    const showsFailures = hasFailures && this.#context.programName !== 'fleetctl';
    return { columns: unitColumns(machineOf, this.#options, showsFailures), items };
  }
}
