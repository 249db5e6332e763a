import type { Assignment, MachineCounts, Unit } from './model.ts';

/** What a unit was asked for, beyond its desired state. */
export type UnitCounts = Pick<Unit, 'restarts' | 'perMachine'>;

const none: MachineCounts = { restarts: 0, starts: 0 };

/** What a machine's assignment of the unit is to say. */
export function countsOn({ restarts, perMachine }: UnitCounts, machine: string): MachineCounts {
  const own = ownCounts(perMachine, machine);
  return { restarts: restarts + own.restarts, starts: own.starts };
}

/** Whether an assignment says what the unit now asks of that machine. */
export function hasCountsOf(unit: UnitCounts, assignment: Assignment): boolean {
  const own = ownCounts(unit.perMachine, assignment.machine);
  return (
    assignment.restarts === unit.restarts + own.restarts && (assignment.starts ?? 0) === own.starts
  );
}

/**
 * One restart more for every machine, counted once: each number that a machine has seen grows, and
 * what single machines were asked for is forgotten.
 */
export function countRestart({ restarts, perMachine }: UnitCounts): UnitCounts {
  const most = Math.max(0, ...Object.values(perMachine ?? {}).map((own) => own.restarts));
  return { restarts: restarts + most + 1 };
}

/**
 * One restart or start more for some machines.
 * @param kept - machines that have the unit; what others were asked for is forgotten
 */
export function countOn(
  what: keyof MachineCounts,
  { restarts, perMachine }: UnitCounts,
  { machines, kept }: { readonly machines: Iterable<string>; readonly kept: ReadonlySet<string> },
): UnitCounts {
  const counts = new Map(Object.entries(perMachine ?? {}).filter(([id]) => kept.has(id)));
  for (const id of machines) {
    const own = counts.get(id) ?? none;
    counts.set(
      id,
      what === 'restarts'
        ? { restarts: own.restarts + 1, starts: 0 }
        : { ...own, starts: own.starts + 1 },
    );
  }
  if (counts.size === 0) return { restarts };
  const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return { restarts, perMachine: Object.fromEntries(sorted) };
}

function ownCounts(perMachine: UnitCounts['perMachine'], machine: string): MachineCounts {
  if (perMachine === undefined || !Object.hasOwn(perMachine, machine)) return none;
  return perMachine[machine] ?? none;
}
