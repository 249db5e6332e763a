import type { ApiClient, MachineBody } from '@muster/api/client';
import type { Command } from 'commander';
import { UsageError } from './errors.ts';
import { chooseMachines, collect, withMachines } from './find-machine.ts';

export interface FilterOptions {
  /** As they were named. */
  readonly machine?: readonly string[];
  readonly state?: readonly string[];
}

/** Adds --state, which can be repeated and take several words. @param words - what it compares */
export function withStates(command: Command, words: string): Command {
  return command.option('--state <states>', `only those that are so: ${words}`, collect);
}

/** Adds --machine and --state to a list of units. */
export function withUnitFilters(command: Command, words: string): Command {
  return withStates(withMachines(command, 'only what is there; can be repeated'), words);
}

/**
 * The words of --state; null: any state.
 * @param known - the only ones that there are; absent: systemd's, of which there may be more than we know
 * @throws {UsageError}
 */
export function statesOf(
  { state }: FilterOptions,
  known?: readonly string[],
): ReadonlySet<string> | null {
  if (state === undefined) return null;
  const words = state.flatMap((each) => each.split(',')).map((word) => word.trim());
  const odd = words.find((word) => word === '' || known?.includes(word) === false);
  if (odd === undefined) return new Set(words);
  const choice = known === undefined ? '' : `; there are ${known.join(', ')}`;
  throw new UsageError(`--state "${odd}" is no state${choice}`);
}

/** Machines for a list that shows them or is asked for some of them; else none, which spares a request. */
export function machinesFor(
  client: ApiClient,
  isShown: boolean,
  { machine }: FilterOptions,
): Promise<readonly MachineBody[]> {
  return isShown || machine !== undefined ? client.machines() : Promise.resolve([]);
}

/** Ids of the machines that were named; null: all. @throws {OperationError} */
export function chosenMachines(
  { machine }: FilterOptions,
  machines: readonly MachineBody[],
): ReadonlySet<string> | null {
  return machine === undefined ? null : new Set(chooseMachines(machine, machines));
}
