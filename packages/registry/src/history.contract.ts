import {
  HistoryCompactedError,
  InvalidInputError,
  StoreUnavailableError,
  StoreUntrustedError,
} from '@muster/core';
import type { ChangeBatch, HistoryQuery, Leadership, Revision } from '@muster/core';
import { MemoryLeaseStore } from './fake.ts';
import type { Registry } from './registry.ts';
import { facts, hashOf, placing, report, unitWrite, until } from './testing/ground.ts';
import type { Ground } from './testing/ground.ts';

/** What reading history must do on any store. */
export function describeHistoryContract(name: string, make: () => Promise<Ground>): void {
  describe(`${name}: history`, () => {
    let ground: Ground;
    let a: Registry;
    let over: AbortController;

    beforeEach(async () => {
      ground = await make();
      a = ground.open('a');
      over = new AbortController();
      await a.units.units([]);
    });

    afterEach(async () => {
      over.abort();
      await ground.close();
    });

    const write = async (names: readonly string[], expect = 0): Promise<Revision> => {
      const results = await a.units.write(names.map((unit) => unitWrite(unit, { expect })));
      const [first] = results;
      if (first?.type !== 'written') throw new Error(`not written: ${JSON.stringify(results)}`);
      return first.revision;
    };
    const destroy = async (unit: string, expect: Revision): Promise<Revision> => {
      const destroyedBy = { by: 'tester@box', at: 1_700_000_000_000 };
      const [result] = await a.units.write([unitWrite(unit, { expect, set: null, destroyedBy })]);
      if (result?.type !== 'written') throw new Error(`${unit} was not destroyed`);
      return result.revision;
    };
    const leader = async (): Promise<Leadership> => {
      const campaign = a.campaign({ machine: 'a', apiUrl: null });
      const leadership = await campaign.lead(over.signal);
      if (leadership === null) throw new Error('leadership was not won');
      return leadership;
    };
    const open = async (query: Partial<HistoryQuery>): Promise<AsyncIterable<ChangeBatch>> => {
      const { signal } = over;
      const all = { after: 'oldest', follow: false, signal, ...query } as const;
      return (await a.units.history.open(all)).batches;
    };
    /** Batches that tell of something, in one word for each change. */
    const read = async (query: Partial<HistoryQuery> = {}): Promise<string[]> =>
      (await all(await open(query))).map(describeBatch).filter((line) => !line.endsWith(': '));

    test('one transaction is one batch, each change with what was before and its place', async () => {
      const from = await write(['a.service', 'b.service']);
      const gone = await destroy('a.service', from);
      const batches = await all(await open({ after: from - 1 }));
      expect(batches.map(({ revision }) => revision)).toEqual([from, gone]);
      const unit = {
        hash: hashOf('a'),
        desiredState: 'launched',
        restarts: 0,
        origin: { by: 'root@here' },
        createRevision: from,
        modRevision: from,
      };
      // At index 0 is the file that both share.
      expect(batches[0]?.changes).toEqual([
        {
          index: 1,
          type: 'unit',
          unit: 'a.service',
          before: null,
          after: { ...unit, name: 'a.service' },
        },
        {
          index: 2,
          type: 'unit',
          unit: 'b.service',
          before: null,
          after: { ...unit, name: 'b.service' },
        },
      ]);
      expect(batches[1]?.changes).toEqual([
        {
          index: 0,
          type: 'unit',
          unit: 'a.service',
          before: { ...unit, name: 'a.service' },
          after: null,
        },
        {
          index: 1,
          type: 'audit',
          entries: [
            {
              type: 'destroyed',
              unit: 'a.service',
              origin: { by: 'tester@box', at: 1_700_000_000_000 },
            },
          ],
        },
      ]);
    });

    test('everything that is told of: units, leaders, assignments, machines, states, settings', async () => {
      const after = await write(['x.service']);
      const b = ground.open('b');
      const leadership = await leader();
      await leadership.commit([
        placing('x.service', 'b', { unitRevision: after, placementRevision: 0 }),
      ]);
      await b.presence.register(facts('b'), { ttlSeconds: 60, leaseStore: new MemoryLeaseStore() });
      await b.agent.publishStates(new Map([['x.service', report('x.service')]]));
      await a.units.writeSettings({ machine: 'b', metadata: { zone: 'b' } }, 0);
      const failed = report('x.service', { activeState: 'failed' });
      await b.agent.publishStates(new Map([['x.service', failed]]));
      await b.close();
      await ground.expire('b');
      await leadership.resign();
      const lines = await read({ after });
      expect(lines.map((line) => line.replace(/^\d+: /, ''))).toEqual([
        'leader a',
        'assignment x.service on b',
        'machine b',
        'state x.service on b active',
        'settings of b',
        'state x.service on b active → failed',
        'machine b gone, state x.service on b gone',
        'leader gone',
      ]);
    });

    test('a reading that does not follow ends, whatever came last', async () => {
      const first = await write(['a.service', 'b.service']);
      expect(await read({ after: first })).toEqual([]);
      const second = await write(['a.service'], first);
      expect(await read({ after: first })).toEqual([`${second}: unit a.service changed`]);
      const third = await destroy('b.service', first);
      const others = await ground.putElsewhere();
      expect(others).toBe(third + 1);
      expect(await read({ after: first })).toHaveLength(2);
      expect(await read({ after: third })).toEqual([]);
      expect(await read({ after: others })).toEqual([]);
      await ground.remove('unit/a.service');
      await ground.remove(`file/${hashOf('a')}`);
      await ground.putElsewhere();
      expect((await read({ after: first })).at(-1)).toMatch(/: unit a\.service gone$/);
      expect(await read({ after: others })).toHaveLength(1);
    }, 20_000);

    test('one that follows gets what happens, and `now` begins with the next thing', async () => {
      await write(['old.service']);
      const batches = (await open({ after: 'now', follow: true }))[Symbol.asyncIterator]();
      const next = batches.next();
      const revision = await write(['new.service']);
      expect(describeBatch((await next).value)).toBe(`${revision}: unit new.service`);
      const last = batches.next();
      over.abort();
      expect(await last).toEqual({ done: true, value: undefined });
    });

    test('taken up at any revision, nothing is lost and nothing comes twice', async () => {
      const after = await write(['a.service']);
      let revision = after;
      for (let i = 0; i < 12; i += 1) {
        await write([`${i}x.service`, `${i}y.service`]);
        revision = await write(['a.service'], revision);
        if (i % 4 === 0) await ground.putElsewhere();
      }
      const whole = await read({ after });
      expect(whole).toHaveLength(24);
      for (const cut of [0, 1, 7, 12, 23, 24]) {
        const seen: ChangeBatch[] = [];
        for await (const batch of await open({ after, follow: true })) {
          if (seen.length === cut) break;
          seen.push(batch);
          if (seen.length === whole.length) break;
        }
        const place = seen.at(-1)?.revision ?? after;
        const rest = await read({ after: place });
        expect([...seen.map(describeBatch), ...rest]).toEqual(whole);
      }
    }, 20_000);

    test('an outage is waited out, and nothing of it is lost', async () => {
      const after = await write(['a.service']);
      const batches = (await open({ after, follow: true }))[Symbol.asyncIterator]();
      const first = batches.next();
      const before = await write(['b.service']);
      expect(describeBatch((await first).value)).toBe(`${before}: unit b.service`);
      const waiting = batches.next();
      await ground.outage(true);
      await expect(open({})).rejects.toThrow(StoreUnavailableError);
      await ground.outage(false);
      const b = ground.open('b');
      const [meanwhile] = await until('a write after the outage', () =>
        b.units.write([unitWrite('c.service'), unitWrite('d.service')]),
      );
      const expected = meanwhile?.type === 'written' ? meanwhile.revision : 0;
      expect(describeBatch((await waiting).value)).toBe(
        `${expected}: unit c.service, unit d.service`,
      );
    }, 40_000);

    test('what is no longer kept is an error that says where to go on', async () => {
      const first = await write(['a.service']);
      const second = await write(['a.service'], first);
      const third = await write(['a.service'], second);
      await ground.compact(second);
      const opening = open({ after: first });
      await expect(opening).rejects.toThrow(HistoryCompactedError);
      await expect(opening).rejects.toMatchObject({
        oldest: second,
        message: `what happened up to revision ${second} is no longer kept`,
      });
      const all = [`${third}: unit a.service changed`];
      expect(await read({ after: second })).toEqual(all);
      expect(await read({ after: 'oldest' })).toEqual(all);
    });

    test('a reader that compaction overtakes is told so', async () => {
      const first = await write(['a.service']);
      const second = await write(['a.service'], first);
      const batches = await open({ after: first, follow: true });
      await write(['a.service'], second);
      await ground.compact(second + 1);
      await expect(all(batches)).rejects.toMatchObject({ code: 'compacted', oldest: second + 1 });
    });

    test('before anything was forgotten, the oldest is everything', async () => {
      const lines = await read({ after: 'oldest' });
      expect(Array.isArray(lines)).toBe(true);
      const revision = await write(['a.service']);
      expect((await read({ after: 'oldest' })).at(-1)).toBe(`${revision}: unit a.service`);
    });

    test('a revision that does not exist yet is refused', async () => {
      const newest = await write(['a.service']);
      const opening = open({ after: newest + 1_000_000 });
      await expect(opening).rejects.toThrow(InvalidInputError);
      await expect(opening).rejects.toThrow(`there is no revision ${newest + 1_000_000}`);
    });

    test('a record that does not parse is told of; what it becomes after that is not', async () => {
      const after = await write(['a.service']);
      await ground.put('unit/b.service', 'rubbish');
      await ground.put('unit/b.service', '{}');
      await ground.remove('unit/b.service');
      await ground.put('slots/of/a/later/version', '{}');
      const lines = await read({ after });
      expect(lines.map((line) => line.replace(/^\d+: /, ''))).toEqual([
        'corrupt unit/b.service: is not JSON: "rubbish"',
        'corrupt unit/b.service: hash must be a text, is missing',
      ]);
    });

    test('wiped, also key by key: it ends with distrust', async () => {
      const after = await write(['a.service']);
      const following = all(await open({ after, follow: true }));
      following.catch(() => undefined);
      await ground.remove('');
      await expect(following).rejects.toThrow(StoreUntrustedError);
      await expect(open({})).rejects.toThrow(StoreUntrustedError);
    });

    test('another store in its place: it ends with distrust', async () => {
      const after = await write(['a.service']);
      const following = all(await open({ after, follow: true }));
      following.catch(() => undefined);
      await ground.wipe();
      await expect(following).rejects.toThrow(StoreUntrustedError);
    }, 40_000);

    test('a reader that is slow gets everything', async () => {
      const after = await write(['a.service']);
      const batches = (await open({ after, follow: true }))[Symbol.asyncIterator]();
      const first = batches.next();
      let revision = await write(['first.service']);
      expect((await first).value).toMatchObject({ revision });
      const names = Array.from({ length: 100 }, (_, i) => `u${i}.service`);
      for (let round = 0; round < 60; round += 1) {
        revision = await write(names, round === 0 ? 0 : revision);
      }
      let seen = 0;
      let last = 0;
      while (last < revision) {
        const { value }: { value: ChangeBatch } = await batches.next();
        seen += value.changes.length;
        last = value.revision;
      }
      expect(seen).toBe(6000);
    }, 40_000);
  });
}

