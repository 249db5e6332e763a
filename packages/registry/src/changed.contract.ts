import type { ChangedRecords } from '@muster/core';
import { MemoryLeaseStore } from './fake.ts';
import type { Registry } from './registry.ts';
import { facts, placing, report, unitWrite, until } from './testing/ground.ts';
import type { Ground } from './testing/ground.ts';

const nothingChanged: ChangedRecords = {
  isAll: false,
  units: new Set(),
  machines: new Set(),
  files: new Set(),
  assignments: new Map(),
  states: new Map(),
};

/** What a view of the cluster has to say of what has changed, on any store. */
export function describeChangedContract(name: string, make: () => Promise<Ground>): void {
  describe(`${name}: what has changed`, () => {
    let ground: Ground;
    let a: Registry;
    let b: Registry;

    beforeEach(async () => {
      ground = await make();
      a = ground.open('a');
      b = ground.open('b');
    });

    afterEach(() => ground.close());

    const created = async (unit: string): Promise<number> => {
      const [result] = await a.units.write([unitWrite(unit)]);
      if (result?.type !== 'written') throw new Error(`not created: ${JSON.stringify(result)}`);
      return result.revision;
    };

    test('the view tells each who asks which records have changed since', async () => {
      const unitRevision = await created('one.service');
      const [view, other] = [await b.units.cluster(), await b.units.cluster()];
      expect(view.changed()).toMatchObject({ isAll: true });
      expect(view.changed()).toEqual(nothingChanged);
      await b.presence.register(facts('b'), { ttlSeconds: 5, leaseStore: new MemoryLeaseStore() });
      await b.agent.publishStates(new Map([['one.service', report('one.service')]]));
      const campaign = a.campaign({ machine: 'a', apiUrl: null });
      const leadership = await campaign.lead(new AbortController().signal);
      await leadership?.commit([
        placing('one.service', 'b', { unitRevision, placementRevision: 0 }),
      ]);
      await a.units.writeSettings({ machine: 'c', metadata: { zone: 'x' } }, 0);
      await until('everything in the view', () => view.snapshot().settings.has('c'));
      const there = new Map([['one.service', new Set(['b'])]]);
      expect(view.changed()).toEqual({
        ...nothingChanged,
        units: new Set(['one.service']),
        machines: new Set(['b', 'c']),
        assignments: there,
        states: there,
      });
      expect(view.changed()).toEqual(nothingChanged);
      const second = await created('two.service');
      await view.atLeast(second, 5000);
      const made = view.changed();
      expect(made.units).toEqual(new Set(['two.service']));
      await ground.remove('state/b/one.service');
      await until('the state to be gone', () => view.snapshot().states.size === 0);
      expect(view.changed()).toEqual({ ...nothingChanged, states: there });
      expect(other.changed()).toMatchObject({ isAll: true });
    });
  });
}
