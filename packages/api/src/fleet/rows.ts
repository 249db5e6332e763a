import { parseUnitFile, UnitFileSyntaxError } from '@muster/core';
import type {
  ClusterSnapshot,
  DesiredState,
  Machine,
  Metadata,
  Unit,
  UnitDetail,
  UnitState,
} from '@muster/core';
import { doesAnswer, holders } from '../current-state.ts';
import type { UnitRecords } from '../current-state.ts';
import { mergedMetadata } from '../metadata.ts';
import type { GlobalUnits } from '../unit-demands.ts';
import { fleetCurrentState } from './current-state.ts';
import type { FleetMachine, FleetOption, FleetUnit, FleetUnitState } from './entities.ts';
import type { RowKey } from './page-token.ts';

/**
 * One item of a listing: what of the cluster is shown, not yet rendered. Rows outlive the snapshot
 * they come from, so they hold records (which never change) and nothing of its live maps.
 */
export type Row = UnitRow | StateRow | MachineRow;

export interface UnitRow {
  readonly type: 'unit';
  readonly unit: Unit;
  /** Normalised text; null when it is missing in the store. */
  readonly file: string | null;
  readonly isGlobal: boolean;
  readonly currentState: DesiredState;
  /** Who holds it; null: nobody, or it is global. */
  readonly machine: string | null;
}

export interface StateRow {
  readonly type: 'state';
  readonly state: UnitState;
}

export interface MachineRow {
  readonly type: 'machine';
  readonly machine: Machine;
  readonly metadata: Metadata;
}

/** Exact matches; null: any. */
export interface StateFilter {
  readonly unit: string | null;
  readonly machine: string | null;
}

const none: ReadonlyMap<string, never> = new Map<string, never>();

/** All units, in order. */
export function unitRows(snapshot: ClusterSnapshot, globals: GlobalUnits): UnitRow[] {
  const rows: UnitRow[] = [];
  for (const unit of snapshot.units.values()) {
    const assignments = snapshot.assignments.get(unit.name) ?? none;
    const states = snapshot.states.get(unit.name) ?? none;
    const file = snapshot.files.get(unit.hash) ?? null;
    rows.push(unitRow({ unit, assignments, states }, file, globals));
  }
  return inOrder(rows);
}

/** What systemd says of units on machines, in order. */
export function stateRows(snapshot: ClusterSnapshot, filter: StateFilter): StateRow[] {
  const rows: StateRow[] = [];
  const units =
    filter.unit === null
      ? snapshot.states.values()
      : [snapshot.states.get(filter.unit) ?? none].values();
  for (const byMachine of units) {
    for (const state of byMachine.values()) {
      if (filter.machine !== null && state.machine !== filter.machine) continue;
      rows.push({ type: 'state', state });
    }
  }
  return inOrder(rows);
}

/** Machines that are present or away in order: units that run there are listed, too. */
export function machineRows(snapshot: ClusterSnapshot): MachineRow[] {
  const rows = [...snapshot.machines.values()].map((machine): MachineRow => {
    const metadata = mergedMetadata(machine, snapshot.settings.get(machine.id));
    return { type: 'machine', machine, metadata };
  });
  return inOrder(rows);
}

export function unitRowOf(detail: UnitDetail, globals: GlobalUnits): UnitRow {
  return unitRow(recordsOf(detail), detail.file, globals);
}

/** The state that counts: of the machine that has the unit, else the first by machine; null: none. */
export function stateRowOf(detail: UnitDetail): StateRow | null {
  const records = recordsOf(detail);
  const current = holders(records)
    .filter((each) => doesAnswer(records.states.get(each.machine), each))
    .map(({ machine }) => machine)
    .sort()[0];
  const machine = current ?? [...records.states.keys()].sort()[0];
  const state = machine === undefined ? undefined : records.states.get(machine);
  return state === undefined ? null : { type: 'state', state };
}

export function keyOf(row: Row): RowKey {
  switch (row.type) {
    case 'unit':
      return { name: row.unit.name, machine: '' };
    case 'state':
      return { name: row.state.unit, machine: row.state.machine };
    case 'machine':
      return { name: row.machine.id, machine: '' };
  }
}

/** By code unit: the same order everywhere, whatever the locale. */
export function compareKeys(a: RowKey, b: RowKey): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  if (a.machine !== b.machine) return a.machine < b.machine ? -1 : 1;
  return 0;
}

export function renderRow(row: Row): FleetUnit | FleetUnitState | FleetMachine {
  switch (row.type) {
    case 'unit':
      return renderUnit(row);
    case 'state':
      return renderState(row);
    case 'machine':
      return renderMachine(row);
  }
}

/** As it stands in a list. By itself a global unit has no current state: it has many. */
export function renderUnit({ unit, file, currentState, machine }: UnitRow): FleetUnit {
  const options = optionsIn(file);
  return {
    currentState,
    desiredState: unit.desiredState,
    ...(machine === null ? {} : { machineID: machine }),
    name: unit.name,
    ...(options.length === 0 ? {} : { options }),
  };
}

export function renderState({ state }: StateRow): FleetUnitState {
  const { hash, machine, unit, activeState, loadState, subState } = state;
  return {
    ...(hash.length < 7 ? {} : { hash }),
    machineID: machine,
    name: unit,
    systemdActiveState: activeState,
    systemdLoadState: loadState,
    systemdSubState: subState,
  };
}

function renderMachine({ machine, metadata }: MachineRow): FleetMachine {
  return {
    id: machine.id,
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
    ...(machine.address === null ? {} : { primaryIP: machine.address }),
  };
}

export function recordsOf({ unit, assignments, states }: UnitDetail): UnitRecords {
  return {
    unit,
    assignments: new Map(assignments.map((each) => [each.machine, each])),
    states: new Map(states.map((state) => [state.machine, state])),
  };
}

/** A global unit is everywhere: in fleet's words it has no machine and stays `inactive`. */
function unitRow(records: UnitRecords, file: string | null, globals: GlobalUnits): UnitRow {
  const { unit } = records;
  const isGlobal = globals.demandsOf(unit, file) !== null;
  const machines = isGlobal ? [] : holders(records).map(({ machine }) => machine);
  return {
    type: 'unit',
    unit,
    file,
    isGlobal,
    currentState: isGlobal ? 'inactive' : fleetCurrentState(records),
    machine: machines.sort()[0] ?? null,
  };
}

/** Empty when the content is missing or does not parse: the unit itself is still there. */
function optionsIn(file: string | null): readonly FleetOption[] {
  if (file === null) return [];
  try {
    return parseUnitFile(file).options;
  } catch (error) {
    if (error instanceof UnitFileSyntaxError) return [];
    throw error;
  }
}

function inOrder<T extends Row>(rows: T[]): T[] {
  return rows.sort((a, b) => compareKeys(keyOf(a), keyOf(b)));
}