async function all(batches: AsyncIterable<ChangeBatch>): Promise<ChangeBatch[]> {
  const found: ChangeBatch[] = [];
  for await (const batch of batches) found.push(batch);
  return found;
}

function describeBatch({ revision, changes }: ChangeBatch): string {
  return `${revision}: ${changes.map(describeChange).join(', ')}`;
}

function describeChange(change: ChangeBatch['changes'][number]): string {
  switch (change.type) {
    case 'unit':
      return `unit ${change.unit}${what(change)}`;
    case 'assignment':
      return `assignment ${change.unit} on ${change.machine}${what(change)}`;
    case 'state': {
      const { before, after } = change;
      const states = [before, after].flatMap((state) => state?.activeState ?? []);
      return `state ${change.unit} on ${change.machine} ${after === null ? 'gone' : states.join(' → ')}`;
    }
    case 'machine':
      return `machine ${change.machine}${what(change)}`;
    case 'settings':
      return `settings of ${change.machine}${what(change)}`;
    case 'leader':
      return change.after === null ? 'leader gone' : `leader ${change.after.machine}`;
    case 'brake':
      return `brake${what(change)}`;
    case 'policy':
      return `policy${what(change)}`;
    case 'rebalance':
      return `rebalance${what(change)}`;
    case 'loss':
      return `loss of ${change.machine}${what(change)}`;
    case 'audit':
      return `audit of ${change.entries.map(({ unit }) => unit).join(' and ')}`;
    case 'corrupt':
      return `corrupt ${change.key.replace(/^\/[^/]+\//, '')}: ${change.problem}`;
  }
}

function what({ before, after }: { before: unknown; after: unknown }): string {
  if (after === null) return ' gone';
  return before === null ? '' : ' changed';
}
