import { metadataValue } from '@muster/core';
import { mismatch } from './eligibility.ts';
import type { Candidate, Host } from './eligibility.ts';
import { ConflictIndex } from './conflict-index.ts';
import { LoadOrder } from './load-order.ts';
import { NameList } from './name-list.ts';
import { shortage } from './resources.ts';
import { RoomIndex } from './room-index.ts';

type Mismatches = readonly { readonly machine: string; readonly reason: string }[];

/** More kinds of demands than that are not remembered: each costs a byte for each machine. */
const mostKinds = 1024;

/**
 * What is known of all machines together, so that a unit need not ask each of them: who holds which
 * unit, who takes new units in the order of their load, who is kept away from whom. Kept current by
 * `settle` and `vacate`.
 */
export class HostIndex {
  readonly conflicts = new ConflictIndex(
    (name) => this.whereIs(name),
    (start) => this.namesWith(start),
  );
  #open: readonly Host[] = [];
  #all = 0;
  #order = new LoadOrder([], () => 0);
  readonly #room = new RoomIndex();
  readonly #whereabouts = new Map<string, Set<Host>>();
  /** Of `#whereabouts`; null: nobody has asked yet. */
  #names: NameList | null = null;
  /** What a unit asks of the machine itself → for each rank whether it has that. */
  readonly #suitable = new Map<string, Uint8Array>();
  /** The same → why nobody has it. */
  readonly #mismatches = new Map<string, { readonly most: number; readonly hosts: Mismatches }>();
  /** Of open hosts, by metadata key. */
  readonly #values = new Map<string, ReadonlySet<string>>();
  /** Least numbers of open hosts, by what was asked. */
  readonly #least = new Map<string, number>();
  readonly #byId = new Map<string, Host[]>();
  #undo: (() => void)[] | null = null;

  /** Hosts that take new units, sorted by id. */
  get open(): readonly Host[] {
    return this.#open;
  }

  /**
   * To be told whenever one of them, its metadata or what counts as load has changed.
   * @param open - sorted by id
   * @param all - how many hosts there are, open or not
   */
  setOpen(
    open: readonly Host[],
    { all, loadOf }: { readonly all: number; readonly loadOf: (host: Host) => number },
  ): void {
    this.#open = open;
    this.#all = all;
    this.#order = new LoadOrder(open, loadOf);
    this.#room.setOpen(open);
    this.#suitable.clear();
    this.#mismatches.clear();
    this.#values.clear();
    this.#least.clear();
    this.#byId.clear();
    for (const host of open) {
      for (const id of new Set([host.id, host.id.slice(0, 8)])) {
        const known = this.#byId.get(id);
        if (known === undefined) this.#byId.set(id, [host]);
        else known.push(host);
      }
    }
  }

  /** Machines that hold the unit, in no order. */
  whereIs(name: string): ReadonlySet<Host> {
    return this.#whereabouts.get(name) ?? nowhere;
  }

  /** Units that some machine holds, by what their names begin with; also some that none holds any more. */
  namesWith(start: string): Iterable<string> {
    const held = this.#whereabouts;
    this.#names ??= new NameList(held.keys(), { isThere: (name) => held.has(name) });
    return this.#names.startingWith(start);
  }

