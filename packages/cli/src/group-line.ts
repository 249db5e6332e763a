import type { StatesBody, UnitBody } from '@muster/api/client';
import { templateOf } from '@muster/core';

/** The instances of a template, in one line, and how many of those that are wanted are active. */
export interface Group {
  readonly text: string;
  readonly wanted: number;
  readonly active: number;
}

/**
 * An instance is active when every machine that has it says so.
 * `web@.service: 3 of 5 instances are active, on 3 machines; 1 failed; 1 pending (no machine can take it)`
 */
export function groupOf(
  template: string,
  units: readonly UnitBody[],
  { states, pending }: Pick<StatesBody, 'states' | 'pending'>,
): Group {
  const instances = units.filter(({ name }) => templateOf(name) === template);
  const wanted = new Set(
    instances.filter(({ desiredState }) => desiredState !== 'inactive').map(({ name }) => name),
  );
  const own = states.filter(({ unit, isCurrent }) => isCurrent && wanted.has(unit));
  const failed = namesOf(own.filter(({ activeState }) => activeState === 'failed'));
  const down = namesOf(own.filter(({ activeState }) => activeState !== 'active'));
  const up = own.filter(({ unit }) => !down.has(unit));
  const active = namesOf(up).size;
  const waiting = pending.filter(({ unit }) => wanted.has(unit));
  const rest = wanted.size - active - failed.size - waiting.length;
  const idle = instances.length - wanted.size;
  const machines = new Set(up.map(({ machine }) => machine)).size;
  const where = active === 0 ? '' : `, on ${machines} ${machines === 1 ? 'machine' : 'machines'}`;
  const parts = [
    `${active} of ${wanted.size} instances are active${where}`,
    ...(failed.size === 0 ? [] : [`${failed.size} failed`]),
    ...(waiting[0] === undefined ? [] : [`${waiting.length} pending (${waiting[0].reason})`]),
    ...(rest <= 0 ? [] : [`${rest} not active`]),
    ...(idle === 0 ? [] : [`${idle} inactive as asked`]),
  ];
  return { text: `${template}: ${parts.join('; ')}`, wanted: wanted.size, active };
}

function namesOf(states: readonly { readonly unit: string }[]): Set<string> {
  return new Set(states.map(({ unit }) => unit));
}
