import { StoreUnavailableError } from '@muster/core';
import type { Revision, StateReport } from '@muster/core';
import { encodeState } from './codec.ts';
import type { Keys } from './keys.ts';
import type { Presence } from './presence.ts';
import { get, LeaseGoneError, oneKey } from './store.ts';
import type { Compare, Delete, Put, Store, TxnResult } from './store.ts';

export interface StateWriterOptions {
  readonly store: Store;
  readonly keys: Keys;
  readonly machineId: string;
  readonly presence: Pick<Presence, 'session' | 'doubt'>;
}

/** Each is compared and written, and the presence is compared as well: etcd takes 128 of a kind. */
const statesPerTxn = 100;

/** What the store has of this machine's states, as it was last read or written. */
interface Known {
  readonly lease: string;
  /** Unit → mod revision. */
  readonly revisions: Map<string, Revision>;
}

/**
 * Writes this machine's states. Each write compares what the one before left, so that one which was
 * given up and arrives after later ones is refused.
 */
export class StateWriter {
  readonly #options: StateWriterOptions;
  /** null: it has to be read before anything is written. */
  #known: Known | null = null;

  constructor(options: StateWriterOptions) {
    this.#options = options;
  }

  /** Units that the store has a state of. @throws {StoreUnavailableError} */
  async units(): Promise<readonly string[]> {
    const { store, keys, machineId, presence } = this.#options;
    const lease = presence.session();
    this.#known = null;
    const { gets } = await store.txn({ success: [get(keys.statesOf(machineId))] });
    const revisions = new Map(
      (gets[0]?.keys ?? []).flatMap(({ key, modRevision }): [string, Revision][] => {
        const path = keys.path(key);
        return path.type === 'state' ? [[path.unit, modRevision]] : [];
      }),
    );
    if (lease !== null) this.#known = { lease, revisions };
    return [...revisions.keys()];
  }

  /** @throws {StoreUnavailableError} what was written is then not known */
  async write(reports: ReadonlyMap<string, StateReport | null>): Promise<void> {
    const lease = this.#options.presence.session();
    if (lease === null) {
      throw new StoreUnavailableError('this machine is not registered in etcd now');
    }
    if (this.#known?.lease !== lease) await this.units();
    const all = [...reports];
    for (let i = 0; i < all.length; i += statesPerTxn) {
      await this.#writeBatch(all.slice(i, i + statesPerTxn), lease);
    }
  }

  async #writeBatch(
    batch: readonly (readonly [string, StateReport | null])[],
    lease: string,
  ): Promise<void> {
    const { store, keys, machineId, presence } = this.#options;
    const known = this.#known;
    if (known?.lease !== lease)
      throw new StoreUnavailableError('the session of this machine ended');
    // Until this one is answered, nobody knows what the store has.
    this.#known = null;
    const own = keys.machine(machineId);
    const compare = batch.map(([unit]): Compare => ({
      target: 'mod',
      key: keys.state(machineId, unit),
      equals: known.revisions.get(unit) ?? 0,
    }));
    const success = batch.map(([unit, report]): Put | Delete => {
      const key = keys.state(machineId, unit);
      if (report === null) return { type: 'delete', key };
      return { type: 'put', key, value: encodeState(report), lease };
    });
    const result = await store
      .txn({
        compare: [{ target: 'lease', key: own, equals: lease }, ...compare],
        success,
        failure: [get(oneKey(own))],
      })
      .catch((error: unknown) => {
        if (error instanceof LeaseGoneError) return null;
        throw error;
      });
    if (result === null || isTaken(result, lease)) {
      presence.doubt();
      throw new StoreUnavailableError(`the presence of ${machineId} in etcd is no longer ours`);
    }
    if (!result.succeeded) {
      throw new StoreUnavailableError(`states of ${machineId} in etcd are not those it wrote last`);
    }
    for (const [unit, report] of batch) {
      if (report === null) known.revisions.delete(unit);
      else known.revisions.set(unit, result.revision);
    }
    this.#known = known;
  }
}

/** Whether a write was refused because the presence is not on our lease any more. */
function isTaken({ succeeded, gets }: TxnResult, lease: string): boolean {
  return !succeeded && gets[0]?.keys[0]?.lease !== lease;
}
