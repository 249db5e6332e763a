import type { MachineBody, UnitBody } from '@muster/api/client';
import { OperationError } from './errors.ts';
import { isMeant } from './find-machine.ts';
import { machineLegend } from './legend.ts';

/** What the command line names: `either` is a word that may be a machine or a unit. */
export interface SshWish {
  readonly text: string;
  readonly as: 'machine' | 'unit' | 'either';
}

/**
 * The machine that is meant.
 * @param unit - the one of that name; null: there is none
 * @throws {OperationError} when it is none, or could be several
 */
export function chooseMachine(
  { text, as }: SshWish,
  machines: readonly MachineBody[],
  unit: Pick<UnitBody, 'name' | 'machines' | 'isGlobal'> | null,
): MachineBody {
  const found = as === 'unit' ? [] : machines.filter((machine) => isMeant(machine, text));
  const named = as === 'machine' ? null : unit;
  if (found.length > 0 && named !== null) {
    throw new OperationError(
      `"${text}" is machine ${found.map(shown).join(', ')} and unit ${named.name}: choose with --machine or --unit`,
    );
  }
  if (named !== null) return machineOfUnit(named, machines);
  const [machine, ...others] = found;
  if (machine === undefined) throw new OperationError(`no ${nouns[as]} is "${text}"`);
  if (others.length === 0) return machine;
  throw new OperationError(`several machines are "${text}": ${found.map(shown).join(', ')}`);
}

const nouns = { machine: 'machine', unit: 'unit', either: 'machine and no unit' };

function machineOfUnit(
  { name, machines: places, isGlobal }: Pick<UnitBody, 'name' | 'machines' | 'isGlobal'>,
  machines: readonly MachineBody[],
): MachineBody {
  const ids = places.filter(({ role }) => role === 'holder').map(({ machine }) => machine);
  const [id, ...others] = ids;
  if (id === undefined) throw new OperationError(`unit ${name} is not on any machine`);
  const holders = ids.map((each) => machines.find((machine) => machine.id === each) ?? each);
  const [holder] = holders;
  if (others.length > 0) {
    const list = holders.map((each) => (typeof each === 'string' ? each : shown(each))).join(', ');
    const kind = isGlobal ? 'global and ' : '';
    throw new OperationError(
      `unit ${name} is ${kind}on ${ids.length} machines: ${list}; choose one with --machine`,
    );
  }
  if (holder !== undefined && typeof holder !== 'string') return holder;
  throw new OperationError(`machine ${id}, which has unit ${name}, is not present`);
}

function shown({ id, address, hostname }: MachineBody): string {
  return `${machineLegend(id, address, false)} (${hostname})`;
}
