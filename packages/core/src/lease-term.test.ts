import fc from 'fast-check';
import { isHeld, leaseDeadlines } from './lease-term.ts';

/** docs/failure.md: what the leader adds to the ttl. */
const marginMs = 2_000;

const renewal = fc.record({
  /** After the one before; of what was sent at all. */
  pauseMs: fc.integer({ min: 0, max: 10_000 }),
  toStoreMs: fc.integer({ min: 0, max: 20_000 }),
  fate: fc.constantFrom('answered' as const, 'answer lost' as const, 'lost' as const),
});

type Renewal = typeof renewal extends fc.Arbitrary<infer T> ? T : never;

interface Answered {
  readonly sentAt: number;
  /** By the store. */
  readonly takenAt: number;
}

/** A lease that was granted at 0 and renewed like that: what was answered, and when it is over. */
function play(
  ttlMs: number,
  renewals: readonly Renewal[],
): { readonly answered: readonly Answered[]; readonly endsAt: number } {
  let now = 0;
  let endsAt = ttlMs;
  const answered: Answered[] = [{ sentAt: 0, takenAt: 0 }];
  for (const { pauseMs, toStoreMs, fate } of renewals) {
    now += pauseMs;
    const takenAt = now + toStoreMs;
    // A lease that is over is not renewed.
    if (fate === 'lost' || takenAt >= endsAt) continue;
    endsAt = Math.max(endsAt, takenAt + ttlMs);
    if (fate === 'answered') answered.push({ sentAt: now, takenAt });
  }
  return { answered, endsAt };
}

/** When the copy is sent SIGKILL at the latest, whenever those answers arrived. */
function killAt(ttlMs: number, answered: readonly Answered[]): number {
  return Math.max(...answered.map(({ sentAt }) => leaseDeadlines({ sentAt, ttlMs }).killAt));
}

const ttl = fc.integer({ min: 4, max: 600 }).map((seconds) => seconds * 1000);
const history = fc.array(renewal, { maxLength: 30 });

test('the old copy is killed before the lease can be over, whatever renewals were late or lost', () => {
  fc.assert(
    fc.property(ttl, history, (ttlMs, renewals) => {
      const { answered, endsAt } = play(ttlMs, renewals);
      expect(killAt(ttlMs, answered)).toBeLessThanOrEqual(endsAt - 0.2 * ttlMs);
    }),
  );
});

test('and before another may begin, also when the store loses the lease at any moment', () => {
  fc.assert(
    fc.property(ttl, history, fc.nat({ max: 600_000 }), (ttlMs, renewals, lostAt) => {
      const answered = play(ttlMs, renewals).answered.filter(({ takenAt }) => takenAt <= lostAt);
      expect(killAt(ttlMs, answered)).toBeLessThan(lostAt + ttlMs + marginMs);
    }),
  );
});

test('also by clocks whose rates are a tenth off', () => {
  const rate = fc.double({ min: 0.9, max: 1.1, noNaN: true });
  fc.assert(
    fc.property(ttl, rate, rate, (ttlMs, machine, store) => {
      const { killAt: after } = leaseDeadlines({ sentAt: 0, ttlMs });
      expect(after / machine).toBeLessThan(ttlMs / store);
    }),
  );
});

test('it is held until the moment at which units are stopped', () => {
  const term = { sentAt: 1_000, ttlMs: 8_000 };
  expect(leaseDeadlines(term)).toEqual({ stopAt: 5_000, killAt: 7_400 });
  expect([isHeld(term, 4_999), isHeld(term, 5_000), isHeld(null, 0)]).toEqual([true, false, false]);
});
