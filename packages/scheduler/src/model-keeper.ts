import type { ChangedRecords, ClusterSnapshot, CorruptRecord, Packing } from '@muster/core';
import { isAtRest } from './at-rest.ts';
import { readCandidate } from './candidates.ts';
import type { CandidateCache } from './candidates.ts';
import { everythingIn } from './changed-records.ts';
import { vacate } from './eligibility.ts';
import type { Candidate, Host } from './eligibility.ts';
import { effectiveMetadata, emptyHost, ledgerOf } from './hosts.ts';
import type { OwnHost } from './hosts.ts';
import { HostIndex } from './host-index.ts';
import type { Model } from './model.ts';
import { Peers } from './peers.ts';
import { Replacements } from './replacements.ts';
import { portRivals } from './resources.ts';
import { isFailing } from './reschedule.ts';
import { loadScorer } from './score.ts';
import { SetsByKey } from './sets-by-key.ts';
import { Tallies } from './tallies.ts';
import { readCorrupt } from './untouchable.ts';
import { hasOtherContent, noteWhatRuns } from './what-runs.ts';

/** Builds the model of a snapshot. `cache` is filled, and emptied of units that are gone. */
export function buildModel(snapshot: ClusterSnapshot, cache: CandidateCache): Model {
  for (const name of cache.keys()) if (!snapshot.units.has(name)) cache.delete(name);
  return new ModelKeeper(cache).update(snapshot, everythingIn(snapshot));
}

/**
 * Keeps a model current: an update costs what has changed. The model depends on the snapshot alone,
 * not on those before it.
 */
export class ModelKeeper {
  readonly #cache: CandidateCache;
  readonly #index = new HostIndex();
  readonly #hosts = new Map<string, OwnHost>();
  readonly #tallies = new Tallies(this.#hosts, this.#index);
  readonly #candidates = new Map<string, Candidate>();
  readonly #peers = new Peers(this.#candidates);
  readonly #untouchable = new Map<string, string>();
  /** Units whose record or file does not parse, and why. */
  readonly #unreadable = new Map<string, string>();
  readonly #absent = new Set<string>();
  readonly #assigned = new SetsByKey();
  /** machine → units that are assigned to it or that it reports */
  readonly #known = new SetsByKey();
  readonly #globals = new Set<string>();
  /** Units that are somewhere with other content than they have; some of these may not be any more. */
  readonly #outdated = new Set<string>();
  readonly #restless = new Set<string>();
  readonly #failing = new Set<string>();
  readonly #orphans = new Set<string>();
  #corrupt: readonly CorruptRecord[] = [];
  #garbled = readCorrupt([]);
  #replacements = new Replacements(this.#candidates);
  /** Units of which everything that there is has been read in this update. */
  readonly #read = new Set<string>();
  /** Units to be looked at anew, whether they are at rest. */
  readonly #stirred = new Set<string>();
  /** Units to be looked at anew, whether they have failed. */
  readonly #reported = new Set<string>();
  #placement: Packing | null = null;
  #hasOpenChanged = false;
  #haveReplacersChanged = false;

  constructor(cache: CandidateCache) {
    this.#cache = cache;
  }

