import type { Checker } from './checker.ts';
import type { Violation } from './invariants.ts';
import type { SimMachine } from './machine.ts';
import { clash } from './specs.ts';
import type { Spec } from './specs.ts';
import type { Given, World } from './world.ts';

/** What differs from what it should be like when nothing is wrong any more. */
type Difference = Pick<Violation, 'invariant' | 'seen' | 'about'>;

type Machine = Pick<SimMachine, 'id' | 'metadata' | 'systemd' | 'notes'>;

interface Sight {
  readonly world: World;
  readonly checker: Checker;
  readonly machines: readonly Machine[];
}

/** Everything that is not yet as it is wished for; empty: the cluster is at rest. */
export async function differences(sight: Sight): Promise<Difference[]> {
  const found: Difference[] = [];
  for (const [unit, spec] of wishedSpecs(sight)) found.push(...ofUnit(sight, unit, spec));
  for (const machine of sight.machines) found.push(...(await ofMachine(sight, machine)));
  found.push(...leftovers(sight));
  return found;
}

function wishedSpecs({ world }: Sight): [string, Spec][] {
  return [...world.wishes.keys()].flatMap((unit): [string, Spec][] => {
    const spec = world.wished(unit);
    return spec === null ? [] : [[unit, spec]];
  });
}

function ofUnit(sight: Sight, unit: string, spec: Spec): Difference[] {
  const { world, machines } = sight;
  const wish = world.wishes.get(unit);
  if (wish === undefined) return [];
  const places = world.placesOf(unit);
  const differs = (seen: string): Difference[] => [{ invariant: 'I6', seen, about: [unit] }];
  if (wish.desiredState === 'inactive') {
    return places.length === 0 ? [] : differs(`${unit} is to be inactive and is still assigned`);
  }
  const holder = places.find(({ given }) => given.role === 'holder');
  const other = places.find(({ given }) => given.role !== 'holder');
  // One that has failed is not ready: who has the released copy keeps it.
  const isReady = holder !== undefined && sight.checker.isReady(holder.machine, unit);
  if (other !== undefined && isReady) {
    return differs(`${unit} is still ${other.given.role} on ${other.machine}`);
  }
  const stale = places.find(({ given }) => given.role === 'holder' && given.hash !== wish.hash);
  if (stale !== undefined) return differs(`${unit} on ${stale.machine} is not of the new content`);
  const able = machines.filter((machine) => canTake(sight, machine, spec));
  if (spec.isGlobal) {
    const missing = able.filter(({ id }) => places.every(({ machine }) => machine !== id));
    return missing.length === 0
      ? []
      : differs(`${unit} is not on ${missing.map(({ id }) => id).join(', ')}`);
  }
  const holders = places.filter(({ given }) => given.role === 'holder' && !given.isLeaving);
  if (holders.length > 1) {
    return differs(`${unit} is on ${holders.map(({ machine }) => machine).join(' and ')}`);
  }
  if (places.length === 0 && able.length > 0) {
    return differs(
      `${unit} is nowhere though ${able.map(({ id }) => id).join(', ')} could take it`,
    );
  }
  return [];
}

/** Whether nothing that is on a machine now keeps the unit away from it. */
function canTake({ world }: Sight, machine: Machine, spec: Spec): boolean {
  if (spec.machineId !== null && spec.machineId !== machine.id) return false;
  if (!hasMetadata(world, machine, spec)) return false;
  const there = residents(world, machine.id);
  const isPeerThere = spec.machineOf === null || there.some(({ unit }) => unit === spec.machineOf);
  const isFree = there.every(
    (other) =>
      other.unit === spec.unit || (!clash(spec, other) && !other.replaces.includes(spec.unit)),
  );
  return isPeerThere && isFree;
}

function residents(world: World, machine: string): Spec[] {
  return [...world.given].flatMap(([key, given]): Spec[] => {
    if (!key.startsWith(`${machine}/`)) return [];
    const spec = world.specOf(key.slice(machine.length + 1), given.hash);
    return spec === null ? [] : [spec];
  });
}

function hasMetadata(world: World, machine: Machine, { metadata }: Spec): boolean {
  if (metadata === null) return true;
  const [key = '', value] = metadata.split('=');
  const set = world.settings.get(machine.id)?.[key];
  return (set === undefined ? machine.metadata[key] : set) === value;
}

