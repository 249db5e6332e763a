import type { Clock, Log } from '@muster/core';
import type { Present } from './assert-alone.ts';
import { encodePresence, parsePresence } from './codec.ts';
import type { Keys } from './keys.ts';
import type { MachineFacts } from './presence.ts';
import { get, oneKey } from './store.ts';
import type { Store } from './store.ts';

export interface OwnRecordOptions {
  readonly store: Store;
  readonly keys: Keys;
  readonly machineId: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** The record in the store that says that this machine is there. */
export class OwnRecord {
  readonly #options: OwnRecordOptions;

  constructor(options: OwnRecordOptions) {
    this.#options = options;
  }

  /** null: there is none. */
  async read(): Promise<Present | null> {
    const { store, keys, machineId, log } = this.#options;
    const key = keys.machine(machineId);
    const { gets } = await store.txn({ success: [get(oneKey(key))] });
    const stored = gets[0]?.keys[0];
    if (stored === undefined) return null;
    const parsed = parsePresence(machineId, stored);
    if (parsed.type === 'parsed') return { stored, record: parsed.record };
    log.warn({ key, problem: parsed.problem }, 'the record of this machine does not parse');
    return { stored, record: null };
  }

  /**
   * Writes these facts under the session that has the record; nothing when they are there.
   * @param seen — what is stored; null: not known
   * @returns false: the record is not on this session's lease, or was changed meanwhile
   */
  async write(
    { lease, token }: { readonly lease: string; readonly token: string },
    machine: MachineFacts,
    seen: Present | null,
  ): Promise<boolean> {
    const { store, keys, machineId, clock } = this.#options;
    const key = keys.machine(machineId);
    const present = seen ?? (await this.read());
    const at = present?.record?.machine.at;
    const facts = { ...machine, awaySince: null };
    const unchanged = encodePresence({ ...facts, ...(at === undefined ? {} : { at }) }, token);
    if (present?.stored.value === unchanged) return true;
    const value = encodePresence({ ...facts, at: clock.now() }, token);
    const { succeeded, gets } = await store.txn({
      compare: [
        { target: 'lease', key, equals: lease },
        // One that was not answered may arrive after a later one.
        { target: 'mod', key, equals: present?.stored.modRevision ?? 0 },
      ],
      success: [{ type: 'put', key, value, lease }],
      failure: [get(oneKey(key))],
    });
    // The put may have been applied by an attempt whose answer was lost.
    return succeeded || (gets[0]?.keys[0]?.value === value && gets[0].keys[0].lease === lease);
  }
}
