import { request } from 'node:http';
import type { ClientRequest } from 'node:http';
import { ApiGround } from './testing/ground.ts';

const json = { 'content-type': 'application/json' };
const mebibyte = Buffer.alloc(1024 * 1024, ' ');

let ground: ApiGround;
beforeAll(async () => {
  ground = await ApiGround.open();
});
afterAll(() => ground.close());

async function refusal(method: string, url: string, body: string): Promise<[number, string]> {
  const { revision } = ground.cluster.store;
  const { status, text } = await ground.ask(method, url, { body, headers: json });
  expect(ground.cluster.store.revision).toBe(revision);
  return [status, JSON.parse(text).error.message];
}

/** An upload that does not end. `status` is null once all that there is of it was taken. */
async function uploading(
  mebibytes: number,
): Promise<{ req: ClientRequest; status: number | null }> {
  const { socketPath } = ground;
  const options = { socketPath, method: 'POST', path: '/v1/units', headers: json, agent: false };
  const req = request(options);
  const status = new Promise<number>((resolve, reject) => {
    req.on('response', (res) => resolve(res.resume().statusCode ?? 0));
    req.on('error', (error) => reject(error));
  });
  const sent = (async () => {
    for (let i = 0; i < mebibytes; i += 1) {
      await new Promise<void>((resolve) => {
        req.write(mebibyte, () => resolve());
      });
    }
    return null;
  })();
  return { req, status: await Promise.race([status, sent]) };
}

test.each<[string, string]>([
  ['POST', '/v1/units'],
  ['PATCH', '/fleet/v1/machines'],
])('%s %s: a body may not hold very many values, however small they are', async (method, url) => {
  const many = `[${'{},'.repeat(250_000)}{}]`;
  expect(await refusal(method, url, many)).toEqual([
    413,
    'the body has more than 500000 keys and values',
  ]);
});

test('up to the bound it is read, and what only looks like values is not counted', async () => {
  // With the object, its key and the list they are 500,000.
  const most = `{"units":[${'{},'.repeat(249_998)}{}]}`;
  expect(await refusal('POST', '/v1/units', most)).toEqual([
    400,
    'units has more than 100000 items',
  ]);
  const text = JSON.stringify({ odd: '[{,:"\\'.repeat(200_000) });
  expect(await refusal('POST', '/v1/units', text)).toEqual([
    400,
    'body has the unknown key "odd"; known are units',
  ]);
});

test('large bodies that come at once are bounded together; small ones always get in', async () => {
  const first = await uploading(15);
  expect(first.status).toBeNull();
  const large = `{"units":[]${' '.repeat(12 * 1024 * 1024)}}`;
  expect(await refusal('POST', '/v1/units', large)).toEqual([
    503,
    'this musterd has other large requests in hand; try again',
  ]);
  const small = await ground.ask('POST', '/v1/units', { body: { units: [] } });
  expect(small.status).toBe(200);
  const gone = new Promise((resolve) => first.req.once('close', resolve));
  first.req.on('error', () => undefined).destroy();
  await gone;
  for (;;) {
    const { status } = await ground.ask('POST', '/v1/units', { body: large, headers: json });
    if (status === 200) break;
    expect(status).toBe(503);
  }
});