/** What a machine runs and says, against what it was given. */
async function ofMachine(sight: Sight, machine: Machine): Promise<Difference[]> {
  const { world, checker } = sight;
  const found: Difference[] = [];
  const add = (invariant: Difference['invariant'], unit: string, seen: string): void => {
    found.push({ invariant, seen: `${machine.id}: ${unit} ${seen}`, about: [unit] });
  };
  const loaded = new Map((await machine.systemd.listUnits()).map((u) => [u.name, u.activeState]));
  const files = await machine.systemd.files();
  const known = new Set([...loaded.keys(), ...files.keys(), ...(await machine.notes())]);
  for (const unit of [...known].sort()) {
    if (world.given.has(`${machine.id}/${unit}`)) continue;
    const isGone = !world.wishes.has(unit);
    add(
      isGone ? 'I10' : 'I6',
      unit,
      `is not assigned there; systemd says ${loaded.get(unit) ?? 'nothing'}, ${files.has(unit) ? 'its file is there' : 'it has no file'}`,
    );
  }
  for (const [key, given] of world.given) {
    if (!key.startsWith(`${machine.id}/`)) continue;
    const unit = key.slice(machine.id.length + 1);
    const activeState = loaded.get(unit) ?? 'inactive';
    if (given.role !== 'holder') continue;
    const wanted = wantedStates(sight, { machine: machine.id, unit, given });
    if (!wanted.includes(activeState)) {
      add('I6', unit, `is ${activeState}, not ${wanted.join(' or ')}`);
    }
    const since = checker.upSince(machine.id, unit);
    if (since !== null && given.desiredState === 'launched') {
      const begunWith = given.contents.findLast((content) => content.since <= since)?.hash;
      const isOld = begunWith !== undefined && begunWith !== given.hash;
      if (since < given.renewedAt) add('I6', unit, 'runs since before its restart was asked for');
      if (isOld) add('I6', unit, 'runs since before it got its content');
    }
    if (files.get(unit) !== given.hash) add('I6', unit, 'has not the file that is assigned');
    const spec = world.specOf(unit, given.hash);
    if (spec !== null && given.desiredState === 'launched' && !canStay(sight, machine, spec)) {
      add('I4', unit, `may not be there: ${JSON.stringify({ ...spec, text: '' })}`);
    }
    const state = world.states.get(key);
    if (state === undefined) add('S1', unit, 'has no state in the store');
    else if (state['activeState'] !== activeState) {
      add('S1', unit, `is ${activeState}, and the store says ${String(state['activeState'])}`);
    } else if (Number(state['answers']) < given.revision) {
      add('S1', unit, `does not answer its assignment ${given.revision}`);
    }
  }
  for (const unit of checker.up.get(machine.id)?.keys() ?? []) {
    if (!loaded.has(unit))
      add('I6', unit, 'is up by the record and not loaded: the record is wrong');
  }
  return found;
}

/** One whose peer is nowhere stays where it is. */
function canStay(sight: Sight, machine: Machine, spec: Spec): boolean {
  const { machineOf } = spec;
  const isPeerSomewhere = machineOf !== null && sight.world.placesOf(machineOf).length > 0;
  return canTake(sight, machine, isPeerSomewhere ? spec : { ...spec, machineOf: null });
}

/** The active states that are right. */
function wantedStates(
  { world, checker }: Sight,
  { machine, unit, given }: { machine: string; unit: string; given: Given },
): string[] {
  const kind = world.specOf(unit, given.hash)?.kind;
  if (given.desiredState === 'loaded') return ['inactive', 'failed'];
  if (kind === 'failing' || kind === 'rescheduled') return ['failed'];
  const hasEnded = checker.isDownByItself(machine, unit);
  if (kind === 'oneshot') return hasEnded ? ['inactive', 'failed'] : [];
  // Put right is what was found inactive.
  if (kind === 'always') return hasEnded ? ['active', 'failed'] : ['active'];
  return hasEnded ? ['inactive', 'failed'] : ['active'];
}

/** Records of units and places that are no more. */
function leftovers({ world }: Sight): Difference[] {
  const found: Difference[] = [];
  const add = (unit: string, seen: string): void => {
    found.push({ invariant: 'I10', seen, about: [unit] });
  };
  for (const key of world.given.keys()) {
    const unit = key.slice(key.indexOf('/') + 1);
    if (!world.wishes.has(unit)) add(unit, `assignment/${key} is left`);
  }
  for (const key of world.states.keys()) {
    const unit = key.slice(key.indexOf('/') + 1);
    if (!world.given.has(key)) add(unit, `state/${key} is left`);
  }
  for (const unit of world.placements) {
    if (world.placesOf(unit).length === 0) add(unit, `placement/${unit} is left`);
  }
  return found;
}

/** What is written while the cluster is at rest. */
export class WritesAtRest {
  readonly #world: World;
  /** Of each transaction, the keys. */
  #written: string[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** A transaction was applied; leases that are renewed make none. */
  committed(keys: readonly string[]): void {
    const counted = this.#world.changedAtRest(keys);
    if (counted.length > 0) this.#written.push(counted.join(' '));
  }

  /** The cluster has come to rest now. */
  begin(): void {
    this.#written = [];
  }

  /** R1, so long after it came to rest; null: nothing was written. */
  difference(ms: number): Difference | null {
    const [first] = this.#written;
    if (first === undefined) return null;
    const count = `${this.#written.length} transactions within ${ms / 1000} s of rest`;
    return { invariant: 'R1', about: [], seen: `${count}, the first one of ${first}` };
  }
}
