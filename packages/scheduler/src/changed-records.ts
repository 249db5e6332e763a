import type { ByUnitAndMachine, ChangedRecords, ClusterSnapshot } from '@muster/core';

/** All records of a snapshot, for who knows none of them. */
export function everythingIn(snapshot: ClusterSnapshot): ChangedRecords {
  const { units, placements, machines, settings, assignments, states } = snapshot;
  return {
    isAll: true,
    units: new Set([...units.keys(), ...placements.keys()]),
    machines: new Set([...machines.keys(), ...settings.keys()]),
    files: new Set(),
    assignments: machinesByUnit(assignments),
    states: machinesByUnit(states),
  };
}

function machinesByUnit<T>(records: ByUnitAndMachine<T>): Map<string, ReadonlySet<string>> {
  return new Map([...records].map(([unit, byMachine]) => [unit, new Set(byMachine.keys())]));
}
