import type { ApiClient, StatesBody } from '@muster/api/client';
import type { Context } from './context.ts';
import { machineLegends } from './legend.ts';
import { chosenMachines, machinesFor, statesOf } from './list-filters.ts';
import { chooseColumns } from './list.ts';
import type { Columns } from './list.ts';
import { selectUnits } from './select-units.ts';
import { emptyGroup, groupColumns, groupNameOf, groupsOf } from './unit-groups.ts';
import type { UnitGroup } from './unit-groups.ts';
import type { ListOfStates, OtherBodies, UnitListAsk } from './unit-list.ts';
import { unitRows } from './unit-rows.ts';

export const groupFields = Object.keys(groupColumns(() => '', false).cells);

/**
 * A row for each template with instances, and for each unit that is none. Filters say which rows
 * there are: those of which some unit passes. What a row says is of the whole group.
 */
export class GroupList implements ListOfStates<UnitGroup> {
  readonly #args: readonly string[];
  readonly #options: UnitListAsk['options'];
  readonly #states: ReadonlySet<string> | null;
  readonly #showsMachines: boolean;

  /** @throws {UsageError} */
  constructor({ programName }: Context, { args, options }: UnitListAsk) {
    const shown = chooseColumns(
      groupColumns(() => '', false),
      options,
      programName,
    );
    this.#args = args;
    this.#options = options;
    this.#states = statesOf(options);
    this.#showsMachines = shown.includes('places');
  }

  readonly others = async (client: ApiClient): Promise<OtherBodies> => {
    const [machines, units] = await Promise.all([
      machinesFor(client, this.#showsMachines, this.#options),
      client.units(),
    ]);
    return { machines, units };
  };

  readonly look = (
    states: StatesBody,
    { machines, units }: OtherBodies,
  ): { columns: Columns<UnitGroup>; items: readonly UnitGroup[] } => {
    const rows = unitRows(
      { ...states, units },
      { args: [], machines: chosenMachines(this.#options, machines), states: this.#states },
    );
    const chosen = this.#chosen(rows.map(({ unit }) => unit));
    const items = [...groupsOf(units ?? [], states).values()].filter(({ group }) =>
      chosen.has(group),
    );
    const machineOf = machineLegends(machines, this.#options.full === true);
    const showsFailures =
      this.#options.watch === true || items.some(({ failure }) => failure !== null);
    return { columns: groupColumns(machineOf, showsFailures), items };
  };

  readonly keyOf = ({ group }: UnitGroup): string => group;

  readonly goneOf = ({ group }: UnitGroup): UnitGroup => emptyGroup(group);

  /** Groups of these units that are named by their own name, or by that of a unit. */
  #chosen(units: readonly string[]): ReadonlySet<string> {
    const names = new Set(units.flatMap((unit) => [unit, groupNameOf(unit)]));
    if (this.#args.length === 0) return names;
    const named = selectUnits(
      this.#args,
      [...names].map((name) => ({ name })),
    ).units;
    return new Set(named.map(({ name }) => groupNameOf(name)));
  }
}
