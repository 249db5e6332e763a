import type {
  AuditEntry,
  Brake,
  Clock,
  CommitResult,
  Leadership,
  Log,
  Loss,
  PlacementChange,
  Rebalance,
  Revision,
} from '@muster/core';
import { etcdLimits, writeChanges } from './changes.ts';
import type { Change, Outcome } from './changes.ts';
import { encodeAssignment, encodeBrake, encodePlacement } from './codec.ts';
import { encodeRebalance } from './rebalance-codec.ts';
import type { Keys } from './keys.ts';
import { newNonce } from './nonce.ts';
import type { Compare, Delete, Put, Store } from './store.ts';

export interface LeadershipOptions {
  readonly store: Store;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Log;
  readonly fence: Revision;
  readonly lease: string;
  readonly ttlMs: number;
  /** Boot-clock ms at which the lease was asked for. */
  readonly renewedAt: number;
  /** Leadership ends with the registry. */
  readonly over: AbortSignal;
}

/** Leadership is over for us this long before it can be over for etcd. */
const marginMs = 500;
const retryMs = 250;

/** Leadership that was won. It is judged by our own clock: etcd may not be there to tell. */
export class StoreLeadership implements Leadership {
  readonly fence: Revision;
  readonly #options: LeadershipOptions;
  readonly #lost = new AbortController();
  /** Boot-clock ms of sending the last renewal that was answered. */
  #renewedAt: number;
  /** Commits are made one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: LeadershipOptions) {
    this.#options = options;
    this.#renewedAt = options.renewedAt;
    this.fence = options.fence;
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  start(): void {
    const { over } = this.#options;
    const close = (): void => this.#lose('the registry was closed');
    if (over.aborted) return close();
    over.addEventListener('abort', close, { once: true });
    this.signal.addEventListener('abort', () => over.removeEventListener('abort', close));
    void this.#renew();
    void this.#judge();
  }

  async commit(changes: readonly PlacementChange[]): Promise<readonly CommitResult[]> {
    const results = await this.#inTurn(() => this.#commit(changes));
    if (results.includes('not-leader')) this.#lose('its fence no longer holds');
    return results;
  }

  async writeBrake(brake: Omit<Brake, 'modRevision'>, expect: Revision): Promise<CommitResult> {
    const nonce = newNonce();
    return this.#put(this.#options.keys.brake, encodeBrake(brake, nonce), { expect, nonce });
  }

  async writeRebalance(
    rebalance: Omit<Rebalance, 'modRevision'> | null,
    expect: Revision,
  ): Promise<CommitResult> {
    const key = this.#options.keys.rebalance;
    if (rebalance !== null) {
      const nonce = newNonce();
      return this.#put(key, encodeRebalance(rebalance, nonce), { expect, nonce });
    }
    const ops: Delete[] = [{ type: 'delete', key }];
    const [outcome] = await this.#writeInTurn([
      { expect: new Map([[key, expect]]), ops, nonce: null },
    ]);
    return outcome === undefined ? 'not-leader' : toResult(outcome);
  }

  /** One record, if it is as expected. */
  async #put(
    key: string,
    value: string,
    { expect, nonce }: { readonly expect: Revision; readonly nonce: string },
  ): Promise<CommitResult> {
    const put: Put = { type: 'put', key, value, lease: null };
    const [outcome] = await this.#writeInTurn([
      { expect: new Map([[key, expect]]), ops: [put], nonce },
    ]);
    return outcome === undefined ? 'not-leader' : toResult(outcome);
  }

  async endLosses(losses: readonly Loss[]): Promise<void> {
    await this.#writeInTurn(losses.flatMap((loss) => endOfLoss(this.#options.keys, loss)));
  }

  async removeFiles(files: ReadonlyMap<string, Revision>): Promise<number> {
    const { keys } = this.#options;
    const changes = [...files].map(([hash, revision]): Change => {
      const key = keys.file(hash);
      return { expect: new Map([[key, revision]]), ops: [{ type: 'delete', key }], nonce: null };
    });
    const outcomes = await this.#writeInTurn(changes);
    return outcomes.filter(({ type }) => type === 'written').length;
  }

  async compact(revision: Revision): Promise<void> {
    if (!this.#leads()) return;
    await this.#options.store.compact(revision);
  }

  async resign(): Promise<void> {
    const { store, keys, lease } = this.#options;
    if (this.#lost.signal.aborted) return;
    this.#lose('it was given up');
    await store.txn({
      compare: [this.#compare()],
      success: [{ type: 'delete', key: keys.leader }],
    });
    await store.revokeLease(lease);
  }

  async #writeInTurn(changes: readonly Change[]): Promise<readonly Outcome[]> {
    const outcomes = await this.#inTurn(() => this.#write(changes));
    if (outcomes.some(({ type }) => type === 'fenced')) this.#lose('its fence no longer holds');
    return outcomes;
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(act);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #commit(changes: readonly PlacementChange[]): Promise<CommitResult[]> {
    const results: CommitResult[] = [];
    const at = this.#options.clock.now();
    let batch: Change[] = [];
    const flush = async (): Promise<void> => {
      results.push(...(await this.#write(batch)).map(toResult));
      batch = [];
    };
    for (const change of changes) {
      const whole = toChange(this.#options, change, at);
      if (sizeOf(whole) <= etcdLimits.maxOps) {
        batch.push(whole);
        continue;
      }
      await flush();
      results.push(toResult(await this.#writeInParts(whole)));
    }
    await flush();
    return results;
  }

  /**
   * A change of more keys than one transaction takes (a global unit on many machines): the record
   * of where to look goes last, so that a change that was cut short is seen and made again.
   */
  async #writeInParts(whole: Change): Promise<Outcome> {
    let last: Outcome = { type: 'fenced' };
    for (const part of inParts(this.#options.keys, whole)) {
      const [outcome] = await this.#write([part]);
      last = outcome ?? { type: 'fenced' };
      if (last.type !== 'written') break;
    }
    return last;
  }

  async #write(changes: readonly Change[]): Promise<readonly Outcome[]> {
    if (changes.length === 0) return [];
    // The timer that ends leadership may be late itself, after the process was stopped.
    if (!this.#leads()) return changes.map(() => ({ type: 'fenced' }));
    const { store, keys } = this.#options;
    return writeChanges({ store, fence: this.#compare(), auditKey: keys.audit, changes });
  }

  #compare(): Compare {
    return { target: 'create', key: this.#options.keys.leader, equals: this.fence };
  }

  #endsAt(): number {
    return this.#renewedAt + this.#options.ttlMs - marginMs;
  }

  #leads(): boolean {
    return !this.#lost.signal.aborted && this.#options.clock.monotonic() < this.#endsAt();
  }

  async #judge(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#lost;
    while (this.#leads()) await clock.sleep(this.#endsAt() - clock.monotonic(), signal);
    this.#lose('it could not be renewed in time');
  }

  async #renew(): Promise<void> {
    const { store, clock, lease, ttlMs, log } = this.#options;
    const { signal } = this.#lost;
    let pauseMs = ttlMs / 3;
    while (!signal.aborted) {
      await clock.sleep(pauseMs, signal);
      if (signal.aborted) return;
      const sentAt = clock.monotonic();
      try {
        const { ttlSeconds, sentAfterMs } = await store.renewLease(lease, ttlMs / 3);
        if (ttlSeconds === 0) return this.#lose('its lease is gone');
        this.#renewedAt = sentAt + sentAfterMs;
        pauseMs = ttlMs / 3;
      } catch (error) {
        log.debug({ err: error }, 'could not renew leadership');
        pauseMs = retryMs;
      }
    }
  }

  #lose(reason: string): void {
    if (this.#lost.signal.aborted) return;
    this.#options.log.info({ fence: this.fence, reason }, 'leadership ended');
    this.#lost.abort();
  }
}

function toResult(outcome: Outcome): CommitResult {
  switch (outcome.type) {
    case 'written':
      return 'committed';
    case 'conflict':
      return 'conflict';
    case 'fenced':
      return 'not-leader';
  }
}

function toChange(
  { keys, fence }: Pick<LeadershipOptions, 'keys' | 'fence'>,
  change: PlacementChange,
  at: number,
): Change {
  const { unit, placement } = change;
  // Who reads the history sees which leader wrote it.
  const nonce = `${fence}.${newNonce()}`;
  const key = keys.placement(unit);
  const ops: (Put | Delete)[] = [
    ...change.assign.map((assignment): Put => {
      const value = encodeAssignment({ ...assignment, at }, nonce);
      return { type: 'put', key: keys.assignment(assignment.machine, unit), value, lease: null };
    }),
    ...change.withdraw.map(({ machine }): Delete => ({
      type: 'delete',
      key: keys.assignment(machine, unit),
    })),
    placement === null
      ? { type: 'delete', key }
      : { type: 'put', key, value: encodePlacement(placement, nonce), lease: null },
  ];
  const expect = new Map([
    [keys.unit(unit), change.unitRevision],
    [key, change.placementRevision],
    ...(change.whileAbsent ?? []).map((machine): [string, number] => [keys.machine(machine), 0]),
  ]);
  const whole = { expect, ops, nonce };
  if (change.withdraw.length === 0) return whole;
  const audit = change.withdraw.map((withdrawal): AuditEntry => {
    return { type: 'withdrawn', unit, ...withdrawal, at, fence };
  });
  return { ...whole, audit };
}

/** How many operations, or compares with the fence, of a transaction it takes. */
function sizeOf({ expect, ops, audit }: Change): number {
  return Math.max(ops.length + (audit === undefined ? 0 : 1), expect.size + 1);
}

/** Each part says for itself what it removes. */
function inParts(keys: Keys, { expect, ops, nonce, audit = [] }: Change): Change[] {
  const parts: Change[] = [];
  // Besides its machines each compares the leader, the unit and its placement.
  const size = etcdLimits.maxOps - 3;
  for (let i = 0; i < ops.length; i += size) {
    const some = ops.slice(i, i + size);
    const removed = new Set(some.flatMap(({ type, key }) => (type === 'delete' ? [key] : [])));
    const told = audit.filter((entry) => {
      return entry.type === 'withdrawn' && removed.has(keys.assignment(entry.machine, entry.unit));
    });
    const others = ops.filter((op) => !some.includes(op));
    const part = { expect: expectedBut(keys, expect, others), ops: some, nonce };
    parts.push(told.length === 0 ? part : { ...part, audit: told });
  }
  return parts;
}

/** Without the machines that only other parts are about: all together are more than one takes. */
function expectedBut(keys: Keys, all: Change['expect'], others: Change['ops']): Change['expect'] {
  const expected = new Map(all);
  for (const { key } of others) {
    const path = keys.path(key);
    if (path.type === 'assignment') expected.delete(keys.machine(path.machine));
  }
  return expected;
}

/** What was set for a forgotten machine goes only as long as that is absent. */
function endOfLoss(keys: Keys, { machine, isForgotten, modRevision }: Loss): Change[] {
  const key = keys.loss(machine);
  const expect = new Map([[key, modRevision]]);
  const end: Change = { expect, ops: [{ type: 'delete', key }], nonce: null };
  if (!isForgotten) return [end];
  const whole: Change = {
    expect: new Map([...expect, [keys.machine(machine), 0]]),
    ops: [...end.ops, { type: 'delete', key: keys.settings(machine) }],
    nonce: null,
  };
  return [whole, end];
}
