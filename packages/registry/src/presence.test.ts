import { leaseDeadlines, StoreUnavailableError } from '@muster/core';
import type { Clock } from '@muster/core';
import { VirtualClock } from '@muster/core/testing';
import { MemoryKnownStore, MemoryLeaseStore, silentLog } from './fake.ts';
import { MemoryStore } from './memory-store.ts';
import { openRegistryOn } from './registry.ts';
import type { Registry } from './registry.ts';
import { Renewer } from './renewer.ts';
import type { Renewal, Store } from './store.ts';
import { facts } from './testing/ground.ts';

const ttlMs = 8_000;
/** Units are stopped when the proof is so old. */
const { stopAt } = leaseDeadlines({ sentAt: 0, ttlMs });

/** What becomes of renewals on their way. */
interface Way {
  /** From sending to the answer. */
  readonly answerMs: number;
  /** So many in a row are lost, the way there or back, of those that are due after 20 s. */
  readonly lost?: { readonly count: number; readonly what: 'request' | 'answer' };
}

const never = new AbortController().signal;

/** The store behind a link on which renewals are slow or get lost; `sent`: when they were. */
function behind(clock: Clock, { answerMs, lost }: Way): { store: Store; sent: number[] } {
  const store = memory(clock);
  const sent: number[] = [];
  let lostYet = 0;
  const isLost = (attempt: number): boolean => {
    const begins = lostYet > 0 || (attempt === 0 && clock.monotonic() > 20_000);
    return lost !== undefined && begins && (lostYet += 1) <= lost.count;
  };
  const renewLease = async (lease: string, deadlineMs: number, attempt = 0): Promise<Renewal> => {
    sent.push(clock.monotonic());
    const what = isLost(attempt) ? lost?.what : 'none';
    const halfMs = Math.min(answerMs / 2, deadlineMs);
    await clock.sleep(halfMs, never);
    const renewal = what === 'request' ? null : await store.renewLease(lease, deadlineMs);
    const isAnswered = what === 'none' && answerMs < deadlineMs;
    await clock.sleep((isAnswered ? answerMs : deadlineMs) - halfMs, never);
    if (renewal !== null && isAnswered) return renewal;
    throw new StoreUnavailableError('no answer');
  };
  return { store: { ...store, renewLease }, sent };
}

function memory(clock: Clock): Store {
  return new MemoryStore({ clock }).connect('a');
}

/**
 * A machine that is registered by way of that store for a minute and a half.
 * @returns how old the proof that its lease lasts has been at most, in ms
 */
async function oldestProof(clock: VirtualClock, store: Store): Promise<number> {
  const registry = open(clock, store);
  let provenAt = clock.monotonic();
  let oldestMs = 0;
  registry.agent.onLease(({ sentAt }) => {
    oldestMs = Math.max(oldestMs, clock.monotonic() - provenAt);
    provenAt = sentAt;
  });
  await clock.advance(90_000);
  await close(clock, registry);
  return oldestMs;
}

/** Registered, or about to be. */
function open(clock: VirtualClock, store: Store): Registry {
  const registry = openRegistryOn(store, {
    prefix: '/muster',
    machineId: 'a',
    clock,
    log: silentLog(),
    knownStore: new MemoryKnownStore(),
  });
  const leaseStore = new MemoryLeaseStore();
  void registry.presence.register(facts('a'), { ttlSeconds: ttlMs / 1000, leaseStore });
  return registry;
}

async function close(clock: VirtualClock, registry: Registry): Promise<void> {
  const closing = registry.close();
  await clock.advance(10_000);
  await closing;
}

/** Of the time between one and the next. */
function gapsOf(sent: readonly number[]): number[] {
  return sent.slice(1).map((at, i) => at - (sent[i] ?? 0));
}

test.each([0, 300])(
  'at rest a lease is renewed every 2 s, and nothing is sent twice, when answers take %d ms',
  async (answerMs) => {
    const clock = new VirtualClock({ turns: 1 });
    const { store, sent } = behind(clock, { answerMs });
    await oldestProof(clock, store);
    const gaps = gapsOf(sent);
    expect(gaps.length).toBeGreaterThan(40);
    expect(new Set(gaps)).toEqual(new Set([2_000]));
  },
);

