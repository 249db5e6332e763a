import { countRestart } from '@muster/core';
import type { Unit, UnitRegistry } from '@muster/core';
import type { SimMachine } from './machine.ts';
import type { Operation } from './plan.ts';
import type { Repertoire } from './specs.ts';
import type { Say } from './trace.ts';

const regions = ['eu', 'us'];

/**
 * Carries out one operation by way of a machine's musterd, as its API does. How it ended is told to
 * the trace alone: what counts is what the store has.
 */
export async function operate(
  operation: Operation,
  {
    machines,
    repertoire,
    say,
  }: { machines: readonly SimMachine[]; repertoire: Repertoire; say: Say },
): Promise<void> {
  const via = machines[operation.via];
  const registry = via?.registry;
  if (via === undefined || registry == null) return;
  const { type, unit } = operation;
  const text =
    type === 'set' ? `${unit} ${operation.desiredState} v${operation.version}` : `${type} ${unit}`;
  say('client', `asks ${via.id}: ${text}`);
  try {
    say('client', `was told by ${via.id}: ${text}: ${await write(operation, via, repertoire)}`);
  } catch (error) {
    say('client', `was told by ${via.id}: ${text}: ${String(error)}`);
  }
}

async function write(
  operation: Operation,
  via: SimMachine,
  repertoire: Repertoire,
): Promise<string> {
  const { registry } = via;
  if (registry === null) return 'it is gone';
  const { units } = registry;
  const { type, unit, version } = operation;
  if (type === 'metadata') {
    const metadata = { region: regions[version] ?? null };
    const snapshot = (await units.cluster()).snapshot();
    const expect = snapshot.settings.get(via.id)?.modRevision ?? 0;
    return (await units.writeSettings({ machine: via.id, metadata }, expect)).type;
  }
  const found = (await units.units([unit])).get(unit);
  const expect = found?.unit.modRevision ?? 0;
  const origin = { by: 'client' };
  if (type === 'destroy') {
    if (expect === 0) return 'there is none';
    const [result] = await units.write([{ name: unit, expect, set: null, destroyedBy: origin }]);
    return result?.type ?? 'nothing';
  }
  if (type === 'renew') return renew(units, unit, found);
  const spec = repertoire.specs.get(unit)?.[version];
  if (spec === undefined) throw new Error(`there is no version ${version} of ${unit}`);
  if (type === 'restart') {
    if (found?.file == null) return 'there is none';
    const { hash, desiredState } = found.unit;
    const set = { hash, desiredState, origin, file: found.file, ...countRestart(found.unit) };
    const [result] = await units.write([{ name: unit, expect, set }]);
    return result?.type ?? 'nothing';
  }
  const { desiredState } = operation;
  const restarts = found?.unit.restarts ?? 0;
  const set = { hash: spec.hash, file: spec.text, desiredState, restarts, origin };
  const [result] = await units.write([{ name: unit, expect, set }]);
  return result?.type ?? 'nothing';
}

/** Destroys a unit and submits it again as it was, at once. */
async function renew(
  units: UnitRegistry,
  name: string,
  found: { readonly unit: Unit; readonly file: string | null } | undefined,
): Promise<string> {
  if (found?.file == null) return 'there is none';
  const { hash, desiredState, modRevision } = found.unit;
  const origin = { by: 'client' };
  await units.write([{ name, expect: modRevision, set: null, destroyedBy: origin }]);
  const set = { hash, desiredState, restarts: 0, file: found.file, origin };
  const [result] = await units.write([{ name, expect: 0, set }]);
  return result?.type ?? 'nothing';
}
