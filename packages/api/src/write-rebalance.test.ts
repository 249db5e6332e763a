import type { Rebalance } from '@muster/core';
import { createApiClient } from './client.ts';
import type { ApiClient } from './client.ts';
import { ApiGround, here } from './testing/ground.ts';

const there = 'b'.repeat(32);
const simple = '[Service]\nExecStart=/bin/true\n';

let ground: ApiGround;
let client: ApiClient;

/** Two units are up on one machine, and nothing is on the other. */
beforeEach(async () => {
  ground = await ApiGround.open();
  ground.cluster.addMachine(there, '10.0.0.2');
  client = createApiClient({ endpoint: `unix:${ground.socketPath}`, user: 'kim' });
  for (const name of ['a.service', 'b.service']) {
    await client.writeUnits([{ name, file: simple, desiredState: 'launched' }]);
    const bootId = `boot-${here.slice(0, 4)}`;
    ground.cluster.report(await ground.cluster.assign(name, here), { bootId });
  }
  await seen();
});
afterEach(() => ground.close());

async function seen(): Promise<void> {
  await (await ground.cluster.units.cluster()).atLeast(ground.cluster.store.revision, 1000);
}

const move = {
  units: ['a.service'],
  from: here,
  to: there,
  order: 'successor-first',
  reason: 'rebalance: 2 units there, 1 unit here',
} as const;
const underWay: Omit<Rebalance, 'modRevision'> = {
  origin: { by: 'other' },
  limit: null,
  atOnce: 1,
  moved: 0,
  moves: [{ ...move, revisions: [1] }],
};
const failed = { ...underWay, moves: [], end: { type: 'failed', reason: 'no luck' } } as const;

test('the plan is shown, and nothing happens', async () => {
  expect(await client.rebalancePlan()).toMatchObject({ obstacle: null, moves: [move] });
  expect((await client.rebalanceAfter(0)).rebalance).toBeNull();
});

test('it is asked for once, with who asked', async () => {
  const begun = await client.beginRebalance({ limit: 3, atOnce: 2 });
  expect(begun).toMatchObject({
    result: 'begun',
    rebalance: { origin: { by: 'kim@box' }, limit: 3, atOnce: 2, moved: 0, moves: [], end: null },
  });
  const { rebalance } = await client.rebalanceAfter(begun.revision - 1);
  expect(rebalance).toEqual(begun.rebalance);
  expect((await client.cluster()).rebalance).toEqual(rebalance);
  await expect(client.beginRebalance({})).rejects.toMatchObject({
    status: 409,
    message: 'a rebalance is under way, asked for by kim@box: it can be stopped, or waited for',
  });
});

test('what the leader does is shown without what only it needs', async () => {
  await ground.cluster.rebalance(underWay);
  const { rebalance } = await client.rebalanceAfter(0);
  expect(rebalance).toEqual({ ...underWay, moves: [move], end: null });
});

test('nothing is begun when there is nothing to move', async () => {
  await client.destroyUnits(['a.service']);
  expect(await client.beginRebalance({})).toMatchObject({ result: 'nothing', rebalance: null });
});

test('nor while a machine is absent', async () => {
  await ground.cluster.assign('b.service', 'c'.repeat(32));
  await seen();
  const reason = `machine ${'c'.repeat(32)} is absent`;
  expect(await client.rebalancePlan()).toMatchObject({ obstacle: reason, moves: [] });
  await expect(client.beginRebalance({})).rejects.toMatchObject({
    status: 409,
    message: `nothing is moved now: ${reason}`,
  });
});

test('it is stopped once; the leader ends what it has begun', async () => {
  expect(await client.stopRebalance()).toMatchObject({ result: 'none' });
  await ground.cluster.rebalance(underWay);
  const { revision, result } = await client.stopRebalance();
  expect(result).toBe('ending');
  expect((await client.rebalanceAfter(revision - 1)).rebalance).toMatchObject({
    moves: [move],
    end: { type: 'stopped', reason: 'by kim@box' },
  });
  expect(await client.stopRebalance()).toMatchObject({ result: 'ending', revision });
});

test('one that failed is forgotten, or begun anew', async () => {
  await ground.cluster.rebalance(failed);
  expect(await client.beginRebalance({})).toMatchObject({ result: 'begun' });
  await ground.cluster.rebalance(failed);
  expect(await client.stopRebalance()).toMatchObject({ result: 'cleared' });
  await seen();
  expect((await client.rebalanceAfter(0)).rebalance).toBeNull();
});

test('whoever changes it at the same time loses nothing', async () => {
  ground.cluster.beforeWrite = async () => {
    ground.cluster.beforeWrite = () => Promise.resolve();
    await ground.cluster.rebalance(underWay);
  };
  await expect(client.beginRebalance({})).rejects.toMatchObject({ status: 409 });
  ground.cluster.beforeWrite = async () => {
    ground.cluster.beforeWrite = () => Promise.resolve();
    await ground.cluster.rebalance({ ...underWay, moved: 1, moves: [] });
  };
  await client.stopRebalance();
  await seen();
  expect((await client.rebalanceAfter(0)).rebalance).toMatchObject({ moved: 1, moves: [] });
});

test.each([
  [{ limit: 0 }, 'limit must be a whole number, 1 or more'],
  [{ atOnce: 1.5 }, 'atOnce must be a whole number, 1 or more'],
  [{ max: 1 }, 'body has the unknown key "max"; known are limit, atOnce'],
])('%j is refused', async (body, message) => {
  const { status, text } = await ground.ask('POST', '/v1/rebalance', { body });
  expect([status, JSON.parse(text).error.message]).toEqual([400, message]);
});
