import type { UnitBody } from '@muster/api/client';
import { desiredStates, expandSpecifiers, parseUnitName } from '@muster/core';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { machineLegends } from '../legend.ts';
import { chosenMachines, machinesFor, statesOf, withUnitFilters } from '../list-filters.ts';
import type { FilterOptions } from '../list-filters.ts';
import { chooseColumns, printList, withListOptions } from '../list.ts';
import type { Columns, ListOptions } from '../list.ts';
import { filterByUnit } from '../select-units.ts';

export function addListUnitFiles(program: Command, context: Context): void {
  withUnitFilters(
    withListOptions(program.command('list-unit-files'), fields),
    'desired or current state',
  )
    .description('list the units that the cluster has, and what is wanted of them')
    .argument('[unit...]', 'only these: names, or patterns for them')
    .action(async (args: string[], options: ListOptions & FilterOptions, command: Command) => {
      const isFleetctl = context.programName === 'fleetctl';
      const withNobody = columnsFor(() => '', { ...options, isFleetctl });
      const shown = chooseColumns(withNobody, options, context.programName);
      if (isFleetctl && shown.includes('tmachine')) {
        context.terminal.complain(
          'WARNING: The "tmachine" field is deprecated. Use "target" instead',
        );
      }
      const states = statesOf(options, desiredStates);
      const client = context.connect(command);
      const showsMachines = shown.some((name) => name === 'target' || name === 'tmachine');
      const [units, machines] = await Promise.all([
        client.units(),
        machinesFor(client, showsMachines, options),
      ]);
      const places = chosenMachines(options, machines);
      const columns = columnsFor(machineLegends(machines, options.full === true), {
        ...options,
        isFleetctl,
      });
      const chosen = filterByUnit(args, units, ({ name }) => name).filter(
        (unit) => isIn(unit, states) && isOn(unit, places),
      );
      await printList(context, columns, options, chosen);
    });
}

const fields = Object.keys(
  columnsFor(() => '', { output: 'table', legend: true, isFleetctl: false }).cells,
);

function isIn(unit: UnitBody, states: ReadonlySet<string> | null): boolean {
  return states === null || states.has(unit.desiredState) || states.has(unit.currentState);
}

function isOn({ machines }: UnitBody, places: ReadonlySet<string> | null): boolean {
  return places === null || machines.some(({ machine }) => places.has(machine));
}

/** @param isFleetctl - of the machines of a unit only those that hold it are shown */
function columnsFor(
  machineOf: (id: string) => string,
  { full, isFleetctl }: ListOptions & { readonly isFleetctl: boolean },
): Columns<UnitBody> {
  const machines = (unit: UnitBody): string => {
    const shown = unit.machines
      .filter(({ role }) => role === 'holder' || !isFleetctl)
      .map(({ machine, role }) =>
        role === 'holder' ? machineOf(machine) : `${machineOf(machine)}(${role})`,
      );
    return shown.length === 0 ? '-' : shown.join(',');
  };
  return {
    cells: {
      unit: ({ name }) => name,
      hash: ({ hash }) => (full === true ? hash : hash.slice(0, 7)),
      dstate: ({ desiredState }) => desiredState,
      state: ({ currentState, isGlobal }) => (isGlobal ? '-' : currentState),
      target: (unit) => (unit.isGlobal ? 'global' : machines(unit)),
      tmachine: machines,
      desc: ({ name, description }) => descriptionText(name, description),
      global: ({ isGlobal }) => String(isGlobal),
      restarts: (unit) => restartsText(unit, machineOf),
      origin: ({ origin }) => origin.by,
    },
    normal: ['unit', 'hash', 'dstate', 'state', 'target'],
    wide: ['unit', 'hash', 'dstate', 'state', 'target', 'tmachine', 'restarts', 'origin', 'desc'],
    nameOf: ({ name }) => name,
  };
}

/** `2`, or `2 (1 more on 1234abcd.../10.0.0.1)` where single machines were asked for more. */
function restartsText(
  { restarts, perMachine }: UnitBody,
  machineOf: (id: string) => string,
): string {
  const own = Object.entries(perMachine)
    .filter(([, counts]) => counts.restarts > 0)
    .map(([id, counts]) => `${counts.restarts} more on ${machineOf(id)}`);
  return own.length === 0 ? String(restarts) : `${restarts} (${own.join(', ')})`;
}

function descriptionText(name: string, description: string | null): string {
  if (description === null) return '-';
  return parseUnitName(name).isTemplate ? description : expandSpecifiers(description, name);
}
