import type {
  Assignment,
  ClusterSnapshot,
  ClusterView,
  Machine,
  Unit,
  UnitState,
} from '@muster/core';
import { VirtualClock } from '@muster/core/testing';
import { createExplainer } from '../../scheduler/src/explainer.ts';
import { assignment, state, unit } from './testing/active-unit.ts';
import { GlobalUnits } from './unit-demands.ts';
import { waitForUnits } from './wait.ts';
import type { WaitLine, WaitTarget } from './wire.ts';

const machine: Machine = {
  id: 'm1',
  bootId: 'b',
  hostname: 'm1',
  address: null,
  apiUrl: null,
  metadata: {},
  capacity: { cpus: 1, memoryBytes: 1 },
  version: '',
  awaySince: null,
  modRevision: 1,
};

interface World {
  readonly units: Map<string, Unit>;
  readonly files: Map<string, string>;
  readonly machines: Map<string, Machine>;
  readonly assignments: Map<string, Map<string, Assignment>>;
  readonly states: Map<string, Map<string, UnitState>>;
}

/** A unit that is active on m1. */
function world(): World {
  return {
    units: new Map([['a.service', unit]]),
    files: new Map(),
    machines: new Map([['m1', machine]]),
    assignments: new Map([['a.service', new Map([['m1', assignment]])]]),
    states: new Map([['a.service', new Map([['m1', state]])]]),
  };
}

type ChangedPart = 'units' | 'files' | 'machines' | 'assignments' | 'states';

/** A picture of that world that says of one kind of records that they have changed. */
class View {
  readonly #listeners = new Set<() => void>();
  readonly #world: World;
  readonly #name: string;
  #part: ChangedPart | 'all' | 'nothing' = 'all';
  isClosed = false;

  constructor(ofWorld: World, name: string) {
    this.#world = ofWorld;
    this.#name = name;
  }

  tell(part: ChangedPart): void {
    this.#part = part;
    for (const listener of this.#listeners) listener();
  }

  view(): ClusterView {
    const snapshot: ClusterSnapshot = {
      ...this.#world,
      revision: 30,
      clusterId: 'c',
      fileRevisions: new Map(),
      settings: new Map(),
      placements: new Map(),
      leader: null,
      brake: null,
      policy: null,
      rebalance: null,
      losses: new Map(),
      corrupt: [],
    };
    const names = (part: ChangedPart): Set<string> =>
      new Set(this.#part === part ? [this.#name] : []);
    const nested = (part: ChangedPart): Map<string, Set<string>> =>
      new Map([...names(part)].map((name) => [name, new Set(['m1'])]));
    return {
      snapshot: () => snapshot,
      atLeast: () => Promise.resolve(snapshot),
      refresh: () => Promise.resolve(),
      onChange: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      changed: () => {
        const changed = {
          isAll: this.#part === 'all',
          units: names('units'),
          files: names('files'),
          machines: names('machines'),
          assignments: nested('assignments'),
          states: nested('states'),
        };
        this.#part = 'nothing';
        return changed;
      },
      close: () => {
        this.isClosed = true;
        return Promise.resolve();
      },
    };
  }
}

const global = '[X-Fleet]\nGlobal=true\n';

test.each<[ChangedPart, WaitTarget, (before: World) => void, (then: World) => void]>([
  [
    'units',
    'absent',
    ({ assignments, states }) => [assignments, states].map((records) => records.clear()),
    ({ units }) => units.clear(),
  ],
  [
    'assignments',
    'absent',
    ({ units, states }) => [units, states].map((records) => records.clear()),
    ({ assignments }) => assignments.clear(),
  ],
  [
    'states',
    'absent',
    ({ units, assignments }) => [units, assignments].map((records) => records.clear()),
    ({ states }) => states.clear(),
  ],
  [
    'machines',
    'launched',
    ({ machines }) => machines.set('m1', { ...machine, awaySince: 1 }),
    ({ machines }) => machines.set('m1', machine),
  ],
  [
    'files',
    'launched',
    ({ assignments }) => assignments.clear(),
    ({ files, machines }) => [files.set('h', global), machines.clear()],
  ],
])('a change of %s can be what a wait is for', async (part, until, before, then) => {
  const now = world();
  before(now);
  const name = part === 'files' ? 'h' : part === 'machines' ? 'm1' : 'a.service';
  const only = part === 'machines' ? ['m1'] : null;
  const picture = new View(now, name);
  const clock = new VirtualClock();
  const lines: WaitLine[] = [];
  const waiting = waitForUnits({
    view: picture.view(),
    globals: new GlobalUnits(),
    explainer: createExplainer(),
    clock,
    request: { units: ['a.service'], until, machines: only, afterRevision: 0, timeoutMs: 60_000 },
    send: (line) => lines.push(line),
    signal: new AbortController().signal,
  });
  await clock.advance(5_000);
  expect(lines.map(({ type }) => type)).not.toContain('done');
  then(now);
  picture.tell(part);
  await clock.advance(500);
  expect(lines.map(({ type }) => type).slice(-2)).toEqual(['done', 'end']);
  await waiting;
  expect(picture.isClosed).toBe(true);
});
