import {
  backoffMs,
  DuplicateMachineError,
  StoreUnavailableError,
  StoreUntrustedError,
} from '@muster/core';
import type {
  Clock,
  LeaseStore,
  LeaseTerm,
  Log,
  Machine,
  Revision,
  Unsubscribe,
} from '@muster/core';
import { assertAlone } from './assert-alone.ts';
import type { Present } from './assert-alone.ts';
import { encodePresence } from './codec.ts';
import type { StoreGuard } from './guard.ts';
import type { Keys } from './keys.ts';
import { LeaseListeners } from './lease-listeners.ts';
import { Listeners } from './listeners.ts';
import { newNonce } from './nonce.ts';
import type { RegistryObserver } from './observed.ts';
import { OwnRecord } from './own-record.ts';
import { parkRecords } from './park.ts';
import { renewalDeadlineMs, renewEveryMs } from './renewal-times.ts';
import { sleepUnless } from './sleep.ts';
import { get, oneKey } from './store.ts';
import type { Store } from './store.ts';

/** What a machine says of itself. */
export type MachineFacts = Omit<Machine, 'modRevision' | 'awaySince' | 'at'>;

export interface RegisterOptions {
  /** The machine counts as gone when it was not heard of for so long. */
  readonly ttlSeconds: number;
  readonly leaseStore: LeaseStore;
  /**
   * Another machine with our id turned up after this one had been registered: this one writes
   * nothing any more. Before that, `register` rejects instead.
   */
  readonly onRefused?: (error: DuplicateMachineError) => void;
}

export interface PresenceOptions {
  readonly store: Store;
  readonly guard: StoreGuard;
  readonly keys: Keys;
  readonly machineId: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly onRenewal?: RegistryObserver['leaseRenewal'];
}

/** One lease that our presence is on. */
interface Session {
  readonly lease: string;
  readonly token: string;
  readonly ttlMs: number;
  /** Boot-clock ms at which it was asked for, or first renewed by this process. */
  readonly sentAt: number;
  /** Revision at which our presence was on it. */
  readonly registeredAt: Revision;
}

const retryMs = 500;
const maxRetryMs = 5000;
/** How often the record itself is looked at, in case somebody removed or took it. */
const lookEveryMs = 30_000;

