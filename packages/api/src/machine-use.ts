import type { Clock, UnitUse } from '@muster/core';
import { sendJson, sendStream } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { findApi } from './inspect.ts';
import type { InspectOptions } from './inspect.ts';
import { readMachineId } from './read-request.ts';
import type { MachineUseBody } from './wire.ts';

export interface UseOptions extends InspectOptions {
  readonly clock: Clock;
  /** Names of units that are assigned to this machine. */
  readonly ownUnits: () => readonly string[];
}

/** CPU is what was used in so much time, seen twice. */
const sampleMs = 500;

/** Answers for this machine, or asks the one it is about. */
export async function getMachineUse(exchange: Exchange, options: UseOptions): Promise<void> {
  const machine = readMachineId(exchange.params['id'] ?? '');
  if (machine === options.machineId) return getOwnUse(exchange, options);
  const apiUrl = await findApi(machine, options.registry);
  const answer = await options.forward(apiUrl, '/v1/local/use', exchange.signal);
  const { status, contentType } = answer;
  await sendStream(exchange, answer.body, { status, contentType, flush: false });
}

export async function getOwnUse(
  { res, signal }: Exchange,
  { inspector, clock, machineId, ownUnits }: UseOptions,
): Promise<void> {
  // What is in a slice is accounted to the slice as well.
  const units = ownUnits().filter((name) => !name.endsWith('.slice'));
  const before = await inspector.use(units);
  const from = clock.monotonic();
  await clock.sleep(sampleMs, signal);
  const after = await inspector.use(units);
  const ms = clock.monotonic() - from;
  const body: MachineUseBody = { machine: machineId, ...totalUse(before, after, ms) };
  sendJson(res, 200, body);
}

/** Of all units together, as far as the kernel accounts it. */
export function totalUse(
  before: readonly UnitUse[],
  after: readonly UnitUse[],
  ms: number,
): Omit<MachineUseBody, 'machine'> {
  const earlier = new Map(before.map(({ unit, cpuNs }) => [unit, cpuNs]));
  const spentNs = after.map(({ unit, cpuNs }) => {
    const then = earlier.get(unit) ?? null;
    // One that was started in between has begun to count anew.
    return cpuNs === null || then === null ? null : Math.max(0, cpuNs - then);
  });
  const ns = sumOfKnown(spentNs);
  return {
    memoryBytes: sumOfKnown(after.map(({ memoryBytes }) => memoryBytes)),
    cpus: ns === null || ms <= 0 ? null : ns / (ms * 1e6),
    tasks: sumOfKnown(after.map(({ tasks }) => tasks)),
  };
}

/** null: none of them is known. */
function sumOfKnown(amounts: readonly (number | null)[]): number | null {
  const known = amounts.filter((amount) => amount !== null);
  return known.length === 0 ? null : known.reduce((sum, amount) => sum + amount, 0);
}