  /**
   * Open hosts that may take the unit, in the order of their load and of equals by id: all that do, and
   * some that do not.
   * @param follows - units that have to be there already
   * @param takesOn - hosts of which the unit takes something already
   */
  *mayTake(
    unit: Candidate,
    {
      follows = [],
      takesOn = nowhere,
    }: { readonly follows?: readonly string[]; readonly takesOn?: ReadonlySet<Host> } = {},
  ): Generator<Host> {
    const { machineId } = unit.requirements;
    const few = this.#fewFor(machineId, follows);
    if (few !== null) {
      yield* this.#order.sort(few);
      return;
    }
    const suitable = this.#suitableFor(unit);
    if (suitable === null) return;
    // A unit is no neighbour of itself, and counts do not tell it from another.
    const isHeld = this.whereIs(unit.name).size > 0;
    const isKeptAway = isHeld ? null : this.conflicts.against(unit, this.#all);
    if (isKeptAway === 'everywhere') return;
    const crowd = this.#room.crowdFor(unit);
    if (crowd?.isEverywhere === true) {
      yield* this.#order.sort([...takesOn].filter(({ rank }) => suitable[rank] === 1));
      return;
    }
    let areAllCrowded = true;
    let host: Host | undefined;
    // Of very many hosts most are passed by: an iterator would be most of what that takes.
    for (let i = 0; (host = this.#order.at(i)) !== undefined; i += 1) {
      if (suitable[host.rank] !== 1) continue;
      const isCrowded = crowd?.isKnown(host) === true;
      if (isCrowded && !takesOn.has(host)) continue;
      if (isKeptAway?.(host) === true) areAllCrowded &&= isCrowded || crowd?.find(host) === true;
      else if (crowd === null || takesOn.has(host) || !crowd.find(host)) {
        areAllCrowded = false;
        yield host;
      }
    }
    if (areAllCrowded) crowd?.setEverywhere();
  }

  /**
   * Why no open host has what the unit asks of the machine itself, for the first `most` by id; null:
   * some have. Units that ask the same get the same array.
   */
  whyUnsuitable(unit: Candidate, most: number): Mismatches | null {
    if (this.#suitableFor(unit) !== null) return null;
    const known = this.#mismatches.get(unit.demand);
    if (known?.most === most) return known.hosts;
    const hosts = this.#open.slice(0, most).map((host) => {
      return { machine: host.id, reason: mismatch(unit, host) ?? '' };
    });
    this.#mismatches.set(unit.demand, { most, hosts });
    return hosts;
  }

  /**
   * Why no open host has enough for a unit that takes nothing of any yet, for the first `most` by id;
   * null: some have, or that is not known, or it is not the same for all that take the same. Units that
   * take the same get the same array, as long as nothing changes.
   */
  whyCrowded(unit: Candidate, most: number): Mismatches | null {
    const crowd = this.#room.crowdFor(unit);
    const { resources } = unit.requirements;
    // Who has a port is not the same for each: it is no obstacle to the service that a socket starts.
    if (crowd?.isEverywhere !== true || resources === null || resources.ports.length > 0)
      return null;
    return crowd.reasons(most, () =>
      this.#open.slice(0, most).map((host) => {
        const reason = mismatch(unit, host) ?? shortage(host.ledger, unit) ?? '';
        return { machine: host.id, reason };
      }),
    );
  }

  /** These open hosts in the order in which they are asked. */
  inOrder(hosts: readonly Host[]): readonly Host[] {
    return this.#order.sort(hosts);
  }

  /** What open hosts have as that metadata key. */
  valuesOf(key: string): ReadonlySet<string> {
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const values = new Set(
      this.#open.flatMap(({ metadata }) => metadataValue(metadata, key) ?? []),
    );
    if (this.#values.size >= mostKinds) this.#values.clear();
    this.#values.set(key, values);
    return values;
  }

  /**
   * The least number that an open host has; Infinity: there is none.
   * @param what - says which number; the same for the same
   * @param of - it follows from the host's metadata alone
   */
  least(what: string, of: (host: Host) => number): number {
    const known = this.#least.get(what);
    if (known !== undefined) return known;
    let least = Infinity;
    for (const host of this.#open) least = Math.min(least, of(host));
    if (this.#least.size >= mostKinds) this.#least.clear();
    this.#least.set(what, least);
    return least;
  }

  /** null: it may be any. */
  #fewFor(machineId: string | null, follows: readonly string[]): readonly Host[] | null {
    if (machineId !== null) return this.#byId.get(machineId) ?? [];
    if (follows.length === 0) return null;
    const [fewest] = follows.map((peer) => this.whereIs(peer)).sort((a, b) => a.size - b.size);
    return [...(fewest ?? nowhere)].filter(({ rank }) => rank >= 0);
  }

  /** null: no machine has what it asks for. */
  #suitableFor(unit: Candidate): Uint8Array | null {
    const { demand } = unit;
    const known = this.#suitable.get(demand);
    if (known !== undefined) return known.length === 0 ? null : known;
    const suitable = Uint8Array.from(this.#open, (host) => (mismatch(unit, host) === null ? 1 : 0));
    const found = suitable.includes(1) ? suitable : new Uint8Array(0);
    if (this.#suitable.size >= mostKinds) {
      this.#suitable.clear();
      this.#mismatches.clear();
    }
    this.#suitable.set(demand, found);
    return found.length === 0 ? null : found;
  }

  settled(host: Host, unit: Candidate): void {
    const known = this.#whereabouts.get(unit.name);
    if (known === undefined) {
      this.#whereabouts.set(unit.name, new Set([host]));
      this.#names?.add(unit.name);
    } else known.add(host);
    this.conflicts.settled(host, unit);
    this.reweigh(host);
  }

  vacated(host: Host, unit: Candidate): void {
    const known = this.#whereabouts.get(unit.name);
    known?.delete(host);
    if (known?.size === 0) this.#whereabouts.delete(unit.name);
    this.conflicts.vacated(host, unit);
    this.reweigh(host);
  }

  /** To be told when what is reserved on a host has changed. */
  reweigh(host: Host): void {
    if (host.rank < 0) return;
    this.#room.changed(host);
    this.#order.moved(host);
  }

  /** From now on what is done to hosts can be taken back. */
  remember(): void {
    this.#undo = [];
  }

  /** Of what was done just now. */
  onUndo(undo: () => void): void {
    this.#undo?.push(undo);
  }

  get remembers(): boolean {
    return this.#undo !== null;
  }

  /** Hosts are as they were at `remember`. */
  takeBack(): void {
    const undo = this.#undo ?? [];
    this.#undo = null;
    for (let i = undo.length - 1; i >= 0; i -= 1) undo[i]?.();
  }
}

const nowhere: ReadonlySet<Host> = new Set();