/**
 * This machine's record in the store, on a lease that is renewed for ever. At rest nothing but
 * renewals is written. A lease that is gone is replaced by a new one, and the session changes.
 */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #record: OwnRecord;
  readonly #changed = new Listeners();
  readonly #listeners = new LeaseListeners();
  readonly #over = new AbortController();
  /** Whoever looks at the record does it now. */
  #wake = new AbortController();
  /** Whoever renews the lease sees that it has ended. */
  #ended = new AbortController();
  #facts: MachineFacts | null = null;
  #session: Session | null = null;
  #mustLook = false;
  #term: LeaseTerm | null = null;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#record = new OwnRecord(options);
  }

  /** Id of the lease that records of this machine live on; null: not registered now. */
  session(): string | null {
    return this.#session?.lease ?? null;
  }

  /** The last answered renewal; null: not registered now. */
  lease(): LeaseTerm | null {
    return this.#session === null ? null : this.#term;
  }

  /** Revision at which this session's record was written; null: not registered now. */
  registeredAt(): Revision | null {
    return this.#session?.registeredAt ?? null;
  }

  /** Who is told of the lease. */
  get listeners(): Pick<LeaseListeners, 'onLease' | 'beforeLease'> {
    return this.#listeners;
  }

  /** Called when the session changed. */
  onChange(listener: () => void): Unsubscribe {
    return this.#changed.add(listener);
  }

  /**
   * Resolves when the machine is registered; outages and distrust are waited out. From then on it
   * stays registered by itself. To be called once.
   * @throws {DuplicateMachineError} another machine with this id is alive
   * @throws {StoreUnavailableError} closed meanwhile
   */
  async register(machine: MachineFacts, options: RegisterOptions): Promise<void> {
    this.#facts = machine;
    await this.#enter(options);
    this.#running = Promise.all([this.#keep(options), this.#lookAfter()]);
  }

  /**
   * Publishes changed facts; writes nothing when none has changed. What cannot be written now is
   * written by itself as soon as it can be. Never rejects.
   * @returns whether the store has these facts
   */
  async update(machine: MachineFacts): Promise<boolean> {
    this.#facts = machine;
    const session = this.#session;
    try {
      if (session !== null && (await this.#record.write(session, machine, null))) return true;
    } catch (err) {
      this.#options.log.debug({ err }, 'could not publish what changed of this machine');
    }
    this.doubt();
    return false;
  }

  /** Something suggests that the record is no longer ours: it is looked at soon. */
  doubt(): void {
    this.#mustLook = true;
    this.#wake.abort();
  }

  /**
   * For an orderly stop: the presence, marked as away, and all states move to a lease of their
   * own, so that nothing is moved while this machine is not watched. Ends the registration.
   * @throws {StoreUnavailableError}
   */
  async park(awaySeconds: number): Promise<void> {
    await this.close();
    const session = this.#session;
    const facts = this.#facts;
    if (session === null || facts === null) return;
    const { store, keys, clock } = this.#options;
    const sentAt = clock.monotonic();
    const { lease, ttlSeconds } = await store.grantLease(awaySeconds);
    const at = clock.now();
    const value = encodePresence({ ...facts, awaySince: at, at }, session.token);
    await parkRecords({ store, keys, machine: facts.id, value, from: session.lease, to: lease });
    this.#hold({ ttlMs: ttlSeconds * 1000 }, sentAt);
    this.#setSession(null);
  }

  /** Stops renewing; the lease then ends by itself. */
  async close(): Promise<void> {
    this.#over.abort();
    await this.#running;
  }

  /** Tries until it is registered. */
  async #enter(options: RegisterOptions): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#over;
    for (let failures = 0; !signal.aborted;) {
      try {
        const session = (await this.#reattach(options)) ?? (await this.#takeUp(options));
        if (session !== null) return this.#setSession(session);
      } catch (error) {
        if (error instanceof DuplicateMachineError) throw error;
        failures += 1;
        if (failures === 1)
          log.warn({ err: error }, 'cannot register this machine, will try again');
        const isUntrusted = error instanceof StoreUntrustedError;
        const pauseMs = isUntrusted ? maxRetryMs : backoffMs(failures, 100, retryMs);
        await clock.sleep(pauseMs, signal);
      }
    }
    throw new StoreUnavailableError('the registry was closed while this machine was registered');
  }

  /** Takes up the lease of an earlier run in this boot, if it lives and is on our record. */
  async #reattach({ leaseStore, ttlSeconds }: RegisterOptions): Promise<Session | null> {
    const { store, guard, clock, log } = this.#options;
    await guard.verify();
    const facts = this.#known();
    const saved = await leaseStore.load();
    if (saved === null || saved.bootId !== facts.bootId) return null;
    const present = await this.#record.read();
    if (present?.stored.lease !== saved.leaseId || present.record?.token !== saved.token)
      return null;
    if (present.record.machine.awaySince !== null) return null;
    const sentAt = clock.monotonic();
    const ttlMs = ttlSeconds * 1000;
    const renewal = await store.renewLease(saved.leaseId, renewalDeadlineMs(ttlMs));
    if (renewal.ttlSeconds !== ttlSeconds) return null;
    const session = {
      lease: saved.leaseId,
      token: saved.token,
      ttlMs,
      sentAt: sentAt + renewal.sentAfterMs,
      registeredAt: present.stored.modRevision,
    };
    if (!(await this.#record.write(session, facts, present))) return null;
    log.info({ lease: session.lease }, 'took up the lease of the last run');
    return session;
  }

  /** Registers on a new lease. null: the record changed meanwhile, look again. */
  async #takeUp({ leaseStore, ttlSeconds }: RegisterOptions): Promise<Session | null> {
    const { store, guard, keys, machineId, clock, log } = this.#options;
    await guard.verify();
    const facts = this.#known();
    const present = await this.#record.read();
    const { bootId } = facts;
    await assertAlone({ store, clock, log, present, bootId, ttlSeconds, over: this.#over.signal });
    const sentAt = clock.monotonic();
    const granted = await store.grantLease(ttlSeconds);
    const token = newNonce();
    const { lease } = granted;
    const ttlMs = granted.ttlSeconds * 1000;
    await leaseStore.save({ leaseId: lease, bootId: facts.bootId, token });
    // The presence may be on a lease that lasts longer, as after an orderly stop.
    await this.#listeners.tellBefore({ sentAt, ttlMs });
    const key = keys.machine(machineId);
    const record = { ...facts, awaySince: null, at: clock.now() };
    const { succeeded, gets, revision } = await store.txn({
      compare: [guard.fence(), { target: 'mod', key, equals: present?.stored.modRevision ?? 0 }],
      success: [{ type: 'put', key, value: encodePresence(record, token), lease }],
      failure: [get(oneKey(key))],
    });
    // The put may have been applied by an attempt whose answer was lost.
    if (!succeeded && gets[0]?.keys[0]?.lease !== lease) {
      await store.revokeLease(lease);
      return null;
    }
    log.info({ lease, ttlSeconds: granted.ttlSeconds }, 'registered this machine');
    await this.#endFormerBoot(present);
    return { lease, token, ttlMs, sentAt, registeredAt: revision };
  }

  /** What an earlier boot left says nothing any more. */
  async #endFormerBoot(present: Present | null): Promise<void> {
    const former = present?.stored.lease ?? null;
    if (former === null || present?.record?.machine.bootId === this.#known().bootId) return;
    await this.#options.store.revokeLease(former).catch((err: unknown) => {
      this.#options.log.debug({ err }, 'could not end the lease of the boot before');
    });
  }

  /** Renews for ever, and waits for nothing else. */
  async #keep(options: RegisterOptions): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#over;
    while (!signal.aborted) {
      const session = this.#session;
      if (session === null) {
        await this.#enterAgain(options);
        continue;
      }
      const beganAt = clock.monotonic();
      const sentAt = await this.#renew(session);
      // Counted from when the last was sent: behind a slow link renewals must not become rarer.
      const tookMs = clock.monotonic() - (sentAt ?? beganAt);
      const everyMs = sentAt === null ? retryMs : renewEveryMs(session.ttlMs);
      const pauseMs = Math.max(0, everyMs - tookMs);
      if (this.#session === session) {
        await sleepUnless(clock, pauseMs, [signal, this.#ended.signal]);
      }
    }
  }

  /** Looks at the record now and then, and at once when it is in doubt. */
  async #lookAfter(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#over;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      if (!this.#mustLook) await sleepUnless(clock, lookEveryMs, [signal, this.#wake.signal]);
      const session = this.#session;
      if (session !== null && !signal.aborted) {
        this.#mustLook = false;
        if (!(await this.#look(session))) this.#mustLook = true;
      }
      // A look that failed is made again, but not in a hurry.
      if (this.#mustLook) await clock.sleep(retryMs, signal);
    }
  }

  /**
   * One renewal. When the lease is gone, the session ends.
   * @returns boot-clock ms at which what was answered was sent; null: no answer
   */
  async #renew(session: Session): Promise<number | null> {
    const { store, clock, log, onRenewal } = this.#options;
    const { lease, ttlMs } = session;
    const beganAt = clock.monotonic();
    try {
      const { ttlSeconds, sentAfterMs } = await store.renewLease(lease, renewalDeadlineMs(ttlMs));
      const sentAt = beganAt + sentAfterMs;
      onRenewal?.(ttlSeconds === 0 ? 'gone' : 'renewed');
      if (ttlSeconds === 0) this.#end(session, 'its lease is gone');
      else if (this.#session === session) this.#hold(session, sentAt);
      return sentAt;
    } catch (error) {
      onRenewal?.('unanswered');
      log.debug({ err: error }, 'could not renew the presence of this machine');
      return null;
    }
  }

  /** Looks whether the record is still ours, and says what we say. @returns false: look again */
  async #look(session: Session): Promise<boolean> {
    try {
      const present = await this.#record.read();
      if (present?.stored.lease !== session.lease) {
        this.#end(session, 'its record was removed or taken over');
        return true;
      }
      return await this.#record.write(session, this.#known(), present);
    } catch (error) {
      this.#options.log.debug({ err: error }, 'could not look at the presence of this machine');
      return false;
    }
  }

  #hold({ ttlMs }: Pick<Session, 'ttlMs'>, sentAt: number): void {
    const term = { sentAt, ttlMs };
    this.#term = term;
    this.#listeners.tell(term);
  }

  #end(session: Session, reason: string): void {
    if (this.#session !== session) return;
    this.#options.log.warn({ reason }, 'this machine is no longer registered');
    this.#setSession(null);
    this.#ended.abort();
  }

  /** Registration is over for good when another machine is alive under our id. */
  async #enterAgain(options: RegisterOptions): Promise<void> {
    try {
      // What is doubted from now on is looked at afterwards.
      this.#mustLook = false;
      await this.#enter(options);
    } catch (error) {
      if (!(error instanceof DuplicateMachineError)) return;
      this.#over.abort();
      this.#options.log.error({ err: error }, 'this machine is refused');
      options.onRefused?.(error);
    }
  }

  #known(): MachineFacts {
    if (this.#facts === null) throw new Error('a presence is used before it was registered');
    return this.#facts;
  }

  #setSession(session: Session | null): void {
    if (session !== null) {
      this.#hold(session, session.sentAt);
      this.#ended = new AbortController();
    }
    this.#session = session;
    this.#changed.call();
  }
}
