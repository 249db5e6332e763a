import type { StatesBody, UnitBody, UnitStateBody } from '@muster/api/client';
import type { Columns, ListOptions } from './list.ts';
import { filterByUnit } from './select-units.ts';
import type { Cell } from './table.ts';

/** A row of list-units: a state, or a unit that should have one and has none yet, with nulls. */
export type UnitRow = {
  readonly [K in keyof UnitStateBody]: K extends 'unit' | 'isCurrent'
    ? UnitStateBody[K]
    : UnitStateBody[K] | null;
} & {
  /** Why no machine that is there has the unit; absent: one does, or it is not wanted. */
  readonly pending?: string;
};

type Pending = StatesBody['pending'];

/** What list-units shows of everything that there is. */
export interface RowFilter {
  /** Names and patterns; none: all. */
  readonly args: readonly string[];
  /** Ids; null: all. */
  readonly machines: ReadonlySet<string> | null;
  /** States as load, active or sub has them, or `pending`; null: all. */
  readonly states: ReadonlySet<string> | null;
}

/** What rows are made of. */
export interface RowSources {
  readonly states: readonly UnitStateBody[];
  /** Units whose missing states are shown as well; null: no such rows. */
  readonly units: readonly UnitBody[] | null;
  /** Units that are nowhere and are shown; none where they are not. */
  readonly pending: Pending;
}

/** The rows, by unit and machine. */
export function unitRows(
  { states, units, pending }: RowSources,
  { args, machines, states: wanted }: RowFilter,
): readonly UnitRow[] {
  const rows =
    units === null && pending.length === 0 ? states : withMissing(states, units ?? [], pending);
  return filterByUnit(args, rows, ({ unit }) => unit).filter(
    (row) =>
      (machines === null || (row.machine !== null && machines.has(row.machine))) &&
      (wanted === null || wordsOf(row).some((word) => wanted.has(word))),
  );
}

/** What --state compares. */
function wordsOf({ loadState, activeState, subState, pending }: UnitRow): string[] {
  const words = [loadState, activeState, subState].filter((state) => state !== null);
  return pending === undefined ? words : [...words, 'pending'];
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

function withMissing(
  states: readonly UnitStateBody[],
  units: readonly UnitBody[],
  pending: Pending,
): UnitRow[] {
  const rows = new Map<string, UnitRow>();
  const add = (row: UnitRow): void => {
    const key = `${row.unit} ${row.machine ?? ''}`;
    if (!rows.has(key)) rows.set(key, row);
  };
  for (const state of states) add(state);
  for (const { unit, machine, reason } of pending) {
    add({ ...emptyRow(unit, machine), pending: reason });
  }
  for (const { name, desiredState, machines } of units) {
    if (desiredState === 'inactive') continue;
    const places = machines.filter(({ role }) => role === 'holder');
    if (places.length === 0) add(emptyRow(name, null));
    for (const { machine } of places) add(emptyRow(name, machine));
  }
  return [...rows.values()].sort(
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
      active: ({ activeState, pending }) =>
        activeCell(activeState ?? (pending === undefined ? '-' : 'pending')),
      sub: ({ subState }) => subState ?? '-',
      hash: ({ hash }) => (full === true ? hash : hash?.slice(0, 7)) ?? '-',
      result: ({ result }) => result ?? '-',
      since: ({ since }) => (since === null ? '-' : new Date(since).toISOString()),
      exit: ({ exit }) => exit?.text ?? '-',
      failure: ({ failure, pending }) => failure ?? pending ?? '-',
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
    case 'pending':
      return { text: activeState, colour: 'yellow' };
    default:
      return activeState;
  }
}
