import type { UnitBody, UnitStateBody } from '@muster/api/client';
import type { Columns, ListOptions } from './list.ts';
import { filterByUnit } from './select-units.ts';
import type { Cell } from './table.ts';

/** A row of list-units: a state, or a unit that should have one and has none yet, with nulls. */
export type UnitRow = {
  readonly [K in keyof UnitStateBody]: K extends 'unit' | 'isCurrent'
    ? UnitStateBody[K]
    : UnitStateBody[K] | null;
};

/** What list-units shows of everything that there is. */
export interface RowFilter {
  /** Names and patterns; none: all. */
  readonly args: readonly string[];
  /** Ids; null: all. */
  readonly machines: ReadonlySet<string> | null;
  /** States as load, active or sub has them; null: all. */
  readonly states: ReadonlySet<string> | null;
}

/**
 * The rows, by unit and machine.
 * @param units - whose missing states are shown as well; null: no such rows
 */
export function unitRows(
  states: readonly UnitStateBody[],
  units: readonly UnitBody[] | null,
  { args, machines, states: wanted }: RowFilter,
): readonly UnitRow[] {
  const rows = units === null ? states : withMissing(states, units);
  return filterByUnit(args, rows, ({ unit }) => unit).filter(
    ({ machine, loadState, activeState, subState }) =>
      (machines === null || (machine !== null && machines.has(machine))) &&
      (wanted === null ||
        [loadState, activeState, subState].some((state) => state !== null && wanted.has(state))),
  );
}

/** The row of a unit of which nothing is known. @param machine - null: it has no place yet */
export function emptyRow(unit: string, machine: string | null): UnitRow {
  return {
    unit,
    machine,
    loadState: null,
    activeState: null,
    subState: null,
    result: null,
    exit: null,
    flapping: null,
    problem: null,
    failure: null,
    since: null,
    hash: null,
    isCurrent: false,
  };
}

function withMissing(states: readonly UnitStateBody[], units: readonly UnitBody[]): UnitRow[] {
  const known = new Set(states.map(({ unit, machine }) => `${unit} ${machine}`));
  const missing = units.flatMap(({ name, desiredState, machines }) => {
    if (desiredState === 'inactive') return [];
    const places = machines.filter(({ role }) => role === 'holder');
    if (places.length === 0) return [emptyRow(name, null)];
    return places
      .filter(({ machine }) => !known.has(`${name} ${machine}`))
      .map(({ machine }) => emptyRow(name, machine));
  });
  return [...states, ...missing].sort(
    (a, b) => compare(a.unit, b.unit) || compare(a.machine ?? '', b.machine ?? ''),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** @param showsFailures - whether the usual columns say what is wrong; systemctl has JOB that way */
export function unitColumns(
  machineOf: (id: string) => string,
  { full }: ListOptions,
  showsFailures = false,
): Columns<UnitRow> {
  return {
    cells: {
      unit: ({ unit }) => unit,
      machine: ({ machine }) => (machine === null ? '-' : machineOf(machine)),
      load: ({ loadState }) => loadState ?? '-',
      active: ({ activeState }) => activeCell(activeState ?? '-'),
      sub: ({ subState }) => subState ?? '-',
      hash: ({ hash }) => (full === true ? hash : hash?.slice(0, 7)) ?? '-',
      result: ({ result }) => result ?? '-',
      since: ({ since }) => (since === null ? '-' : new Date(since).toISOString()),
      exit: ({ exit }) => exit?.text ?? '-',
      failure: ({ failure }) => failure ?? '-',
      problem: ({ problem }) => problem ?? '-',
    },
    normal: ['unit', 'machine', 'active', 'sub', ...(showsFailures ? ['failure'] : [])],
    wide: ['unit', 'machine', 'load', 'active', 'sub', 'result', 'hash', 'since', 'failure'],
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
