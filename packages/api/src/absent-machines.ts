import type { ClusterSnapshot } from '@muster/core';
import type { AbsentMachineBody, BrakeBody } from './wire.ts';

/** Machines that units are assigned to and that are not there, or of which a loss is on record; by id. */
export function renderAbsent(snapshot: ClusterSnapshot): AbsentMachineBody[] {
  const { assignments, losses, brake } = snapshot;
  const held = new Map([...losses.keys()].map((machine) => [machine, 0]));
  for (const byMachine of assignments.values()) {
    for (const { machine, role, isLeaving } of byMachine.values()) {
      const isHeld = role === 'holder' && isLeaving !== true;
      held.set(machine, (held.get(machine) ?? 0) + (isHeld ? 1 : 0));
    }
  }
  return [...held]
    .filter(([id]) => isAbsent(snapshot, id))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, units]) => {
      const loss = losses.get(id) ?? null;
      const isHeldBack = brake?.isOn === true && brake.machines.includes(id) && loss === null;
      return {
        id,
        units,
        isHeldBack,
        loss: loss && { isForgotten: loss.isForgotten, origin: loss.origin },
      };
    });
}

export function renderBrake({ brake }: ClusterSnapshot): BrakeBody {
  if (brake === null) return { isOn: false, reason: null, since: null };
  return { isOn: brake.isOn, reason: brake.reason, since: brake.at };
}

/** A machine whose presence does not parse is there. */
export function isAbsent({ machines, corrupt }: ClusterSnapshot, id: string): boolean {
  return !machines.has(id) && !corrupt.some(({ key }) => key.endsWith(`/machine/${id}`));
}

/** Units of which an assignment to the machine is stored; by name. */
export function unitsAssignedTo({ assignments }: ClusterSnapshot, machine: string): string[] {
  const names = [...assignments].filter(([, byMachine]) => byMachine.has(machine));
  return names.map(([name]) => name).sort();
}
