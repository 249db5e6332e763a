import { StoreUnavailableError } from '@muster/core';
import type { Leadership } from '@muster/core';
import { MemoryLeaseStore } from './fake.ts';
import type { Registry } from './registry.ts';
import { facts, until } from './testing/ground.ts';
import type { Ground } from './testing/ground.ts';

const options = () => ({ ttlSeconds: 4, leaseStore: new MemoryLeaseStore() });

/** What is told of machines that vanish must be, on any store. */
export function describeLossContract(name: string, make: () => Promise<Ground>): void {
  describe(`${name}: leases of machines`, () => {
    let ground: Ground;
    let a: Registry;
    let watcher: Registry;

    beforeEach(async () => {
      ground = await make();
      a = ground.open('a');
      watcher = ground.open('watcher');
    });

    afterEach(() => ground.close());

    test('the age of a lease tells a machine that is well from one that is about to vanish', async () => {
      await a.presence.register(facts('a'), options());
      const b = ground.open('b');
      await b.presence.register(facts('b'), options());
      const ages = await watcher.leases.ages(['a', 'b', 'nobody']);
      expect([...ages.keys()].sort()).toEqual(['a', 'b']);
      await a.close();
      await until('the lease of a to be overdue', async () => {
        const age = (await watcher.leases.ages(['a'])).get('a');
        return age !== undefined && age.leftSeconds < 2 && age.grantedSeconds === 4;
      });
      await until('the lease of b to be renewed', async () => {
        return ((await watcher.leases.ages(['b'])).get('b')?.leftSeconds ?? 0) >= 2;
      });
      await ground.expire('a');
      await until('a to have no lease', async () => {
        return (await watcher.leases.ages(['a'])).size === 0;
      });
    });

    test('leases of more machines than one transaction takes', async () => {
      await a.presence.register(facts('a'), options());
      const others = Array.from({ length: 300 }, (_, i) => `m${i}`);
      const ages = await watcher.leases.ages([...others, 'a']);
      expect([...ages.keys()]).toEqual(['a']);
    });

    test('when the store is away, nothing is said of leases', async () => {
      await a.presence.register(facts('a'), options());
      await ground.outage(true);
      await expect(watcher.leases.ages(['a'])).rejects.toThrow(StoreUnavailableError);
      await ground.outage(false);
    }, 30_000);
  });

  describe(`${name}: the brake, rebalancing and losses`, () => {
    let ground: Ground;
    let a: Registry;
    let b: Registry;

    beforeEach(async () => {
      ground = await make();
      a = ground.open('a');
      b = ground.open('b');
    });

    afterEach(() => ground.close());

    const leader = async (): Promise<Leadership> => {
      const campaign = a.campaign({ machine: 'a', apiUrl: null });
      const leadership = await campaign.lead(new AbortController().signal);
      if (leadership === null) throw new Error('leadership was not won');
      return leadership;
    };

    test('the brake is written over what was seen, by the leader only', async () => {
      const first = await leader();
      const brake = { isOn: true, machines: ['m1'], reason: 'too many', at: 5 };
      expect(await first.writeBrake(brake, 0)).toBe('committed');
      expect(await first.writeBrake(brake, 0)).toBe('conflict');
      const view = await b.units.cluster();
      const seen = await until('the brake', () => view.snapshot().brake);
      expect(seen).toEqual({ ...brake, modRevision: seen.modRevision });
      await ground.remove('leader');
      expect(await first.writeBrake({ ...brake, isOn: false }, seen.modRevision)).toBe(
        'not-leader',
      );
      expect(first.signal.aborted).toBe(true);
    });

    test('a rebalance is written and removed over what was seen, by the API and the leader', async () => {
      const first = await leader();
      const asked = { origin: { by: 'kim' }, limit: 2, atOnce: 1, moved: 0, moves: [] };
      const written = await b.units.writeRebalance(asked, 0);
      expect(written).toEqual({ type: 'written', revision: expect.any(Number) });
      expect(await b.units.writeRebalance(asked, 0)).toEqual({ type: 'conflict' });
      const view = await b.units.cluster();
      const seen = await until('what was asked for', () => view.snapshot().rebalance);
      expect(seen).toEqual({ ...asked, modRevision: seen.modRevision });
      expect(await first.writeRebalance({ ...asked, moved: 1 }, seen.modRevision)).toBe(
        'committed',
      );
      expect(await first.writeRebalance(null, seen.modRevision)).toBe('conflict');
      expect(await b.units.writeRebalance(null, seen.modRevision)).toEqual({ type: 'conflict' });
      const then = await until('the move', () => {
        const { rebalance } = view.snapshot();
        return rebalance?.moved === 1 && rebalance;
      });
      expect(await first.writeRebalance(null, then.modRevision)).toBe('committed');
      await until('the end', () => view.snapshot().rebalance === null);
      await ground.remove('leader');
      expect(await first.writeRebalance(asked, 0)).toBe('not-leader');
    });

    test('only an absent machine can be lost, and only as it was seen', async () => {
      await a.presence.register(facts('a'), options());
      const loss = (machine: string, isForgotten = false) => {
        return { machine, isForgotten, origin: { by: 'root@x', at: 5 } };
      };
      const results = await b.units.writeLosses([
        { loss: loss('a'), expect: 0 },
        { loss: loss('m1'), expect: 0 },
        { loss: loss('m2'), expect: 7 },
      ]);
      expect(results.map(({ type }) => type)).toEqual(['conflict', 'written', 'conflict']);
      const view = await a.units.cluster();
      const seen = await until('the loss', () => view.snapshot().losses.get('m1') ?? null);
      expect(seen).toEqual({ ...loss('m1'), modRevision: seen.modRevision });
      const [changed] = await b.units.writeLosses([
        { loss: loss('m1', true), expect: seen.modRevision },
      ]);
      expect(changed?.type).toBe('written');
    });

    test('a loss ends as it was seen; what was set for a forgotten machine ends with it', async () => {
      const leadership = await leader();
      const origin = { by: 'root@x' };
      const machines = ['b', 'm1', 'm2'];
      for (const machine of machines) {
        await b.units.writeSettings({ machine, metadata: { disk: 'ssd' } }, 0);
      }
      await b.units.writeLosses(
        machines.map((machine) => {
          return { loss: { machine, isForgotten: machine !== 'm2', origin }, expect: 0 };
        }),
      );
      await b.presence.register(facts('b'), options());
      const view = await b.units.cluster();
      const seen = await until('three losses and a machine', () => {
        const { losses, machines: present } = view.snapshot();
        return losses.size === 3 && present.has('b') && [...losses.values()];
      });
      await leadership.endLosses(seen.map((loss) => ({ ...loss, modRevision: 1 })));
      await leadership.endLosses(seen);
      await leadership.endLosses(seen);
      await until('all losses to be over', () => view.snapshot().losses.size === 0);
      expect([...view.snapshot().settings.keys()].sort()).toEqual(['b', 'm2']);
    });
  });
}
