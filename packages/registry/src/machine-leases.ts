import type { LeaseAge, MachineLeases } from '@muster/core';
import type { Keys } from './keys.ts';
import { get, oneKey } from './store.ts';
import type { Store } from './store.ts';

/** etcd's limit of operations in one transaction. */
const getsPerTxn = 128;
/** Reads that are under way at once. */
const abreast = 32;

/** Looks at the leases that machines keep their presence on. Nothing is remembered. */
export class StoreMachineLeases implements MachineLeases {
  readonly #store: Store;
  readonly #keys: Keys;

  constructor(store: Store, keys: Keys) {
    this.#store = store;
    this.#keys = keys;
  }

  async ages(machines: readonly string[]): Promise<ReadonlyMap<string, LeaseAge>> {
    const ages = new Map<string, LeaseAge>();
    for (let i = 0; i < machines.length; i += getsPerTxn) {
      const leases = await this.#leasesOf(machines.slice(i, i + getsPerTxn));
      for (let j = 0; j < leases.length; j += abreast) {
        await Promise.all(
          leases.slice(j, j + abreast).map(async ({ machine, lease }) => {
            const left = await this.#store.leaseLeft(lease);
            if (left !== null) ages.set(machine, left);
          }),
        );
      }
    }
    return ages;
  }

  async #leasesOf(
    machines: readonly string[],
  ): Promise<{ readonly machine: string; readonly lease: string }[]> {
    const keys = machines.map((machine) => this.#keys.machine(machine));
    const { gets } = await this.#store.txn({ success: keys.map((key) => get(oneKey(key))) });
    return machines.flatMap((machine, i) => {
      const lease = gets[i]?.keys[0]?.lease ?? null;
      return lease === null ? [] : [{ machine, lease }];
    });
  }
}
