import type {
  ClusterView,
  History,
  Log,
  LossWrite,
  Machine,
  MachineSettings,
  Policy,
  Rebalance,
  Unit,
  UnitDetail,
  UnitRegistry,
  UnitWrite,
  UnitWriteResult,
} from '@muster/core';
import { StoreUnavailableError } from '@muster/core';
import { writeChanges } from './changes.ts';
import type { Change, Outcome } from './changes.ts';
import type { SharedView } from './cluster-view.ts';
import {
  encodeLoss,
  encodePolicy,
  encodeSettings,
  encodeUnit,
  parseAssignment,
  parsePlacement,
  parsePresence,
  parseState,
  parseUnit,
} from './codec.ts';
import { encodeRebalance } from './rebalance-codec.ts';
import type { Parsed } from './fields.ts';
import type { StoreGuard } from './guard.ts';
import type { Keys } from './keys.ts';
import { newNonce } from './nonce.ts';
import { CompactedError, get, oneKey } from './store.ts';
import type { Delete, Page, Put, Store, StoredKey } from './store.ts';

export interface UnitRegistryOptions {
  readonly store: Store;
  readonly guard: StoreGuard;
  readonly keys: Keys;
  readonly view: SharedView;
  readonly history: History;
  readonly log: Log;
}

const getsPerTxn = 100;
/** A read at a fixed revision can be overtaken by a compaction; three in a row cannot. */
const maxDetailAttempts = 3;

/** The API's side of the store. */
export class StoreUnitRegistry implements UnitRegistry {
  readonly history: History;
  readonly #options: UnitRegistryOptions;

  constructor(options: UnitRegistryOptions) {
    this.#options = options;
    this.history = options.history;
  }

  async units(
    names: readonly string[],
  ): Promise<ReadonlyMap<string, { readonly unit: Unit; readonly file: string | null }>> {
    await this.#options.guard.ensure();
    const { keys } = this.#options;
    const wanted = [...new Set(names)];
    const found = await this.#read(wanted.map((name) => keys.unit(name)));
    const units = wanted.flatMap((name) => {
      const unit = this.#parse(found.get(keys.unit(name)), (stored) => parseUnit(name, stored));
      return unit === null ? [] : [unit];
    });
    const hashes = [...new Set(units.map((unit) => unit.hash))];
    const files = await this.#read(hashes.map((hash) => keys.file(hash)));
    return new Map(
      units.map((unit) => {
        const file = files.get(keys.file(unit.hash))?.value ?? null;
        return [unit.name, { unit, file }];
      }),
    );
  }

