import type {
  Assignment,
  Brake,
  ClusterSnapshot,
  CorruptRecord,
  Leader,
  Loss,
  Machine,
  MachineSettings,
  Placement,
  Policy,
  Rebalance,
  Revision,
  Unit,
  UnitState,
} from '@muster/core';
import {
  parseAssignment,
  parseBrake,
  parseLeader,
  parseLoss,
  parsePlacement,
  parsePolicy,
  parsePresence,
  parseSettings,
  parseState,
  parseUnit,
} from './codec.ts';
import { parseRebalance } from './rebalance-codec.ts';
import type { Parsed } from './fields.ts';
import type { KeyPath, Keys } from './keys.ts';
import type { Change } from './difference.ts';
import type { StoredKey } from './store.ts';

type Nested<T> = Map<string, Map<string, T>>;

/** The cluster's records, decoded as they change. The maps of a snapshot are these, alive. */
export class ClusterModel {
  readonly #keys: Keys;
  readonly #units = new Map<string, Unit>();
  readonly #files = new Map<string, string>();
  readonly #fileRevisions = new Map<string, Revision>();
  readonly #machines = new Map<string, Machine>();
  readonly #settings = new Map<string, MachineSettings>();
  readonly #placements = new Map<string, Placement>();
  readonly #assignments: Nested<Assignment> = new Map();
  readonly #states: Nested<UnitState> = new Map();
  readonly #problems = new Map<string, string>();
  readonly #losses = new Map<string, Loss>();
  #leader: Leader | null = null;
  #brake: Brake | null = null;
  #policy: Policy | null = null;
  #rebalance: Rebalance | null = null;
  #corrupt: readonly CorruptRecord[] = [];

  constructor(keys: Keys) {
    this.#keys = keys;
  }

  snapshot(revision: Revision, clusterId: string): ClusterSnapshot {
    return {
      revision,
      clusterId,
      units: this.#units,
      files: this.#files,
      fileRevisions: this.#fileRevisions,
      machines: this.#machines,
      settings: this.#settings,
      placements: this.#placements,
      assignments: this.#assignments,
      states: this.#states,
      leader: this.#leader,
      brake: this.#brake,
      policy: this.#policy,
      rebalance: this.#rebalance,
      losses: this.#losses,
      corrupt: this.#corrupt,
    };
  }

  /** @returns records that have become corrupt */
  apply(changes: readonly Change[]): readonly CorruptRecord[] {
    const corrupt: CorruptRecord[] = [];
    let hadProblem = false;
    for (const { key, stored } of changes) {
      hadProblem = this.#problems.delete(key) || hadProblem;
      const problem = this.#put(this.#keys.path(key), stored);
      if (problem === null) continue;
      this.#problems.set(key, problem);
      corrupt.push({ key, problem });
    }
    if (hadProblem || corrupt.length > 0) {
      this.#corrupt = [...this.#problems]
        .map(([key, problem]) => ({ key, problem }))
        .sort((a, b) => (a.key < b.key ? -1 : 1));
    }
    return corrupt;
  }

  #put(path: KeyPath, stored: StoredKey | null): string | null {
    switch (path.type) {
      case 'unit':
        return put(this.#units, path.unit, stored && parseUnit(path.unit, stored));
      case 'placement':
        return put(this.#placements, path.unit, stored && parsePlacement(path.unit, stored));
      case 'machine':
        return put(this.#machines, path.machine, stored && parseMachine(path.machine, stored));
      case 'settings':
        return put(this.#settings, path.machine, stored && parseSettings(path.machine, stored));
      case 'assignment':
        return putNested(this.#assignments, path, stored && parseAssignment(path, stored));
      case 'state':
        return putNested(this.#states, path, stored && parseState(path, stored));
      case 'file':
        this.#putFile(path.hash, stored);
        return null;
      case 'loss':
        return put(this.#losses, path.machine, stored && parseLoss(path.machine, stored));
      case 'leader':
        return this.#putLeader(stored);
      case 'brake':
        return this.#putBrake(stored);
      case 'policy':
        return this.#putPolicy(stored);
      case 'rebalance':
        return this.#putRebalance(stored);
      case 'cluster':
      case 'audit':
      case 'told':
      case 'unknown':
        return null;
    }
  }

  #putFile(hash: string, stored: StoredKey | null): void {
    if (stored === null) {
      this.#files.delete(hash);
      this.#fileRevisions.delete(hash);
    } else {
      this.#files.set(hash, stored.value);
      this.#fileRevisions.set(hash, stored.modRevision);
    }
  }

  #putLeader(stored: StoredKey | null): string | null {
    const parsed = stored && parseLeader(stored);
    this.#leader = parsed?.type === 'parsed' ? parsed.record : null;
    return parsed?.type === 'malformed' ? parsed.problem : null;
  }

  #putBrake(stored: StoredKey | null): string | null {
    const parsed = stored && parseBrake(stored);
    this.#brake = parsed?.type === 'parsed' ? parsed.record : null;
    return parsed?.type === 'malformed' ? parsed.problem : null;
  }

  #putPolicy(stored: StoredKey | null): string | null {
    const parsed = stored && parsePolicy(stored);
    this.#policy = parsed?.type === 'parsed' ? parsed.record : null;
    return parsed?.type === 'malformed' ? parsed.problem : null;
  }

  #putRebalance(stored: StoredKey | null): string | null {
    const parsed = stored && parseRebalance(stored);
    this.#rebalance = parsed?.type === 'parsed' ? parsed.record : null;
    return parsed?.type === 'malformed' ? parsed.problem : null;
  }
}

function parseMachine(id: string, stored: StoredKey): Parsed<Machine> {
  const parsed = parsePresence(id, stored);
  return parsed.type === 'malformed' ? parsed : { type: 'parsed', record: parsed.record.machine };
}

/** @returns what is wrong with the record; null when nothing is */
function put<T>(map: Map<string, T>, name: string, parsed: Parsed<T> | null): string | null {
  if (parsed?.type === 'parsed') map.set(name, parsed.record);
  else map.delete(name);
  return parsed?.type === 'malformed' ? parsed.problem : null;
}

function putNested<T>(
  maps: Nested<T>,
  { unit, machine }: { readonly unit: string; readonly machine: string },
  parsed: Parsed<T> | null,
): string | null {
  const inner = maps.get(unit) ?? new Map<string, T>();
  const problem = put(inner, machine, parsed);
  if (inner.size === 0) maps.delete(unit);
  else maps.set(unit, inner);
  return problem;
}