  /** @param changed - records that differ from the snapshot before; others are taken not to */
  update(snapshot: ClusterSnapshot, changed: ChangedRecords): Model {
    this.#readCorrupt(snapshot);
    this.#readPolicy(snapshot);
    for (const machine of changed.machines) this.#readMachine(snapshot, machine);
    this.#readFiles(snapshot, changed.files);
    for (const name of changed.units) this.#readUnit(snapshot, name);
    for (const [name, machines] of changed.assignments) {
      this.#readSome(snapshot, name, machines);
      this.#stir(name);
    }
    for (const [name, machines] of changed.states) {
      this.#readSome(snapshot, name, machines);
      this.#reported.add(name);
    }
    this.#read.clear();
    if (this.#hasOpenChanged) this.#readOpen(snapshot);
    if (this.#haveReplacersChanged) this.#readReplacers(snapshot);
    for (const name of this.#peers.refresh()) this.#stir(name);
    const model = this.#model(snapshot);
    this.#review(model);
    return model;
  }

  #model(snapshot: ClusterSnapshot): Model {
    return {
      snapshot,
      hosts: this.#hosts,
      open: this.#index.open,
      index: this.#index,
      untouchable: this.#untouchable,
      absent: this.#absent,
      obscure: this.#garbled.machines,
      assigned: this.#assigned.sets,
      candidates: this.#candidates,
      tallies: this.#tallies,
      peers: this.#peers,
      replacements: this.#replacements,
      restless: this.#restless,
      failing: this.#failing,
      orphans: this.#orphans,
    };
  }

  #readCorrupt({ corrupt }: ClusterSnapshot): void {
    if (corrupt === this.#corrupt) return;
    const before = this.#garbled;
    this.#corrupt = corrupt;
    this.#garbled = readCorrupt(corrupt);
    for (const name of [...before.units.keys(), ...this.#garbled.units.keys()]) {
      this.#noteUntouchable(name);
      this.#stir(name);
    }
    for (const id of [...before.machines, ...this.#garbled.machines]) this.#noteAbsence(id);
  }

  #readPolicy({ policy }: ClusterSnapshot): void {
    const placement = policy?.placement ?? null;
    if (placement !== this.#placement) this.#hasOpenChanged = true;
    this.#placement = placement;
  }

  #noteUntouchable(name: string): void {
    const why = this.#unreadable.get(name) ?? this.#garbled.units.get(name);
    if (why === undefined) this.#untouchable.delete(name);
    else this.#untouchable.set(name, why);
  }

  #noteAbsence(id: string): void {
    const isThere = this.#hosts.has(id) || this.#garbled.machines.has(id);
    if (!isThere && this.#assigned.sets.has(id)) this.#absent.add(id);
    else this.#absent.delete(id);
  }

  #readMachine(snapshot: ClusterSnapshot, id: string): void {
    const machine = snapshot.machines.get(id);
    const host = this.#hosts.get(id);
    if (machine === undefined) {
      if (host === undefined) return;
      for (const name of host.residents.keys()) vacate(host, name);
      host.rank = -1;
      this.#hosts.delete(id);
    } else if (host === undefined) {
      this.#hosts.set(id, emptyHost(machine, { index: this.#index, tallies: this.#tallies }));
    }
    this.#hasOpenChanged = true;
    this.#noteAbsence(id);
    const now = this.#hosts.get(id);
    if (machine !== undefined && now !== undefined) {
      now.metadata = effectiveMetadata(machine, snapshot.settings.get(id));
      now.ledger = ledgerOf(machine, now);
      this.#tallies.metadataChanged();
    }
    for (const name of this.#known.of(id)) {
      this.#readPlace(snapshot, name, id);
      this.#stir(name);
    }
    for (const name of this.#globals) this.#stir(name);
  }

  /** Files make units readable, or unreadable when they are gone, and tell what runs with them still. */
  #readFiles(snapshot: ClusterSnapshot, changed: ReadonlySet<string>): void {
    if (changed.size === 0) return;
    const { units, files } = snapshot;
    const areSomeGone = [...changed].some((hash) => !files.has(hash));
    for (const name of areSomeGone ? units.keys() : this.#unreadable.keys()) {
      if (changed.has(units.get(name)?.hash ?? '')) this.#readUnit(snapshot, name);
    }
    const outdated = [...this.#outdated];
    this.#outdated.clear();
    for (const name of outdated) this.#readPlaces(snapshot, name);
  }

  #readUnit(snapshot: ClusterSnapshot, name: string): void {
    const unit = snapshot.units.get(name);
    this.#peers.setWanted(name, unit !== undefined && unit.desiredState !== 'inactive');
    const read = unit === undefined ? undefined : readCandidate(unit, snapshot, this.#cache);
    if (unit === undefined) this.#cache.delete(name);
    if (typeof read === 'string') this.#unreadable.set(name, read);
    else this.#unreadable.delete(name);
    this.#noteUntouchable(name);
    this.#stir(name);
    const candidate = typeof read === 'string' ? undefined : read;
    // The same content then, which nobody knows of one that cannot be read.
    if (candidate !== undefined && candidate === this.#candidates.get(name)) return;
    this.#setCandidate(name, candidate);
    this.#readPlaces(snapshot, name);
  }

  #readPlaces(snapshot: ClusterSnapshot, name: string): void {
    this.#read.add(name);
    const assignments = snapshot.assignments.get(name);
    for (const machine of assignments?.keys() ?? []) this.#readPlace(snapshot, name, machine);
    for (const machine of snapshot.states.get(name)?.keys() ?? []) {
      if (assignments?.has(machine) !== true) this.#readPlace(snapshot, name, machine);
    }
  }

  #setCandidate(name: string, candidate: Candidate | undefined): void {
    const before = this.#candidates.get(name);
    if (candidate === undefined) {
      this.#candidates.delete(name);
      this.#replacements.forget(name);
    } else this.#candidates.set(name, candidate);
    this.#peers.changed(name, before);
    if (candidate?.requirements.isGlobal === true) this.#globals.add(name);
    else this.#globals.delete(name);
    const replaces = (before?.replaces.length ?? 0) + (candidate?.replaces.length ?? 0);
    if (replaces > 0) this.#haveReplacersChanged = true;
  }

  #readSome(snapshot: ClusterSnapshot, name: string, machines: Iterable<string>): void {
    const isRead = this.#read.has(name);
    for (const machine of machines) {
      if (!isRead || !isKnownOn(snapshot, name, machine)) this.#readPlace(snapshot, name, machine);
    }
  }

  /** What a machine has of a unit. */
  #readPlace(snapshot: ClusterSnapshot, name: string, machine: string): void {
    const assignment = snapshot.assignments.get(name)?.get(machine);
    const state = snapshot.states.get(name)?.get(machine);
    this.#known.set(machine, name, assignment !== undefined || state !== undefined);
    this.#assigned.set(machine, name, assignment !== undefined);
    const host = this.#hosts.get(machine);
    if (host === undefined) return this.#noteAbsence(machine);
    const before = host.residents.get(name);
    const rivals = portRivals(host.ledger, name);
    noteWhatRuns(host, snapshot, { name, unit: this.#candidates.get(name) });
    if (hasOtherContent(snapshot, name, machine)) this.#outdated.add(name);
    // Who has a port, and who is up with it, is said by the machine as well.
    rivals.push(...portRivals(host.ledger, name));
    for (const rival of rivals) this.#stirred.add(rival);
    const now = host.residents.get(name);
    if (now !== before) this.#disturb(host, [before, now]);
  }

  /** Who is on a machine minds others that come, and may stay when they go. */
  #disturb(host: Host, changed: readonly (Candidate | undefined)[]): void {
    const isMinded = changed.some((unit) => unit !== undefined && unit.conflicts.length > 0);
    if (!isMinded && host.picky.size === 0) return;
    for (const name of host.residents.keys()) this.#stirred.add(name);
  }

  #readOpen(snapshot: ClusterSnapshot): void {
    const { machines } = snapshot;
    const isOpen = ({ id }: Host): boolean => machines.get(id)?.awaySince === null;
    const hosts = [...this.#hosts.values()];
    for (const host of hosts) host.rank = -1;
    this.#index.setOpen(
      hosts.filter(isOpen).sort((a, b) => (a.id < b.id ? -1 : 1)),
      { all: hosts.length, loadOf: loadScorer(snapshot) },
    );
    this.#hasOpenChanged = false;
  }

  #readReplacers({ units }: ClusterSnapshot): void {
    this.#replacements = new Replacements(this.#candidates);
    for (const name of units.keys()) this.#stirred.add(name);
    this.#haveReplacersChanged = false;
  }

  #stir(name: string): void {
    this.#stirred.add(name);
    this.#reported.add(name);
    for (const follower of this.#peers.followers.get(name) ?? []) this.#stirred.add(follower);
  }

  #review(model: Model): void {
    const { units, assignments, placements } = model.snapshot;
    for (const name of this.#stirred) {
      const unit = units.get(name);
      toggle(this.#restless, name, unit !== undefined && !isAtRest(model, unit));
      const isKnown = assignments.has(name) || placements.has(name);
      toggle(this.#orphans, name, unit === undefined && isKnown);
    }
    for (const name of this.#reported) toggle(this.#failing, name, isFailing(model, name));
    this.#stirred.clear();
    this.#reported.clear();
  }
}

function isKnownOn(
  { assignments, states }: ClusterSnapshot,
  name: string,
  machine: string,
): boolean {
  return assignments.get(name)?.has(machine) === true || states.get(name)?.has(machine) === true;
}

function toggle<T>(set: Set<T>, item: T, isIn: boolean): void {
  if (isIn) set.add(item);
  else set.delete(item);
}
