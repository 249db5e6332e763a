import { DuplicateMachineError, StoreUnavailableError } from '@muster/core';
import { MemoryLeaseStore } from './fake.ts';
import type { Registry } from './registry.ts';
import { facts, report, until } from './testing/ground.ts';
import type { Ground } from './testing/ground.ts';

/** What becomes of machines with one machine-id on any store. */
export function describeIdentityContract(name: string, make: () => Promise<Ground>): void {
  describe(`${name}: identity`, () => {
    let ground: Ground;
    let a: Registry;
    let watcher: Registry;

    beforeEach(async () => {
      ground = await make();
      a = ground.open('a');
      watcher = ground.open('watcher');
    });

    afterEach(() => ground.close());

    const options = (leaseStore = new MemoryLeaseStore()) => ({ ttlSeconds: 4, leaseStore });

    test('a second machine with the same id is refused while the first is alive', async () => {
      await a.presence.register(facts('a'), options());
      const session = a.agent.session();
      const clone = ground.open('a');
      const registering = clone.presence.register(facts('a', { bootId: 'another' }), options());
      await expect(registering).rejects.toThrow(DuplicateMachineError);
      expect((await watcher.units.machine('a'))?.bootId).toBe(facts('a').bootId);
      expect(a.agent.session()).toBe(session);
    });

    test('a clone has a copy of every token, and is refused all the same', async () => {
      const leaseStore = new MemoryLeaseStore();
      await a.presence.register(facts('a'), options(leaseStore));
      const session = a.agent.session();
      const copy = new MemoryLeaseStore();
      copy.record = leaseStore.record;
      const clone = ground.open('a');
      const registering = clone.presence.register(facts('a', { bootId: 'another' }), options(copy));
      await expect(registering).rejects.toThrow(DuplicateMachineError);
      expect(copy.record).toEqual(leaseStore.record);
      await a.agent.publishStates(new Map([['x.service', report('x.service')]]));
      expect(a.agent.session()).toBe(session);
    });

    test.each(['a new machine', 'one that was left for dead'])(
      'of two that come up as %s at once one is registered, and the other is refused',
      async (what) => {
        if (what !== 'a new machine') {
          await a.presence.register(facts('a'), options());
          await a.close();
        }
        const boots = ['second', 'third'];
        const both = boots.map((bootId) => {
          const registry = ground.open('a');
          return registry.presence.register(facts('a', { bootId }), options());
        });
        const outcomes = await Promise.allSettled(both);
        const winner = outcomes.findIndex(({ status }) => status === 'fulfilled');
        const loser = outcomes[1 - winner];
        expect(loser?.status === 'rejected' ? loser.reason : null).toBeInstanceOf(
          DuplicateMachineError,
        );
        expect((await watcher.units.machine('a'))?.bootId).toBe(boots[winner]);
      },
    );

    test('a machine whose record another one took over is refused, and leaves it alone', async () => {
      const refused: DuplicateMachineError[] = [];
      const onRefused = (error: DuplicateMachineError): void => void refused.push(error);
      await a.presence.register(facts('a'), { ...options(), onRefused });
      // It seemed dead for long enough: it was stopped, or the store did not hear of it.
      await ground.remove('machine/a');
      const other = ground.open('a');
      await other.presence.register(facts('a', { bootId: 'another' }), options());
      const session = other.agent.session();
      a.presence.doubt();
      await until('the first to be refused', () => refused.length > 0);
      expect(a.agent.session()).toBeNull();
      await expect(a.agent.publishStates(new Map([['x', report('x')]]))).rejects.toThrow(
        StoreUnavailableError,
      );
      expect(other.agent.session()).toBe(session);
      expect((await watcher.units.machine('a'))?.bootId).toBe('another');
    });
  });
}
