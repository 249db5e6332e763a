import { backoffMs, linkSignals, StoreUntrustedError } from '@muster/core';
import type { Campaign, Clock, Leadership, Log } from '@muster/core';
import { encodeLeader, parseLeader } from './codec.ts';
import type { StoreGuard } from './guard.ts';
import type { Keys } from './keys.ts';
import { StoreLeadership } from './leadership.ts';
import { newNonce } from './nonce.ts';
import { sleepUnless } from './sleep.ts';
import { get, oneKey } from './store.ts';
import type { Store, StoredKey } from './store.ts';

export interface Candidate {
  readonly machine: string;
  readonly apiUrl: string | null;
  /** Of the leader's lease; etcd's minimum is about 2. Default 3. */
  readonly ttlSeconds?: number;
}

export interface CampaignOptions {
  readonly store: Store;
  readonly guard: StoreGuard;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Log;
  readonly candidate: Candidate;
  /** Aborts when the registry is closed: campaigns and leadership end. */
  readonly over: AbortSignal;
}

const defaultTtlSeconds = 3;
const maxRetryMs = 2000;
/** The watch says when the leader is gone; this is for the case that it lies. */
const pollMs = 30_000;
const untrustedMs = 5000;

/** Elections by create-if-absent on the `leader` key. A candidate that waits writes nothing. */
export class StoreCampaign implements Campaign {
  readonly #options: CampaignOptions;

  constructor(options: CampaignOptions) {
    this.#options = options;
  }

  async lead(stop: AbortSignal): Promise<Leadership | null> {
    const { signal, unlink } = linkSignals([stop, this.#options.over]);
    try {
      return await this.#campaign(signal);
    } finally {
      unlink();
    }
  }

  async #campaign(signal: AbortSignal): Promise<Leadership | null> {
    const { clock, log } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      try {
        const leadership = await this.#try(signal);
        failures = 0;
        if (leadership !== null) return leadership;
      } catch (error) {
        failures += 1;
        if (failures === 1)
          log.warn({ err: error }, 'cannot campaign for leadership, will try again');
        const isUntrusted = error instanceof StoreUntrustedError;
        await clock.sleep(isUntrusted ? untrustedMs : backoffMs(failures, 100, maxRetryMs), signal);
      }
    }
    return null;
  }

  /** null: somebody else led, and may be gone now. */
  async #try(signal: AbortSignal): Promise<Leadership | null> {
    const { store, keys, guard } = this.#options;
    await guard.verify();
    const { gets, revision } = await store.txn({ success: [get(oneKey(keys.leader))] });
    const present = gets[0]?.keys[0];
    if (present !== undefined) {
      await this.#untilGone(present, revision, signal);
      return null;
    }
    if (signal.aborted) return null;
    return this.#take();
  }

  async #take(): Promise<Leadership | null> {
    const { store, keys, guard, clock, log, candidate, over } = this.#options;
    const grantedAt = clock.monotonic();
    const granted = await store.grantLease(candidate.ttlSeconds ?? defaultTtlSeconds);
    const nonce = newNonce();
    const value = encodeLeader({ ...candidate, at: clock.now() }, nonce);
    const { lease } = granted;
    const look = get(oneKey(keys.leader));
    const taken = await store.txn({
      compare: [guard.fence(), { target: 'create', key: keys.leader, equals: 0 }],
      success: [{ type: 'put', key: keys.leader, value, lease }],
      failure: [look],
    });
    const stored = taken.gets[0]?.keys[0];
    // The put may have been applied by an attempt whose answer was lost.
    const isOurs = taken.succeeded || stored?.value.includes(nonce) === true;
    if (!isOurs) {
      await store.revokeLease(lease);
      return null;
    }
    const fence = stored?.createRevision ?? taken.revision;
    log.info({ fence }, 'won leadership');
    const leadership = new StoreLeadership({
      store,
      keys,
      clock,
      log,
      fence,
      lease,
      ttlMs: granted.ttlSeconds * 1000,
      renewedAt: grantedAt,
      over,
    });
    leadership.start();
    return leadership;
  }

  /** Resolves when the leader key was removed, or when it is time to look again. */
  async #untilGone(present: StoredKey, revision: number, signal: AbortSignal): Promise<void> {
    const { store, keys, clock, log } = this.#options;
    const parsed = parseLeader(present);
    const leader = parsed.type === 'parsed' ? parsed.record.machine : parsed.problem;
    log.debug({ leader }, 'somebody else leads');
    const gone = new AbortController();
    const wake = (): void => gone.abort();
    const watch = store.watch([{ range: oneKey(keys.leader), from: revision + 1 }], {
      opened: () => undefined,
      events: (_, events) => {
        if (events.some(({ type }) => type === 'delete')) wake();
      },
      // The next look tells whether the store answers, and waits if it does not.
      failed: wake,
    });
    await sleepUnless(clock, pollMs, [signal, gone.signal]);
    watch.close();
  }
}
