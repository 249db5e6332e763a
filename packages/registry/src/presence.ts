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
import { encodePresence, parsePresence } from './codec.ts';
import type { StoreGuard } from './guard.ts';
import type { Keys } from './keys.ts';
import { LeaseListeners } from './lease-listeners.ts';
import { Listeners } from './listeners.ts';
import { newNonce } from './nonce.ts';
import type { RegistryObserver } from './observed.ts';
import { parkRecords } from './park.ts';
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

const maxRenewEveryMs = 2000;
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
  readonly #changed = new Listeners();
  readonly #listeners = new LeaseListeners();
  readonly #over = new AbortController();
  #wake = new AbortController();
  #facts: MachineFacts | null = null;
  #session: Session | null = null;
  #mustLook = false;
  #term: LeaseTerm | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(options: PresenceOptions) {
    this.#options = options;
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
    this.#running = this.#keep(options);
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
      if (session !== null && (await this.#put(session, null))) return true;
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
    const present = await this.#read();
    if (present?.stored.lease !== saved.leaseId || present.record?.token !== saved.token)
      return null;
    if (present.record.machine.awaySince !== null) return null;
    const sentAt = clock.monotonic();
    const granted = await store.renewLease(saved.leaseId, ttlSeconds * 1000);
    if (granted.ttlSeconds !== ttlSeconds) return null;
    const session = {
      lease: saved.leaseId,
      token: saved.token,
      ttlMs: granted.ttlSeconds * 1000,
      sentAt,
      registeredAt: present.stored.modRevision,
    };
    if (!(await this.#put(session, present))) return null;
    log.info({ lease: session.lease }, 'took up the lease of the last run');
    return session;
  }

  /** Registers on a new lease. null: the record changed meanwhile, look again. */
  async #takeUp({ leaseStore, ttlSeconds }: RegisterOptions): Promise<Session | null> {
    const { store, guard, keys, machineId, clock, log } = this.#options;
    await guard.verify();
    const facts = this.#known();
    const present = await this.#read();
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

  async #keep(options: RegisterOptions): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#over;
    let lookedAt = clock.monotonic();
    let pauseMs = 0;
    while (!signal.aborted) {
      const session = this.#session;
      if (session === null) {
        if (!(await this.#enterAgain(options))) return;
        continue;
      }
      this.#wake = new AbortController();
      if (!this.#mustLook) await sleepUnless(clock, pauseMs, [signal, this.#wake.signal]);
      if (signal.aborted) return;
      const sentAt = clock.monotonic();
      const isAlive = await this.#renew(session);
      // Counted from when the last was sent: behind a slow link renewals must not become rarer.
      const tookMs = clock.monotonic() - sentAt;
      const everyMs = Math.min(session.ttlMs / 3, maxRenewEveryMs);
      pauseMs = isAlive ? Math.max(0, everyMs - tookMs) : retryMs;
      const isDue = this.#mustLook || clock.monotonic() - lookedAt >= lookEveryMs;
      if (isAlive && isDue && (await this.#look(session))) {
        lookedAt = clock.monotonic();
        this.#mustLook = false;
      }
      // A look that failed is made again, but not in a hurry.
      if (this.#mustLook) await clock.sleep(retryMs, signal);
    }
  }

  /** One renewal. @returns false: no answer. When the lease is gone, the session ends. */
  async #renew(session: Session): Promise<boolean> {
    const { store, clock, log, onRenewal } = this.#options;
    const { lease, ttlMs } = session;
    const sentAt = clock.monotonic();
    try {
      const deadlineMs = Math.max(500, Math.min(ttlMs / 4, 2000));
      const { ttlSeconds } = await store.renewLease(lease, deadlineMs);
      onRenewal?.(ttlSeconds === 0 ? 'gone' : 'renewed');
      if (ttlSeconds === 0) this.#end('its lease is gone');
      else this.#hold(session, sentAt);
      return true;
    } catch (error) {
      onRenewal?.('unanswered');
      log.debug({ err: error }, 'could not renew the presence of this machine');
      return false;
    }
  }

  /** Looks whether the record is still ours, and says what we say. @returns false: no answer */
  async #look(session: Session): Promise<boolean> {
    try {
      const present = await this.#read();
      if (present?.stored.lease === session.lease) await this.#put(session, present);
      else this.#end('its record was removed or taken over');
      return true;
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

  #end(reason: string): void {
    this.#options.log.warn({ reason }, 'this machine is no longer registered');
    this.#setSession(null);
  }

  /** @returns false: another machine is alive under our id, or closed meanwhile */
  async #enterAgain(options: RegisterOptions): Promise<boolean> {
    try {
      // What is doubted from now on is looked at afterwards.
      this.#mustLook = false;
      await this.#enter(options);
      return true;
    } catch (error) {
      if (error instanceof DuplicateMachineError) {
        this.#options.log.error({ err: error }, 'this machine is refused');
        options.onRefused?.(error);
      }
      return false;
    }
  }

  /**
   * Writes the record under a session that has it.
   * @param seen — what is stored; null: not known
   * @returns false: the record is not on this session's lease
   */
  async #put({ lease, token }: Session, seen: Present | null): Promise<boolean> {
    const { store, keys, machineId, clock } = this.#options;
    const key = keys.machine(machineId);
    const present = seen ?? (await this.#read());
    const at = present?.record?.machine.at;
    const facts = { ...this.#known(), awaySince: null };
    const unchanged = encodePresence({ ...facts, ...(at === undefined ? {} : { at }) }, token);
    if (present?.stored.value === unchanged) return true;
    const value = encodePresence({ ...facts, at: clock.now() }, token);
    const { succeeded } = await store.txn({
      compare: [{ target: 'lease', key, equals: lease }],
      success: [{ type: 'put', key, value, lease }],
    });
    return succeeded;
  }

  async #read(): Promise<Present | null> {
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

  #known(): MachineFacts {
    if (this.#facts === null) throw new Error('a presence is used before it was registered');
    return this.#facts;
  }

  #setSession(session: Session | null): void {
    if (session !== null) this.#hold(session, session.sentAt);
    this.#session = session;
    this.#changed.call();
  }
}
