import type { ByUnitAndMachine, ChangedRecords, ClusterSnapshot } from '@muster/core';

type Seen = Pick<
  ClusterSnapshot,
  'units' | 'placements' | 'machines' | 'settings' | 'files' | 'assignments' | 'states'
>;

const nothing: Seen = {
  units: new Map(),
  placements: new Map(),
  machines: new Map(),
  settings: new Map(),
  files: new Map(),
  assignments: new Map(),
  states: new Map(),
};

/** A view of records that somebody changes in place: it compares them with what they were. */
export class ChangeFinder {
  readonly #read: () => ClusterSnapshot;
  #seen: Seen | null = null;

  constructor(read: () => ClusterSnapshot) {
    this.#read = read;
  }

  snapshot(): ClusterSnapshot {
    return this.#read();
  }

  changed(): ChangedRecords {
    const isAll = this.#seen === null;
    const before = this.#seen ?? nothing;
    const now = copyOf(this.#read());
    this.#seen = now;
    return {
      isAll,
      units: union(
        differing(before.units, now.units),
        differing(before.placements, now.placements),
      ),
      machines: union(
        differing(before.machines, now.machines),
        differing(before.settings, now.settings),
      ),
      files: differing(before.files, now.files),
      assignments: differingPairs(before.assignments, now.assignments),
      states: differingPairs(before.states, now.states),
    };
  }
}

function copyOf(snapshot: ClusterSnapshot): Seen {
  const { units, placements, machines, settings, files, assignments, states } = snapshot;
  return {
    units: new Map(units),
    placements: new Map(placements),
    machines: new Map(machines),
    settings: new Map(settings),
    files: new Map(files),
    assignments: copyOfNested(assignments),
    states: copyOfNested(states),
  };
}

function copyOfNested<T>(records: ByUnitAndMachine<T>): ByUnitAndMachine<T> {
  return new Map([...records].map(([unit, byMachine]) => [unit, new Map(byMachine)]));
}

function differing<T>(before: ReadonlyMap<string, T>, now: ReadonlyMap<string, T>): Set<string> {
  const names = [...before.keys(), ...now.keys()];
  return new Set(names.filter((name) => before.get(name) !== now.get(name)));
}

function differingPairs<T>(
  before: ByUnitAndMachine<T>,
  now: ByUnitAndMachine<T>,
): Map<string, ReadonlySet<string>> {
  const none: ReadonlyMap<string, T> = new Map();
  const units = new Set([...before.keys(), ...now.keys()]);
  return new Map(
    [...units]
      .map((unit) => {
        const machines = differing(before.get(unit) ?? none, now.get(unit) ?? none);
        return [unit, machines] as const;
      })
      .filter(([, machines]) => machines.size > 0),
  );
}

function union<T>(...sets: readonly ReadonlySet<T>[]): Set<T> {
  return new Set(sets.flatMap((set) => [...set]));
}