test.each([900, 1_500, 1_950])(
  'nor does it become rarer when answers take %d ms',
  async (answerMs) => {
    const clock = new VirtualClock({ turns: 1 });
    const { store, sent } = behind(clock, { answerMs });
    expect(await oldestProof(clock, store)).toBeLessThan(stopAt);
    const gaps = gapsOf(sent);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2_000);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(50);
  },
);

// docs/failure.md has this table.
describe.each(['request', 'answer'] as const)('with the %s lost', (what) => {
  const stood = [
    [1, 1_550],
    [2, 1_150],
    [3, 750],
    [4, 350],
  ] as const;

  test.each(stood)(
    'of %d renewals in a row, no unit is stopped: answers take %d ms',
    async (count, answerMs) => {
      const clock = new VirtualClock({ turns: 1 });
      const { store } = behind(clock, { answerMs, lost: { count, what } });
      const oldestMs = await oldestProof(clock, store);
      expect(oldestMs).toBeLessThan(stopAt);
      expect(oldestMs).toBeGreaterThan(2_000 + answerMs);
    },
  );

  test.each(stood)('of more than %d, they are: answers take %d ms', async (most, answerMs) => {
    const clock = new VirtualClock({ turns: 1 });
    const { store } = behind(clock, { answerMs, lost: { count: most + 1, what } });
    expect(await oldestProof(clock, store)).toBeGreaterThanOrEqual(stopAt);
  });
});

test('a lease counts from when the renewal was sent that was answered, from no other', async () => {
  const clock = new VirtualClock({ turns: 1 });
  const { store, sent } = behind(clock, { answerMs: 100, lost: { count: 2, what: 'answer' } });
  const registry = open(clock, store);
  const terms: number[] = [];
  registry.agent.onLease(({ sentAt }) => terms.push(sentAt));
  await clock.advance(26_000);
  const lostAt = sent.find((at) => at > 20_000) ?? 0;
  expect(sent.filter((at) => at >= lostAt).slice(0, 3)).toEqual(
    [0, 400, 800].map((ms) => lostAt + ms),
  );
  expect(terms.find((at) => at > 20_000)).toBe(lostAt + 800);
  await close(clock, registry);
});

test('members that hang cost little once, and nothing after that', async () => {
  const clock = new VirtualClock({ turns: 1 });
  const store = memory(clock);
  const asked = [0, 0, 0];
  const hangs = (member: number) => async (): Promise<Renewal> => {
    asked[member] = (asked[member] ?? 0) + 1;
    await clock.sleep(2_000, never);
    throw new StoreUnavailableError('no answer');
  };
  const renewer = new Renewer([
    hangs(0),
    hangs(1),
    (lease) => {
      asked[2] = (asked[2] ?? 0) + 1;
      return store.renewLease(lease, 2_000);
    },
  ]);
  const renewLease: Store['renewLease'] = (lease, deadlineMs, attempt = 0) =>
    renewer.renew(lease, deadlineMs, attempt);
  expect(await oldestProof(clock, { ...store, renewLease })).toBeLessThan(stopAt);
  // Each was asked for the first renewal alone.
  expect(Math.max(...asked.slice(0, 2))).toBeLessThanOrEqual(2);
  expect(asked[2]).toBeGreaterThan(40);
});

test('renewals do not wait for a look at the record that hangs', async () => {
  const clock = new VirtualClock({ turns: 1 });
  const store = memory(clock);
  let isRegistered = false;
  const txn: Store['txn'] = async (asked) => {
    const looks = asked.success.some(
      (op) => op.type === 'get' && op.range.key.includes('/machine/'),
    );
    if (looks && isRegistered) {
      await clock.sleep(6_000, never);
      throw new StoreUnavailableError('no answer');
    }
    const result = await store.txn(asked);
    isRegistered ||= asked.success.some((op) => op.type === 'put' && op.key.includes('/machine/'));
    return result;
  };
  expect(await oldestProof(clock, { ...store, txn })).toBeLessThanOrEqual(2_000);
});
