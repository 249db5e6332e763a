import { isHeld, StoreUnavailableError } from '@muster/core';
import type {
  AgentRegistry,
  AgentSnapshot,
  Assignment,
  Clock,
  LeaseTerm,
  Log,
  MachineSettings,
  StateReport,
  Unsubscribe,
} from '@muster/core';
import { parseAssignment, parseSettings } from './codec.ts';
import type { Contact } from './contact.ts';
import type { StoreGuard } from './guard.ts';
import type { Keys } from './keys.ts';
import { Keyspace } from './keyspace.ts';
import type { Change } from './difference.ts';
import { Listeners } from './listeners.ts';
import type { Presence } from './presence.ts';
import { StateWriter } from './state-writer.ts';
import { get, oneKey } from './store.ts';
import type { Store, StoredKey } from './store.ts';

export interface AgentRegistryOptions {
  readonly store: Store;
  readonly guard: StoreGuard;
  readonly keys: Keys;
  readonly machineId: string;
  readonly presence: Presence;
  readonly contact: Pick<Contact, 'onRevision'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Everything was read anew. */
  readonly onRead?: () => void;
}

const filesPerTxn = 50;

/** The agent's side of the store: its own assignments and settings, watched; states, written. */
export class StoreAgentRegistry implements AgentRegistry {
  readonly #options: AgentRegistryOptions;
  readonly #keyspace: Keyspace;
  readonly #states: StateWriter;
  readonly #changed = new Listeners();
  readonly #assignments = new Map<string, Assignment>();
  readonly #unreadable = new Set<string>();
  #settings: MachineSettings | null = null;
  #snapshot: AgentSnapshot | null = null;
  #term: LeaseTerm | null = null;
  /** The reading of the keyspace before which its picture may be older than our absence. */
  #needed = 0;

  constructor(options: AgentRegistryOptions) {
    this.#options = options;
    this.#states = new StateWriter(options);
    const { keys, machineId, guard, presence } = options;
    this.#keyspace = new Keyspace({
      ...options,
      ranges: [
        oneKey(keys.cluster),
        keys.assignmentsOf(machineId),
        oneKey(keys.settings(machineId)),
      ],
      clusterKey: keys.cluster,
      apply: (changes) => this.#apply(changes),
    });
    const changed = (): void => this.#changed.call();
    this.#keyspace.onChange(changed);
    guard.onChange(changed);
    presence.listeners.onLease((term) => this.#hold(term));
    presence.onChange(() => {
      // What was taken away while this machine was absent has to be known before it is trusted.
      if (this.#isBehind()) this.#keyspace.resync();
      changed();
    });
  }

  start(): void {
    this.#keyspace.start();
  }

  close(): Promise<void> {
    return this.#keyspace.close();
  }

  snapshot(): AgentSnapshot {
    this.#options.guard.assertTrusted();
    const { revision } = this.#keyspace;
    if (revision === 0) {
      throw new StoreUnavailableError('etcd: the assignments have never been read completely');
    }
    if (this.#snapshot?.revision !== revision) {
      this.#snapshot = {
        revision,
        assignments: [...this.#assignments.values()].sort((a, b) => (a.unit < b.unit ? -1 : 1)),
        settings: this.#settings,
        unreadable: [...this.#unreadable].sort(),
      };
    }
    return this.#snapshot;
  }

  onChange(listener: () => void): Unsubscribe {
    return this.#changed.add(listener);
  }

  async unitFiles(hashes: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { store, keys } = this.#options;
    const files = new Map<string, string>();
    const wanted = [...new Set(hashes)];
    for (let i = 0; i < wanted.length; i += filesPerTxn) {
      const chunk = wanted.slice(i, i + filesPerTxn);
      const { gets } = await store.txn({
        success: chunk.map((hash) => get(oneKey(keys.file(hash)))),
      });
      for (const [n, hash] of chunk.entries()) {
        const stored = gets[n]?.keys[0];
        if (stored !== undefined) files.set(hash, stored.value);
      }
    }
    return files;
  }

  session(): string | null {
    return this.#options.presence.session();
  }

  lease(): LeaseTerm | null {
    return this.#isBehind() ? null : this.#options.presence.lease();
  }

  onLease(listener: (term: LeaseTerm) => void): Unsubscribe {
    return this.#options.presence.listeners.onLease(listener);
  }

  beforeLease(listener: (term: LeaseTerm) => Promise<void>): Unsubscribe {
    return this.#options.presence.listeners.beforeLease(listener);
  }

  async publishedUnits(): Promise<readonly string[]> {
    this.#options.guard.assertTrusted();
    return this.#states.units();
  }

  async publishStates(reports: ReadonlyMap<string, StateReport | null>): Promise<void> {
    this.#options.guard.assertTrusted();
    await this.#states.publish(reports);
  }

  /** A watch may bring one by one what was told while nobody renewed the lease. */
  #hold(term: LeaseTerm): void {
    const before = this.#term;
    this.#term = term;
    if (before !== null && !isHeld(before, term.sentAt)) this.#needed = this.#keyspace.resync();
  }

  #isBehind(): boolean {
    const registeredAt = this.#options.presence.registeredAt();
    const isOlder = registeredAt !== null && this.#keyspace.completeTo < registeredAt;
    return isOlder || !this.#keyspace.hasRead(this.#needed);
  }

  #apply(changes: readonly Change[]): void {
    this.#snapshot = null;
    for (const { key, stored } of changes) {
      const path = this.#options.keys.path(key);
      if (path.type === 'assignment') this.#putAssignment(path, key, stored);
      if (path.type === 'settings') this.#putSettings(path.machine, key, stored);
    }
  }

  #putAssignment(
    path: { readonly machine: string; readonly unit: string },
    key: string,
    stored: StoredKey | null,
  ): void {
    this.#unreadable.delete(path.unit);
    this.#assignments.delete(path.unit);
    if (stored === null) return;
    const parsed = parseAssignment(path, stored);
    if (parsed.type === 'parsed') this.#assignments.set(path.unit, parsed.record);
    else {
      this.#unreadable.add(path.unit);
      this.#report(key, parsed.problem);
    }
  }

  #putSettings(machine: string, key: string, stored: StoredKey | null): void {
    const parsed = stored === null ? null : parseSettings(machine, stored);
    // Settings that do not parse change nothing: the last ones that did hold.
    if (parsed?.type === 'malformed') this.#report(key, parsed.problem);
    else this.#settings = parsed?.record ?? null;
  }

  #report(key: string, problem: string): void {
    this.#options.log.warn({ key, problem }, 'a record in etcd does not parse; it is left alone');
  }
}
