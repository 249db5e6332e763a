import type { ApiClient, MachineBody, StatesBody, UnitBody } from '@muster/api/client';
import type { Context } from './context.ts';
import { machineLegends } from './legend.ts';
import { chosenMachines, machinesFor, statesOf } from './list-filters.ts';
import type { FilterOptions } from './list-filters.ts';
import { chooseColumns } from './list.ts';
import type { Columns, ListOptions } from './list.ts';
import { emptyRow, unitColumns, unitRows } from './unit-rows.ts';
import type { UnitRow } from './unit-rows.ts';

export interface UnitListOptions extends ListOptions, FilterOptions {
  readonly all?: boolean;
  readonly watch?: boolean;
}

export interface UnitListAsk {
  /** Names and patterns; none: all. */
  readonly args: readonly string[];
  readonly options: UnitListOptions;
}

/** What a list is made of beside the states. */
export interface OtherBodies {
  readonly machines: readonly MachineBody[];
  /** null: they are not needed. */
  readonly units: readonly UnitBody[] | null;
}

/** A list of what systemd says, as one command line asks for it. */
export interface ListOfStates<T> {
  readonly others: (client: ApiClient) => Promise<OtherBodies>;
  readonly look: (
    states: StatesBody,
    others: OtherBodies,
  ) => { readonly columns: Columns<T>; readonly items: readonly T[] };
  /** What stays the same while an item changes. */
  readonly keyOf: (item: T) => string;
  /** What is shown once of an item that is gone. */
  readonly goneOf: (item: T) => T;
}

export const unitFields = Object.keys(
  unitColumns(() => '', { output: 'table', legend: true }).cells,
);

/** A row for each unit and machine. */
export class UnitList implements ListOfStates<UnitRow> {
  readonly #context: Context;
  readonly #args: readonly string[];
  readonly #options: UnitListOptions;
  readonly #states: ReadonlySet<string> | null;
  readonly #showsMachines: boolean;
  /** Programs that read a list count on machines in it, unless they ask for more. */
  readonly #showsPending: boolean;

  /** @throws {UsageError} */
  constructor(context: Context, { args, options }: UnitListAsk) {
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

  readonly others = async (client: ApiClient): Promise<OtherBodies> => {
    const [machines, units] = await Promise.all([
      machinesFor(client, this.#showsMachines, this.#options),
      this.#options.all === true ? client.units() : null,
    ]);
    return { machines, units };
  };

  readonly look = (
    { states, pending }: StatesBody,
    { machines, units }: OtherBodies,
  ): { columns: Columns<UnitRow>; items: readonly UnitRow[] } => {
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
  };

  readonly keyOf = ({ unit, machine }: UnitRow): string => `${unit} ${machine}`;

  readonly goneOf = ({ unit, machine }: UnitRow): UnitRow => {
    return { ...emptyRow(unit, machine), subState: 'gone' };
  };
}
