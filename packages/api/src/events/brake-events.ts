import type { RecordChange } from '@muster/core';
import type { EventContent } from './event.ts';
import { shortId, transition } from './transition.ts';

type Change<T extends RecordChange['type']> = Extract<RecordChange, { readonly type: T }>;

/** null: it was off before, or the record was removed by hand. Other machines: it is on anew. */
export function brakeEvent(change: Change<'brake'>): EventContent | null {
  const { before, after } = change;
  if (after === null || (!after.isOn && before?.isOn !== true)) return null;
  const { isOn, machines, reason, at } = after;
  const held = machines.map(shortId).join(', ');
  const text = isOn
    ? `the brake is on, ${reason}: units of ${held} stay where they are`
    : `the brake is off, ${reason}: units of absent machines are placed elsewhere`;
  return {
    type: isOn ? 'brake-on' : 'brake-off',
    time: at,
    unit: null,
    machine: null,
    by: null,
    reason,
    text,
    details: transition(change, (brake) => ({ isOn: brake.isOn, machines: brake.machines })),
  };
}

/** null: its record was removed, because the machine is back or has nothing left. */
export function lossEvent(change: Change<'loss'>): EventContent | null {
  const { machine, before, after } = change;
  if (after === null) return null;
  const { by, at: time = null } = after.origin;
  if (before !== null && before.isForgotten === after.isForgotten) return null;
  const what = after.isForgotten ? 'is forgotten' : 'is accepted as lost';
  return {
    type: after.isForgotten ? 'machine-forgotten' : 'loss-accepted',
    time,
    unit: null,
    machine,
    by,
    reason: null,
    text: `machine ${shortId(machine)} ${what}, by ${by}: its units are placed elsewhere`,
    details: transition(change, ({ isForgotten }) => ({ isForgotten })),
  };
}
