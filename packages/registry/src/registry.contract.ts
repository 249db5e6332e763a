import { StoreUnavailableError, StoreUntrustedError } from '@muster/core';
import type { Leadership } from '@muster/core';
import { MemoryKnownStore, MemoryLeaseStore } from './fake.ts';
import type { Registry } from './registry.ts';
import {
  facts,
  hashOf,
  placing,
  recordingLog,
  report,
  unitWrite,
  until,
} from './testing/ground.ts';
import type { Ground } from './testing/ground.ts';

/** What units, agents, views and trust must do on any store. */
export function describeRegistryContract(name: string, make: () => Promise<Ground>): void {
  describe(`${name}: units, agents and trust`, () => {
    let ground: Ground;
    let a: Registry;
    let b: Registry;

    beforeEach(async () => {
      ground = await make();
      a = ground.open('a');
      b = ground.open('b');
    });

    afterEach(() => ground.close());

    const leader = async (registry = a, machine = 'a'): Promise<Leadership> => {
      const campaign = registry.campaign({ machine, apiUrl: null });
      const leadership = await campaign.lead(new AbortController().signal);
      if (leadership === null) throw new Error('leadership was not won');
      return leadership;
    };
    const created = async (...names: string[]): Promise<number> => {
      const results = await a.units.write(names.map((unit) => unitWrite(unit)));
      const [first] = results;
      if (first?.type !== 'written') throw new Error(`not created: ${JSON.stringify(results)}`);
      return first.revision;
    };

    test('a unit that was written is read with its file and its revisions', async () => {
      const revision = await created('web.service');
      const found = await b.units.units(['web.service', 'other.service']);
      expect([...found.keys()]).toEqual(['web.service']);
      expect(found.get('web.service')).toEqual({
        unit: {
          name: 'web.service',
          hash: hashOf('a'),
          desiredState: 'launched',
          restarts: 0,
          origin: { by: 'root@here' },
          createRevision: revision,
          modRevision: revision,
        },
        file: '[Service]\nExecStart=/bin/true\n',
      });
    });

    test('a write that expects another revision is a conflict and changes nothing', async () => {
      const revision = await created('web.service');
      expect(await b.units.write([unitWrite('web.service')])).toEqual([{ type: 'conflict' }]);
      const [changed] = await b.units.write([unitWrite('web.service', { expect: revision })]);
      expect(changed?.type).toBe('written');
      const stale = unitWrite('web.service', { expect: revision, set: null });
      expect(await a.units.write([stale])).toEqual([{ type: 'conflict' }]);
    });

    test('of 300 writes in one call only those in conflict are not made', async () => {
      await created('u7.service', 'u150.service', 'u299.service');
      const writes = Array.from({ length: 300 }, (_, i) => unitWrite(`u${i}.service`));
      const results = await b.units.write(writes);
      const conflicts = results.flatMap(({ type }, i) => (type === 'conflict' ? [i] : []));
      expect(conflicts).toEqual([7, 150, 299]);
      expect((await a.units.units(writes.map((write) => write.name))).size).toBe(300);
    });

    test('two writes of one unit in one call are made one after the other', async () => {
      const results = await a.units.write([unitWrite('x.service'), unitWrite('x.service')]);
      expect(results.map(({ type }) => type)).toEqual(['written', 'conflict']);
    });

    test('a unit that is destroyed and made again is another incarnation', async () => {
      const first = await created('web.service');
      await a.units.write([unitWrite('web.service', { expect: first, set: null })]);
      expect(await a.units.detail('web.service')).toBeNull();
      const second = await created('web.service');
      const detail = await a.units.detail('web.service');
      expect(detail?.unit.createRevision).toBe(second);
      expect(second).toBeGreaterThan(first);
    });

    test('the audit record says who destroyed which units, in the transaction that does', async () => {
      const revision = await created('a.service', 'b.service', 'c.service');
      const destroyedBy = { by: 'tester@box', at: 1_700_000_000_000 };
      const destroy = { expect: revision, set: null, destroyedBy };
      const before = await ground.contents();
      expect(before).not.toContain('/audit@');
      const writes = ['a.service', 'b.service'].map((unit) => unitWrite(unit, destroy));
      const [first] = await a.units.write(writes);
      if (first?.type !== 'written') throw new Error('nothing was destroyed');
      expect(await ground.contents()).toContain(`/audit@${first.revision}`);
      const [second] = await b.units.write([unitWrite('c.service', destroy)]);
      if (second?.type !== 'written') throw new Error('nothing was destroyed');
      expect(await ground.contents()).toContain(`/audit@${second.revision}`);
    });

    test('destroying what is gone already is no conflict', async () => {
      const revision = await created('web.service');
      const destroy = unitWrite('web.service', { expect: revision, set: null });
      expect((await a.units.write([destroy]))[0]?.type).toBe('written');
      expect((await b.units.write([destroy]))[0]?.type).toBe('written');
    });

    test('an agent sees its own assignments and settings, and nobody else’s', async () => {
      const unitRevision = await created('one.service', 'two.service');
      const leadership = await leader();
      const from = { unitRevision, placementRevision: 0 };
      const results = await leadership.commit([
        placing('two.service', 'b', from),
        placing('one.service', 'b', from),
      ]);
      expect(results).toEqual(['committed', 'committed']);
      await a.units.writeSettings({ machine: 'b', metadata: { zone: null, disk: 'ssd' } }, 0);
      const seen = await until('both assignments and the settings at b', () => {
        const snapshot = b.agent.snapshot();
        return snapshot.assignments.length === 2 && snapshot.settings !== null && snapshot;
      });
      expect(seen.assignments.map(({ unit }) => unit)).toEqual(['one.service', 'two.service']);
      expect(seen.assignments[0]).toMatchObject({
        machine: 'b',
        role: 'holder',
        desiredState: 'launched',
        incarnation: unitRevision,
        reason: 'least loaded',
      });
      expect(seen.settings?.metadata).toEqual({ zone: null, disk: 'ssd' });
      expect(a.agent.snapshot().assignments).toEqual([]);
    });

    test('an assignment that is withdrawn disappears from the agent, which is told', async () => {
      const unitRevision = await created('one.service');
      const leadership = await leader();
      await leadership.commit([
        placing('one.service', 'b', { unitRevision, placementRevision: 0 }),
      ]);
      await until('the assignment at b', () => b.agent.snapshot().assignments.length === 1);
      let told = 0;
      b.agent.onChange(() => (told += 1));
      const detail = await a.units.detail('one.service');
      expect(detail?.assignments.map(({ machine }) => machine)).toEqual(['b']);
      const view = await a.units.cluster();
      const placement = view.snapshot().placements.get('one.service');
      const withdrawn = await leadership.commit([
        {
          unit: 'one.service',
          unitRevision,
          placementRevision: placement?.modRevision ?? -1,
          assign: [],
          withdraw: [{ machine: 'b', reason: 'the unit is to be inactive' }],
          placement: null,
        },
      ]);
      expect(withdrawn).toEqual(['committed']);
      await until('no assignment at b', () => b.agent.snapshot().assignments.length === 0);
      expect(told).toBeGreaterThan(0);
    });

    test('files are read by hash, missing ones are left out', async () => {
      await created('one.service');
      const files = await b.agent.unitFiles([hashOf('a'), hashOf('b')]);
      expect([...files]).toEqual([[hashOf('a'), '[Service]\nExecStart=/bin/true\n']]);
    });

    test('the view shows the whole cluster and follows it', async () => {
      const unitRevision = await created('one.service');
      const view = await b.units.cluster();
      await b.presence.register(facts('b'), { ttlSeconds: 5, leaseStore: new MemoryLeaseStore() });
      await b.agent.publishStates(new Map([['one.service', report('one.service')]]));
      const leadership = await leader();
      await leadership.commit([
        placing('one.service', 'b', { unitRevision, placementRevision: 0 }),
      ]);
      const snapshot = await until('everything in the view', () => {
        const now = view.snapshot();
        return (
          now.assignments.size === 1 && now.states.size === 1 && now.machines.size === 1 && now
        );
      });
      expect(snapshot.units.get('one.service')?.modRevision).toBe(unitRevision);
      expect(snapshot.files.get(hashOf('a'))).toContain('ExecStart');
      expect(snapshot.fileRevisions.get(hashOf('a'))).toBe(unitRevision);
      expect(snapshot.placements.get('one.service')?.machines).toEqual([
        { machine: 'b', role: 'holder' },
      ]);
      expect(snapshot.states.get('one.service')?.get('b')?.activeState).toBe('active');
      expect(snapshot.machines.get('b')?.hostname).toBe('host-b');
      expect(snapshot.leader).toEqual({
        machine: 'a',
        apiUrl: null,
        at: expect.any(Number),
        createRevision: leadership.fence,
      });
      expect(snapshot.corrupt).toEqual([]);
      await view.close();
    });

    test('atLeast waits for a revision', async () => {
      const view = await b.units.cluster();
      const revision = await created('one.service');
      const snapshot = await view.atLeast(revision, 5000);
      expect(snapshot.units.has('one.service')).toBe(true);
      await expect(view.atLeast(revision + 1000, 50)).rejects.toThrow(StoreUnavailableError);
    });

    test('a record that does not parse is reported with its key and stepped over', async () => {
      await created('good.service');
      const view = await b.units.cluster();
      await ground.put('unit/bad.service', '{"hash": 5}');
      await ground.put('assignment/b/bad.service', 'no json');
      await ground.put('machine-settings/b', '[]');
      const corrupt = await until('three corrupt records', () => {
        const found = view.snapshot().corrupt;
        return found.length === 3 && found;
      });
      expect(corrupt.map(({ key }) => key.replace(/^\/[^/]+/, ''))).toEqual([
        '/assignment/b/bad.service',
        '/machine-settings/b',
        '/unit/bad.service',
      ]);
      expect(corrupt[2]?.problem).toBe('hash must be a text, is 5');
      expect([...view.snapshot().units.keys()]).toEqual(['good.service']);
      await until('the agent to know', () => b.agent.snapshot().unreadable.length === 1);
      expect(b.agent.snapshot().unreadable).toEqual(['bad.service']);
      await ground.remove('assignment/b/bad.service');
      await until('the agent to know', () => b.agent.snapshot().unreadable.length === 0);
    });

    test('settings are written only over what was seen', async () => {
      const settings = { machine: 'b', metadata: { zone: 'x' } };
      const written = await a.units.writeSettings(settings, 0);
      expect(written).toEqual({ type: 'written', revision: expect.any(Number) });
      expect(await a.units.writeSettings(settings, 0)).toEqual({ type: 'conflict' });
    });

    test('the policy is written only over what was seen, and everybody sees it', async () => {
      const view = await b.units.cluster();
      expect(view.snapshot().policy).toBeNull();
      const policy = { placement: 'pack' as const, origin: { by: 'kim' } };
      const written = await a.units.writePolicy(policy, 0);
      expect(written).toEqual({ type: 'written', revision: expect.any(Number) });
      expect(await a.units.writePolicy(policy, 0)).toEqual({ type: 'conflict' });
      const seen = await until('the policy', () => view.snapshot().policy);
      expect(seen).toMatchObject(policy);
    });

    test('in an outage what was read stays readable, calls fail, and afterwards it goes on', async () => {
      const unitRevision = await created('one.service');
      const leadership = await leader();
      await leadership.commit([
        placing('one.service', 'b', { unitRevision, placementRevision: 0 }),
      ]);
      await until('the assignment at b', () => b.agent.snapshot().assignments.length === 1);
      await ground.outage(true);
      await expect(b.agent.unitFiles([hashOf('a')])).rejects.toThrow(StoreUnavailableError);
      expect(b.contact.unbrokenSince()).toBeNull();
      expect(b.agent.snapshot().assignments).toHaveLength(1);
      await ground.outage(false);
      const again = await until('a unit to be written after the outage', async () => {
        const [result] = await a.units.write([unitWrite('two.service')]);
        return result?.type === 'written' && result;
      });
      await b.units.units(['two.service']);
      expect(b.contact.unbrokenSince()).not.toBeNull();
      await (await b.units.cluster()).atLeast(again.revision, 10_000);
      await until('the leadership to be over or won again', async () => {
        const next = leadership.signal.aborted ? await leader() : leadership;
        const from = { unitRevision: again.revision, placementRevision: 0 };
        const [result] = await next.commit([placing('two.service', 'b', from)]);
        return result === 'committed';
      });
      await until('two assignments', () => b.agent.snapshot().assignments.length === 2);
    }, 40_000);

    test('a wiped store is not trusted: nothing is read from it or written to it', async () => {
      const log = recordingLog();
      const knownStore = new MemoryKnownStore();
      const c = ground.open('c', { knownStore, log });
      await c.presence.register(facts('c'), { ttlSeconds: 3, leaseStore: new MemoryLeaseStore() });
      const unitRevision = await created('one.service');
      const leadership = await leader();
      await leadership.commit([
        placing('one.service', 'c', { unitRevision, placementRevision: 0 }),
      ]);
      await until('the assignment at c', () => c.agent.snapshot().assignments.length === 1);
      const view = await c.units.cluster();
      await a.close();
      await b.close();
      await ground.wipe();
      await until('the agent to distrust the store', () => {
        try {
          c.agent.snapshot();
          return false;
        } catch (error) {
          return error instanceof StoreUntrustedError;
        }
      });
      expect(() => view.snapshot()).toThrow(StoreUntrustedError);
      await expect(c.units.write([unitWrite('x.service')])).rejects.toThrow(StoreUntrustedError);
      await until('the session to end', () => c.presence.session() === null);
      expect(log.lines.filter((line) => line.startsWith('error'))).toHaveLength(1);
      expect(await ground.contents()).toBe('');
      // A restart does not help; an operator's word does.
      await c.close();
      const still = ground.open('c', { knownStore });
      await expect(still.units.units(['x'])).rejects.toThrow(/was wiped or is another one/);
      await still.close();
      knownStore.known = null;
      const accepted = ground.open('c', { knownStore });
      expect((await accepted.units.write([unitWrite('x.service')]))[0]?.type).toBe('written');
    }, 40_000);

    test('a store whose revision went back is not trusted', async () => {
      const knownStore = new MemoryKnownStore();
      const first = ground.open('c', { knownStore });
      await first.units.units([]);
      await first.close();
      const known = await knownStore.load();
      if (known === null) throw new Error('the store was not noted');
      knownStore.known = { ...known, revision: known.revision + 1_000_000 };
      const second = ground.open('c', { knownStore });
      await expect(second.units.units([])).rejects.toThrow(/revision went back/);
      await until(
        'the distrust to be noted for good',
        () => knownStore.known?.revision === Number.MAX_SAFE_INTEGER,
      );
      await until('the agent to distrust it', () => {
        try {
          second.agent.snapshot();
          return false;
        } catch (error) {
          return error instanceof StoreUntrustedError;
        }
      });
    });

    test('losing the cluster record alone never empties an agent', async () => {
      const unitRevision = await created('one.service');
      const leadership = await leader();
      await leadership.commit([
        placing('one.service', 'b', { unitRevision, placementRevision: 0 }),
      ]);
      await until('the assignment at b', () => b.agent.snapshot().assignments.length === 1);
      const lengths = new Set<number>();
      b.agent.onChange(() => {
        try {
          lengths.add(b.agent.snapshot().assignments.length);
        } catch (error) {
          if (!(error instanceof StoreUntrustedError)) throw error;
        }
      });
      await ground.remove('');
      await until('the agent to distrust the store', () => {
        try {
          b.agent.snapshot();
          return false;
        } catch (error) {
          return error instanceof StoreUntrustedError;
        }
      });
      expect(lengths.has(0)).toBe(false);
    });

    test('the newest revision is noted when the registry is closed', async () => {
      const knownStore = new MemoryKnownStore();
      const c = ground.open('c', { knownStore });
      const revision = await created('one.service');
      await (await c.units.cluster()).atLeast(revision, 5000);
      await c.close();
      expect((await knownStore.load())?.revision).toBeGreaterThanOrEqual(revision);
    });
  });
}
