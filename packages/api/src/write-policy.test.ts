import { ApiGround } from './testing/ground.ts';
import type { Answer } from './testing/ground.ts';

let ground: ApiGround;
beforeEach(async () => {
  ground = await ApiGround.open();
});
afterEach(() => ground.close());

const set = (body: unknown): Promise<Answer> =>
  ground.ask('PATCH', '/v1/cluster', { body, headers: { 'muster-user': 'kim' } });
const policy = async (): Promise<unknown> =>
  JSON.parse((await ground.ask('GET', '/v1/cluster')).text).policy;

test('is as it always was until somebody sets it', async () => {
  expect(await policy()).toEqual({ placement: 'spread', rebalance: 'manual', origin: null });
  const { status, text } = await set({ placement: 'pack' });
  expect(status).toBe(200);
  const body: unknown = JSON.parse(text);
  expect(body).toMatchObject({ placement: 'pack', origin: { by: expect.stringMatching(/^kim/) } });
  expect(await policy()).toEqual(body);
});

test('each setting is set by itself', async () => {
  await set({ rebalance: 'auto' });
  await set({ placement: 'pack' });
  expect(await policy()).toMatchObject({ placement: 'pack', rebalance: 'auto' });
  await set({ rebalance: 'manual' });
  expect(await policy()).toMatchObject({ placement: 'pack', rebalance: 'manual' });
});

test('somebody who changes it at the same time loses nothing', async () => {
  ground.cluster.beforeWrite = () => {
    ground.cluster.beforeWrite = () => Promise.resolve();
    return ground.cluster.setPolicy('spread');
  };
  expect((await set({ placement: 'pack' })).status).toBe(200);
  expect(await policy()).toMatchObject({ placement: 'pack' });
  ground.cluster.beforeWrite = () => ground.cluster.setPolicy('pack');
  const { status, text } = await set({ placement: 'spread' });
  expect([status, JSON.parse(text).error.message]).toEqual([
    409,
    'the policy is being changed by others, try again',
  ]);
});

test.each([
  [{}, 'body must have placement or rebalance'],
  [{ rebalance: 'always' }, 'rebalance must be one of manual, auto'],
  [{ placement: 'tight' }, 'placement must be one of spread, pack'],
  [{ placement: 'pack', ttl: 8 }, 'body has the unknown key "ttl"; known are placement, rebalance'],
  [['pack'], 'body must be an object'],
])('%j is refused', async (body, message) => {
  const { status, text } = await set(body);
  expect([status, JSON.parse(text).error.message]).toEqual([400, message]);
  expect(await policy()).toMatchObject({ placement: 'spread' });
});
