import { StoreUnavailableError } from '@muster/core';
import type { Revision, StateReport } from '@muster/core';
import { encodeState } from './codec.ts';
import type { Keys } from './keys.ts';
import { newNonce } from './nonce.ts';
import type { Presence } from './presence.ts';
import { get, LeaseGoneError, oneKey } from './store.ts';
import type { Delete, Get, Page, Put, Store } from './store.ts';

export interface StateWriterOptions {
  readonly store: Store;
  readonly keys: Keys;
  readonly machineId: string;
  readonly presence: Pick<Presence, 'session' | 'doubt'>;
}

/** What this process wrote last, which the next write of states has to follow. */
interface Last {
  readonly lease: string;
  readonly revision: Revision;
}

const statesPerTxn = 100;

/**
 * Writes the states of this machine, in order: each write changes the key `told/<machine>` and
 * compares what the one before left there. One that was given up, and arrives after another, is
 * refused.
 */
export class StateWriter {
  readonly #options: StateWriterOptions;
  /** null: a write was not answered, or there was none yet. */
  #last: Last | null = null;

  constructor(options: StateWriterOptions) {
    this.#options = options;
  }

  /** See AgentRegistry.publishedUnits. */
  async units(): Promise<readonly string[]> {
    const { keys, machineId } = this.#options;
    const lease = this.#session();
    const [page] = await this.#begin(lease, [get(keys.statesOf(machineId))]);
    return (page?.keys ?? []).flatMap(({ key }) => {
      const path = keys.path(key);
      return path.type === 'state' ? [path.unit] : [];
    });
  }

  /** See AgentRegistry.publishStates. */
  async publish(reports: ReadonlyMap<string, StateReport | null>): Promise<void> {
    const { keys, machineId } = this.#options;
    const lease = this.#session();
    const ops = [...reports].map(([unit, report]): Put | Delete => {
      const key = keys.state(machineId, unit);
      if (report === null) return { type: 'delete', key };
      return { type: 'put', key, value: encodeState(report), lease };
    });
    // Of no states: what was sent before has arrived by then, or is refused.
    if (this.#last?.lease !== lease) await this.#begin(lease, []);
    for (let i = 0; i < ops.length; i += statesPerTxn) {
      await this.#write(lease, ops.slice(i, i + statesPerTxn));
    }
  }

  #session(): string {
    const lease = this.#options.presence.session();
    if (lease !== null) return lease;
    throw new StoreUnavailableError('this machine is not registered in etcd now');
  }

  /** Whatever came before. */
  #begin(lease: string, reads: readonly Get[]): Promise<readonly Page[]> {
    this.#last = null;
    return this.#write(lease, reads);
  }

  /** @returns what its reads found */
  async #write(lease: string, ops: readonly (Put | Delete | Get)[]): Promise<readonly Page[]> {
    const { store, keys, machineId, presence } = this.#options;
    const last = this.#last;
    this.#last = null;
    const key = keys.told(machineId);
    const value = JSON.stringify({ nonce: newNonce() });
    const reads = ops.filter((op) => op.type === 'get');
    const result = await store
      .txn({
        compare: [
          { target: 'lease', key: keys.machine(machineId), equals: lease },
          ...(last === null ? [] : [{ target: 'mod' as const, key, equals: last.revision }]),
        ],
        success: [...ops, { type: 'put', key, value, lease }],
        failure: [get(oneKey(key)), ...reads],
      })
      .catch((error: unknown) => {
        if (error instanceof LeaseGoneError) return null;
        throw error;
      });
    // An attempt may have been applied whose answer was lost.
    const found = result?.succeeded === false ? result.gets[0]?.keys[0] : undefined;
    if (result === null || (!result.succeeded && found?.value !== value)) {
      presence.doubt();
      throw new StoreUnavailableError(
        `the presence of ${machineId} in etcd is no longer ours, or somebody else writes its states`,
      );
    }
    this.#last = { lease, revision: found?.modRevision ?? result.revision };
    return result.succeeded ? result.gets : result.gets.slice(1);
  }
}