  async detail(name: string): Promise<UnitDetail | null> {
    await this.#options.guard.ensure();
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#detail(name);
      } catch (error) {
        if (!(error instanceof CompactedError) || attempt === maxDetailAttempts) throw error;
      }
    }
  }

  async write(writes: readonly UnitWrite[]): Promise<readonly UnitWriteResult[]> {
    const { keys } = this.#options;
    const outcomes = await this.#write(writes.map((write) => toChange(keys, write)));
    return outcomes.map(toResult);
  }

  async machine(id: string): Promise<Machine | null> {
    await this.#options.guard.ensure();
    const key = this.#options.keys.machine(id);
    const found = await this.#read([key]);
    return this.#parse(found.get(key), (stored) => parsePresence(id, stored))?.machine ?? null;
  }

  async writeSettings(
    settings: Omit<MachineSettings, 'modRevision'>,
    expect: number,
  ): Promise<UnitWriteResult> {
    const nonce = newNonce();
    const key = this.#options.keys.settings(settings.machine);
    return this.#put(key, encodeSettings(settings, nonce), { expect, nonce });
  }

  async writeLosses(losses: readonly LossWrite[]): Promise<readonly UnitWriteResult[]> {
    const { keys } = this.#options;
    const outcomes = await this.#write(losses.map((write) => toLossChange(keys, write)));
    return outcomes.map(toResult);
  }

  async writePolicy(policy: Omit<Policy, 'modRevision'>, expect: number): Promise<UnitWriteResult> {
    const nonce = newNonce();
    return this.#put(this.#options.keys.policy, encodePolicy(policy, nonce), { expect, nonce });
  }

  async writeRebalance(
    rebalance: Omit<Rebalance, 'modRevision'> | null,
    expect: number,
  ): Promise<UnitWriteResult> {
    const key = this.#options.keys.rebalance;
    if (rebalance !== null) {
      const nonce = newNonce();
      return this.#put(key, encodeRebalance(rebalance, nonce), { expect, nonce });
    }
    const [outcome] = await this.#write([
      { expect: new Map([[key, expect]]), ops: [{ type: 'delete', key }], nonce: null },
    ]);
    if (outcome === undefined) throw swapped();
    return toResult(outcome);
  }

  cluster(): Promise<ClusterView> {
    return this.#options.view.open();
  }

  /** One record, if it is as expected. */
  async #put(
    key: string,
    value: string,
    { expect, nonce }: { readonly expect: number; readonly nonce: string },
  ): Promise<UnitWriteResult> {
    const [outcome] = await this.#write([
      {
        expect: new Map([[key, expect]]),
        ops: [{ type: 'put', key, value, lease: null }],
        nonce,
      },
    ]);
    if (outcome === undefined) throw swapped();
    return toResult(outcome);
  }

  async #write(changes: readonly Change[]): Promise<readonly Outcome[]> {
    const { store, guard, keys } = this.#options;
    await guard.ensure();
    const fence = guard.fence();
    const outcomes = await writeChanges({ store, fence, auditKey: keys.audit, changes });
    // Says what is wrong with the store, in an error.
    if (outcomes.some(({ type }) => type === 'fenced')) await guard.verify();
    return outcomes;
  }

  async #detail(name: string): Promise<UnitDetail | null> {
    const { store, keys } = this.#options;
    const head = await store.txn({
      success: [get(oneKey(keys.unit(name))), get(oneKey(keys.placement(name)))],
    });
    const unit = this.#parse(head.gets[0]?.keys[0], (stored) => parseUnit(name, stored));
    if (unit === null) return null;
    const placement = this.#parse(head.gets[1]?.keys[0], (s) => parsePlacement(name, s));
    const machines = placement?.machines.map(({ machine }) => machine) ?? [];
    const { revision } = head;
    const found = await this.#read(
      [
        keys.file(unit.hash),
        ...machines.map((machine) => keys.assignment(machine, name)),
        ...machines.map((machine) => keys.state(machine, name)),
      ],
      revision,
    );
    const each = <T>(
      key: (machine: string, unit: string) => string,
      parse: (at: { machine: string; unit: string }, stored: StoredKey) => Parsed<T>,
    ): T[] =>
      machines.flatMap((machine) => {
        const at = { machine, unit: name };
        const record = this.#parse(found.get(key(machine, name)), (stored) => parse(at, stored));
        return record === null ? [] : [record];
      });
    return {
      revision,
      unit,
      file: found.get(keys.file(unit.hash))?.value ?? null,
      failures: placement?.failures ?? null,
      assignments: each((m, u) => keys.assignment(m, u), parseAssignment),
      states: each((m, u) => keys.state(m, u), parseState),
    };
  }

  /** Point reads. Without `revision`, keys beyond the first hundred may be newer than the others. */
  async #read(keys: readonly string[], revision?: number): Promise<Map<string, StoredKey>> {
    const { store } = this.#options;
    const at = revision === undefined ? {} : { revision };
    const pages: Page[] = [];
    for (let i = 0; i < keys.length; i += getsPerTxn) {
      const chunk = keys.slice(i, i + getsPerTxn);
      const { gets } = await store.txn({ success: chunk.map((key) => get(oneKey(key), at)) });
      pages.push(...gets);
    }
    return new Map(pages.flatMap((page) => page.keys.map((stored) => [stored.key, stored])));
  }

  #parse<T>(stored: StoredKey | undefined, parse: (stored: StoredKey) => Parsed<T>): T | null {
    if (stored === undefined) return null;
    const parsed = parse(stored);
    if (parsed.type === 'parsed') return parsed.record;
    const { key } = stored;
    const { problem } = parsed;
    this.#options.log.warn({ key, problem }, 'a record in etcd does not parse; it is left alone');
    return null;
  }
}

function toChange(keys: Keys, { name, expect, set, destroyedBy }: UnitWrite): Change {
  const key = keys.unit(name);
  const expected = new Map([[key, expect]]);
  if (set === null) {
    const destroy: Change = { expect: expected, ops: [{ type: 'delete', key }], nonce: null };
    if (destroyedBy === undefined) return destroy;
    return { ...destroy, audit: [{ type: 'destroyed', unit: name, origin: destroyedBy }] };
  }
  const nonce = newNonce();
  const ops: (Put | Delete)[] = [
    { type: 'put', key: keys.file(set.hash), value: set.file, lease: null },
    { type: 'put', key, value: encodeUnit(set, nonce), lease: null },
  ];
  return { expect: expected, ops, nonce };
}

/** Only a machine that is absent can be lost. */
function toLossChange(keys: Keys, { loss, expect }: LossWrite): Change {
  const key = keys.loss(loss.machine);
  const nonce = newNonce();
  return {
    expect: new Map([
      [keys.machine(loss.machine), 0],
      [key, expect],
    ]),
    ops: [{ type: 'put', key, value: encodeLoss(loss, nonce), lease: null }],
    nonce,
  };
}

function toResult(outcome: Outcome): UnitWriteResult {
  if (outcome.type === 'fenced') throw swapped();
  return outcome;
}

function swapped(): StoreUnavailableError {
  return new StoreUnavailableError('etcd: the cluster record changed while units were written');
}
