import type { ApiClient, MachineBody } from '@muster/api/client';
import { OperationError } from './errors.ts';

/**
 * The id of a machine that is named by the beginning of its id, its host name or its address. A
 * whole id need not be present.
 * @throws {OperationError} when no machine or several fit
 */
export async function findMachine(client: ApiClient, text: string): Promise<string> {
  if (/^[0-9a-f]{32}$/.test(text)) return text;
  const found = (await client.machines()).filter((machine) => isMeant(machine, text));
  const [machine, ...others] = found;
  if (machine === undefined) throw new OperationError(`no machine is "${text}"`);
  if (others.length === 0) return machine.id;
  throw new OperationError(
    `several machines are "${text}": ${found.map(({ id }) => id).join(', ')}`,
  );
}

export function isMeant({ id, hostname, address }: MachineBody, text: string): boolean {
  return (text.length >= 4 && id.startsWith(text)) || hostname === text || address === text;
}
