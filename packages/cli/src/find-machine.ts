import type { ApiClient, MachineBody, MachinesBody } from '@muster/api/client';
import type { Command } from 'commander';
import { OperationError } from './errors.ts';

/** What helps say of --machine how a machine is named. */
export const machineWords = 'id (the beginning is enough), host name or address';

/** Adds an option --machine that can be given several times. */
export function withMachines(command: Command, description: string): Command {
  return command.option('--machine <machine>', `${description}: ${machineWords}`, collect);
}

/** Gathers what an option that can be given several times is given. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/**
 * The id of a machine that is named by the beginning of its id, its host name or its address. A
 * whole id need not be present.
 * @throws {OperationError} when no machine or several fit
 */
export async function findMachine(client: ApiClient, text: string): Promise<string> {
  const [id] = await findMachines(client, [text]);
  if (id === undefined) throw new OperationError(`no machine is "${text}"`);
  return id;
}

/** The same for several, each once. @throws {OperationError} */
export async function findMachines(
  client: ApiClient,
  texts: readonly string[],
): Promise<readonly string[]> {
  const machines = texts.every(isWholeId) ? [] : await client.machines();
  return chooseMachines(texts, machines);
}

/** @param machines - those that are there @throws {OperationError} when none or several fit a text */
export function chooseMachines(
  texts: readonly string[],
  machines: readonly Pick<MachineBody, 'id' | 'hostname' | 'address'>[],
): readonly string[] {
  const ids = texts.map((text) => {
    if (isWholeId(text)) return text;
    const found = machines.filter((machine) => isMeant(machine, text));
    const [machine, ...others] = found;
    if (machine === undefined) throw new OperationError(`no machine is "${text}"`);
    if (others.length === 0) return machine.id;
    throw new OperationError(
      `several machines are "${text}": ${found.map(({ id }) => id).join(', ')}`,
    );
  });
  return [...new Set(ids)];
}

/** How an absent machine is named: its host name and address are gone with it. */
export const machineIdWords = 'machine id (the beginning is enough)';

/**
 * Ids of absent machines that are named by the beginning of their id. One that is there is found
 * as well: that it is there has to be said by whoever knows it.
 * @throws {OperationError} when none or several fit a text
 */
export function chooseAbsent(
  texts: readonly string[],
  { machines, absent }: Pick<MachinesBody, 'machines' | 'absent'>,
): readonly string[] {
  const gone = absent.map(({ id }) => ({ id, hostname: '', address: null }));
  return chooseMachines(texts, [...machines, ...gone]);
}

function isWholeId(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}

export function isMeant(
  { id, hostname, address }: Pick<MachineBody, 'id' | 'hostname' | 'address'>,
  text: string,
): boolean {
  return (text.length >= 4 && id.startsWith(text)) || hostname === text || address === text;
}
