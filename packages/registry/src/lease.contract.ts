import { MemoryLeaseStore, realClock } from './fake.ts';
import type { Registry } from './registry.ts';
import { facts, until } from './testing/ground.ts';
import type { Ground } from './testing/ground.ts';

/** What a machine is told of its lease, on any store. */
export function describeLeaseContract(name: string, make: () => Promise<Ground>): void {
  describe(`${name}: the lease`, () => {
    let ground: Ground;
    let a: Registry;
    let watcher: Registry;

    beforeEach(async () => {
      ground = await make();
      a = ground.open('a');
      watcher = ground.open('watcher');
    });

    afterEach(() => ground.close());

    const options = () => ({ ttlSeconds: 4, leaseStore: new MemoryLeaseStore() });

    test('the lease counts from when its renewal was sent, and each answered one is told', async () => {
      const terms: { sentAt: number; ttlMs: number }[] = [];
      a.agent.onLease((term) => terms.push(term));
      expect(a.agent.lease()).toBeNull();
      const before = realClock().monotonic();
      await a.presence.register(facts('a'), options());
      const first = await until('a lease', () => a.agent.lease());
      expect(first.ttlMs).toBe(4_000);
      expect(first.sentAt).toBeGreaterThanOrEqual(before);
      expect(first.sentAt).toBeLessThanOrEqual(realClock().monotonic());
      const second = await until('a renewal', () => {
        const term = a.agent.lease();
        return term !== null && term.sentAt > first.sentAt && term;
      });
      expect(second.ttlMs).toBe(4_000);
      await a.presence.park(600);
      expect(a.agent.lease()).toBeNull();
      expect(terms.at(-1)?.ttlMs).toBe(600_000);
      expect(terms.map(({ sentAt }) => sentAt)).toEqual(
        terms.map(({ sentAt }) => sentAt).toSorted((x, y) => x - y),
      );
    });

    test('before the presence moves to a shorter lease it is told, and it moves only when that was taken note of', async () => {
      await a.presence.register(facts('a'), options());
      await a.presence.park(600);
      const again = ground.open('a');
      const told: { ttlMs: number; wasAway: boolean }[] = [];
      again.agent.beforeLease(async ({ ttlMs }) => {
        const machine = await watcher.units.machine('a');
        told.push({ ttlMs, wasAway: machine !== null && machine.awaySince !== null });
        if (told.length === 1) throw new Error('it cannot be noted now');
      });
      await again.presence.register(facts('a'), options());
      expect(told).toEqual([
        { ttlMs: 4_000, wasAway: true },
        { ttlMs: 4_000, wasAway: true },
      ]);
      expect((await watcher.units.machine('a'))?.awaySince).toBeNull();
    });

    test('a machine that registers anew has no lease to show before it knows what it is assigned since', async () => {
      await a.presence.register(facts('a'), options());
      await until('a lease', () => a.agent.lease());
      const session = a.agent.session();
      const shown: number[] = [];
      a.agent.onChange(() => {
        if (a.agent.session() === session || a.agent.lease() === null) return;
        shown.push(a.agent.snapshot().revision);
      });
      await ground.expire('a');
      const written = await until('another registration', async () => {
        const machine = await watcher.units.machine('a');
        return a.agent.session() !== session && machine !== null && machine;
      });
      await until('a lease to be shown', () => shown.length > 0);
      expect(Math.min(...shown)).toBeGreaterThanOrEqual(written.modRevision);
    });
  });
}
