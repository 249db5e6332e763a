import { StoreUnavailableError } from '@muster/core';
import type { Leadership, PlacementChange } from '@muster/core';
import { MemoryLeaseStore } from './fake.ts';
import type { Registry } from './registry.ts';
import { facts, hashOf, placing, report, unitWrite, until } from './testing/ground.ts';
import type { Ground } from './testing/ground.ts';

/** What presence and leadership must do on any store. */
export function describePresenceContract(name: string, make: () => Promise<Ground>): void {
  describe(`${name}: presence`, () => {
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

    test('a registered machine is seen with its facts, and its states live with it', async () => {
      expect(a.agent.session()).toBeNull();
      const states = new Map([['x.service', report('x.service')]]);
      await expect(a.agent.publishStates(states)).rejects.toThrow(StoreUnavailableError);
      await a.presence.register(facts('a'), options());
      const session = a.agent.session();
      expect(session).not.toBeNull();
      expect(await watcher.units.machine('a')).toMatchObject({ ...facts('a'), awaySince: null });
      await a.agent.publishStates(states);
      const view = await watcher.units.cluster();
      expect(view.snapshot().states.get('x.service')?.get('a')).toMatchObject(report('x.service'));
      await a.agent.publishStates(new Map([['x.service', null]]));
      await until('the state to be removed', () => view.snapshot().states.size === 0);

      await a.agent.publishStates(states);
      await ground.expire('a');
      await until('another session', () => {
        const now = a.agent.session();
        return now !== null && now !== session;
      });
      await until('the state to go with its lease', () => view.snapshot().states.size === 0);
      await until('the machine to be back', () => view.snapshot().machines.has('a'));
      await a.agent.publishStates(states);
      await until('the state to be back', () => view.snapshot().states.size === 1);
    });

    test('more states than one transaction takes are published', async () => {
      await a.presence.register(facts('a'), options());
      const units = Array.from({ length: 250 }, (_, i) => `u${i}.service`);
      await a.agent.publishStates(new Map(units.map((unit) => [unit, report(unit)])));
      const view = await watcher.units.cluster();
      await until('250 states', () => view.snapshot().states.size === 250);
    });

    test('states are not written over what somebody else wrote of them, before that was looked at', async () => {
      await a.presence.register(facts('a'), options());
      await a.agent.publishStates(new Map([['x.service', report('x.service')]]));
      // As a write does that had no answer, and arrives now.
      await ground.put('told/a', '{}');
      const next = new Map([['y.service', report('y.service')]]);
      await expect(a.agent.publishStates(next)).rejects.toThrow(StoreUnavailableError);
      expect(await a.agent.publishedUnits()).toEqual(['x.service']);
      await a.agent.publishStates(next);
      expect(await a.agent.publishedUnits()).toEqual(['x.service', 'y.service']);
    });

    test('listeners of the agent hear that the session ended and began', async () => {
      const sessions: (string | null)[] = [];
      a.agent.onChange(() => sessions.push(a.agent.session()));
      await a.presence.register(facts('a'), options());
      const first = a.agent.session();
      await ground.expire('a');
      await until('another session', () => {
        const now = a.agent.session();
        return now !== null && now !== first;
      });
      expect(sessions).toContain(null);
      expect(sessions.at(-1)).toBe(a.agent.session());
    });

    test('a restart within the ttl takes up its lease and writes nothing', async () => {
      const leaseStore = new MemoryLeaseStore();
      await a.presence.register(facts('a'), options(leaseStore));
      await a.agent.publishStates(new Map([['x.service', report('x.service')]]));
      const session = a.agent.session();
      await a.close();
      const before = await ground.contents();
      const again = ground.open('a');
      await again.presence.register(facts('a'), options(leaseStore));
      expect(again.agent.session()).toBe(session);
      expect(await ground.contents()).toBe(before);
      await again.presence.update(facts('a', { metadata: { zone: 'b' } }));
      expect((await watcher.units.machine('a'))?.metadata).toEqual({ zone: 'b' });
      expect(again.agent.session()).toBe(session);
    });

    test('at rest nothing is written', async () => {
      await a.presence.register(facts('a'), options());
      const view = await watcher.units.cluster();
      const before = await ground.contents();
      // Longer than the interval of renewals: what is not to happen cannot be waited for.
      await new Promise((resolve) => setTimeout(resolve, 3000));
      expect(await ground.contents()).toBe(before);
      expect(view.snapshot().machines.has('a')).toBe(true);
    });

    test('facts that change while the store is away are published, on the same lease, when it is back', async () => {
      await a.presence.register(facts('a'), options());
      const session = a.agent.session();
      await ground.outage(true);
      expect(await a.presence.update(facts('a', { metadata: { zone: 'b' } }))).toBe(false);
      await ground.outage(false);
      await until('the new facts', async () => {
        const machine = await watcher.units.machine('a');
        return machine?.metadata['zone'] === 'b';
      });
      expect(a.agent.session()).toBe(session);
      const before = await ground.contents();
      expect(await a.presence.update(facts('a', { metadata: { zone: 'b' } }))).toBe(true);
      expect(await ground.contents()).toBe(before);
    });

    test('facts that change before the machine is registered are published with it', async () => {
      const registering = a.presence.register(facts('a'), options());
      expect(await a.presence.update(facts('a', { address: '10.0.0.9' }))).toBe(false);
      await registering;
      await until('the new facts', async () => {
        const machine = await watcher.units.machine('a');
        return machine?.address === '10.0.0.9';
      });
    });

    test('after a reboot the machine takes over what nobody renews', async () => {
      await a.presence.register(facts('a'), options());
      await a.agent.publishStates(new Map([['x.service', report('x.service')]]));
      await a.close();
      const again = ground.open('a');
      await again.presence.register(facts('a', { bootId: 'the next' }), options());
      expect((await watcher.units.machine('a'))?.bootId).toBe('the next');
      const view = await watcher.units.cluster();
      await until('states of the old boot to go', () => view.snapshot().states.size === 0);
    });

    test('a parked machine stays, with its states, until it is back', async () => {
      const leaseStore = new MemoryLeaseStore();
      await a.presence.register(facts('a'), options(leaseStore));
      const states = Array.from({ length: 150 }, (_, i) => `u${i}.service`);
      await a.agent.publishStates(new Map(states.map((unit) => [unit, report(unit)])));
      const session = a.agent.session();
      await a.presence.park(600);
      await a.close();
      const view = await watcher.units.cluster();
      const parked = await until('the machine to be away', () => {
        const machine = view.snapshot().machines.get('a');
        return machine !== undefined && machine.awaySince !== null && machine;
      });
      expect(parked.hostname).toBe('host-a');
      const again = ground.open('a');
      await again.presence.register(facts('a'), options(leaseStore));
      expect(again.agent.session()).not.toBe(session);
      expect((await watcher.units.machine('a'))?.awaySince).toBeNull();
      expect(view.snapshot().states.size).toBe(150);
    });

    test('a record that somebody removed is put back', async () => {
      await a.presence.register(facts('a'), options());
      await ground.remove('machine/a');
      await expect(a.agent.publishStates(new Map([['x', report('x')]]))).rejects.toThrow(
        StoreUnavailableError,
      );
      await until('the machine to be back', () => watcher.units.machine('a'));
      await until('a session', () => a.agent.session());
      await a.agent.publishStates(new Map([['x', report('x')]]));
    });

    test('contact is unbroken from the first answer on', async () => {
      await a.presence.register(facts('a'), options());
      expect(a.contact.unbrokenSince()).not.toBeNull();
      await ground.outage(true);
      await until('contact to be broken', () => a.contact.unbrokenSince() === null);
      await ground.outage(false);
      await until('contact to be back', () => a.contact.unbrokenSince() !== null);
    }, 30_000);
  });

  describe(`${name}: leadership`, () => {
    let ground: Ground;
    let a: Registry;
    let b: Registry;

    beforeEach(async () => {
      ground = await make();
      a = ground.open('a');
      b = ground.open('b');
    });

    afterEach(() => ground.close());

    const stop = (): AbortSignal => new AbortController().signal;
    const won = async (leading: Promise<Leadership | null>): Promise<Leadership> => {
      const leadership = await leading;
      if (leadership === null) throw new Error('leadership was not won');
      return leadership;
    };
    const created = async (unit: string): Promise<number> => {
      const [result] = await a.units.write([unitWrite(unit)]);
      if (result?.type !== 'written') throw new Error(`not created: ${result?.type}`);
      return result.revision;
    };

    test('one of two leads; when it resigns, the other does at once', async () => {
      const first = await won(a.campaign({ machine: 'a', apiUrl: null }).lead(stop()));
      const waiting = b.campaign({ machine: 'b', apiUrl: 'http://b:1' }).lead(stop());
      const view = await b.units.cluster();
      await until('a to lead', () => view.snapshot().leader?.machine === 'a');
      const began = Date.now();
      await first.resign();
      const second = await won(waiting);
      expect(Date.now() - began).toBeLessThan(2000);
      expect(first.signal.aborted).toBe(true);
      expect(second.signal.aborted).toBe(false);
      expect(second.fence).toBeGreaterThan(first.fence);
      await until('b to lead', () => view.snapshot().leader?.apiUrl === 'http://b:1');
    });

    test('a campaign ends without leadership when it is told to stop', async () => {
      await won(a.campaign({ machine: 'a', apiUrl: null }).lead(stop()));
      const control = new AbortController();
      const waiting = b.campaign({ machine: 'b', apiUrl: null }).lead(control.signal);
      control.abort();
      expect(await waiting).toBeNull();
    });

    test('a leader that was replaced cannot write, and learns it', async () => {
      const unitRevision = await created('x.service');
      const old = await won(a.campaign({ machine: 'a', apiUrl: null }).lead(stop()));
      await ground.remove('leader');
      const next = await won(b.campaign({ machine: 'b', apiUrl: null }).lead(stop()));
      const change = placing('x.service', 'b', { unitRevision, placementRevision: 0 });
      expect(await old.commit([change, change])).toEqual(['not-leader', 'not-leader']);
      expect(old.signal.aborted).toBe(true);
      expect(await old.removeFiles(new Map([[hashOf('a'), unitRevision]]))).toBe(0);
      expect(await next.commit([change])).toEqual(['committed']);
    });

    test('a change that was decided from old records is a conflict, the others are made', async () => {
      const x = await created('x.service');
      const y = await created('y.service');
      const z = await created('z.service');
      const leadership = await won(a.campaign({ machine: 'a', apiUrl: null }).lead(stop()));
      const from = (unitRevision: number, placementRevision = 0) => ({
        unitRevision,
        placementRevision,
      });
      expect(
        await leadership.commit([
          placing('x.service', 'b', from(x)),
          placing('y.service', 'b', from(y - 1)),
          placing('z.service', 'b', from(z, 5)),
          placing('none.service', 'b', from(0)),
        ]),
      ).toEqual(['committed', 'conflict', 'conflict', 'committed']);
      const view = await b.units.cluster();
      expect([...view.snapshot().placements.keys()]).toEqual(['none.service', 'x.service']);
      expect([...view.snapshot().assignments.keys()]).toEqual(['none.service', 'x.service']);
    });

    test('what is to be written while a machine is absent is not written when it is there', async () => {
      const x = await created('x.service');
      const y = await created('y.service');
      await a.presence.register(facts('a'), { ttlSeconds: 4, leaseStore: new MemoryLeaseStore() });
      const leadership = await won(a.campaign({ machine: 'a', apiUrl: null }).lead(stop()));
      const from = (unitRevision: number) => ({ unitRevision, placementRevision: 0 });
      expect(
        await leadership.commit([
          { ...placing('x.service', 'b', from(x)), whileAbsent: ['a'] },
          { ...placing('y.service', 'b', from(y)), whileAbsent: ['b'] },
        ]),
      ).toEqual(['conflict', 'committed']);
    });

    test('nor is what concerns more machines than one transaction compares', async () => {
      const unitRevision = await created('g.service');
      await a.presence.register(facts('a'), { ttlSeconds: 4, leaseStore: new MemoryLeaseStore() });
      const leadership = await won(b.campaign({ machine: 'b', apiUrl: null }).lead(stop()));
      const change = (machines: readonly string[], placementRevision: number): PlacementChange => {
        const one = placing('g.service', 'b', { unitRevision, placementRevision });
        const assign = machines.flatMap((machine) =>
          one.assign.map((each) => ({ ...each, machine })),
        );
        return { ...one, assign, whileAbsent: machines };
      };
      const absent = Array.from({ length: 300 }, (_, i) => `x${i}`);
      expect(await leadership.commit([change(['a', ...absent], 0)])).toEqual(['conflict']);
      expect(await leadership.commit([change(absent, 0)])).toEqual(['committed']);
    });

    test('400 units are placed in one call, in order', async () => {
      const names = Array.from({ length: 400 }, (_, i) => `u${i}.service`);
      const written = await a.units.write(names.map((unit) => unitWrite(unit)));
      const leadership = await won(a.campaign({ machine: 'a', apiUrl: null }).lead(stop()));
      const changes = written.map((result, i) => {
        const unitRevision = result.type === 'written' ? result.revision : -1;
        return placing(names[i] ?? '', 'b', { unitRevision, placementRevision: 0 });
      });
      const results = await leadership.commit(changes);
      expect(new Set(results)).toEqual(new Set(['committed']));
      await until('400 assignments', () => b.agent.snapshot().assignments.length === 400);
    });

    // With 127 its removal is as much as a transaction takes, and what is told of it one more.
    test.each([127, 300])('a global unit on %d machines is one change', async (count) => {
      const unitRevision = await created('g.service');
      const leadership = await won(a.campaign({ machine: 'a', apiUrl: null }).lead(stop()));
      const machines = Array.from({ length: count }, (_, i) => `m${i}`).sort();
      const one = placing('g.service', 'b', { unitRevision, placementRevision: 0 });
      const change: PlacementChange = {
        ...one,
        assign: machines.flatMap((machine) => one.assign.map((each) => ({ ...each, machine }))),
        placement: {
          unit: 'g.service',
          machines: machines.map((machine) => ({ machine, role: 'holder' })),
        },
      };
      expect(await leadership.commit([change])).toEqual(['committed']);
      expect(await leadership.commit([change])).toEqual(['conflict']);
      const detail = await b.units.detail('g.service');
      expect(detail?.assignments).toHaveLength(count);
      const placement = (await b.units.cluster()).snapshot().placements.get('g.service');
      const withdrawal: PlacementChange = {
        unit: 'g.service',
        unitRevision,
        placementRevision: placement?.modRevision ?? -1,
        assign: [],
        withdraw: machines.map((machine) => ({ machine, reason: `because of ${machine}` })),
        placement: null,
      };
      expect(await leadership.commit([withdrawal])).toEqual(['committed']);
      expect((await b.units.detail('g.service'))?.assignments).toEqual([]);
      // Several transactions, and each says for itself what it removes.
      const removed: string[] = [];
      const { batches } = await b.units.history.open({
        after: placement?.modRevision ?? 0,
        follow: false,
        signal: stop(),
      });
      for await (const { changes } of batches) {
        const gone = changes.flatMap((c) => (c.type === 'assignment' ? [c.machine] : []));
        const told = changes.flatMap((c) => (c.type === 'audit' ? c.entries : []));
        expect(told).toEqual(
          gone.map((machine) => ({
            type: 'withdrawn',
            unit: 'g.service',
            machine,
            reason: `because of ${machine}`,
            at: expect.any(Number),
            fence: leadership.fence,
          })),
        );
        removed.push(...gone);
      }
      expect(removed).toEqual(machines);
    });

    test('only files that are unchanged are removed', async () => {
      const revision = await created('x.service');
      const leadership = await won(a.campaign({ machine: 'a', apiUrl: null }).lead(stop()));
      expect(await leadership.removeFiles(new Map([[hashOf('a'), revision - 1]]))).toBe(0);
      expect(await leadership.removeFiles(new Map([[hashOf('a'), revision]]))).toBe(1);
      expect((await a.agent.unitFiles([hashOf('a')])).size).toBe(0);
    });

    test('what the leader compacts does not hurt those who watch', async () => {
      const view = await b.units.cluster();
      const leadership = await won(a.campaign({ machine: 'a', apiUrl: null }).lead(stop()));
      const revision = await created('x.service');
      await leadership.compact(revision);
      await leadership.compact(revision);
      const next = await created('y.service');
      expect((await view.atLeast(next, 5000)).units.size).toBe(2);
    });
  });
}
