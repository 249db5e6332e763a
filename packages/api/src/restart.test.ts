import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PlacedCluster } from '../../registry/src/testing/placed-cluster.ts';
import { createExplainer } from '../../scheduler/src/explainer.ts';
import { createApiClient } from './client.ts';
import type { ApiClient, UnitRequest } from './client.ts';
import { createForwarder } from './forwarder.ts';
import { createApiServer } from './server.ts';
import type { ApiServer } from './server.ts';

const m1 = '1'.repeat(32);
const m2 = '2'.repeat(32);
const file = '[Service]\nExecStart=/bin/sleep 1\n';
const failed = { activeState: 'failed', subState: 'failed', result: 'exit-code' };
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

let dir: string;
let cluster: PlacedCluster;
let server: ApiServer;
let client: ApiClient;

beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'muster-api-'));
  cluster = new PlacedCluster();
  cluster.addMachine(m1, '10.0.0.1');
  cluster.addMachine(m2, '10.0.0.2');
  server = createApiServer({
    units: cluster.units,
    explainer: createExplainer(),
    inspector: { status: async () => '', use: async () => [], journal: async function* () {} },
    self: { machineId: m1, hostname: 'box', version: '0.0.0' },
    clock: {
      now: () => Date.now(),
      monotonic: () => performance.now(),
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms).unref()),
    },
    log: silent,
    forward: createForwarder(null),
  });
  const endpoint = `unix:${path.join(dir, 'muster.sock')}`;
  await server.listen([endpoint]);
  client = createApiClient({ endpoint, user: 'tester' });
  await client.writeUnits([{ name: 'all.service', file, desiredState: 'launched' }]);
});

afterEach(async () => {
  await server.close();
  await cluster.close();
  rmSync(dir, { recursive: true });
});

/** What the machines are asked for: `restarts/starts` of each. */
async function asked(name = 'all.service'): Promise<string> {
  const unit = await cluster.unit(name);
  const own = Object.entries(unit?.perMachine ?? {}).map(
    ([id, { restarts, starts }]) => `${id[0]}+${restarts}/${starts}`,
  );
  return [`${unit?.restarts}`, ...own].join(' ');
}

const write = async (unit: Omit<UnitRequest, 'name'>): Promise<string | undefined> =>
  (await client.writeUnits([{ name: 'all.service', ...unit }])).units[0]?.result;
const start = { desiredState: 'launched', startFailed: true } as const;

test('a restart of one machine is counted for that one, of all for all', async () => {
  for (const machine of [m1, m2]) cluster.report(await cluster.assign('all.service', machine));
  expect(await write({ restart: { machines: [m2] } })).toBe('updated');
  expect(await write({ restart: { machines: [m2, m1] } })).toBe('updated');
  expect(await asked()).toBe('0 1+1/0 2+2/0');
  expect((await client.unit('all.service'))?.perMachine).toEqual({
    [m1]: { restarts: 1, starts: 0 },
    [m2]: { restarts: 2, starts: 0 },
  });
  expect(await write({ restart: true })).toBe('updated');
  expect(await asked()).toBe('3');
});

test('a machine that does not have it is refused, and then nothing of the request is done', async () => {
  await client.writeUnits([{ name: 'b.service', file, desiredState: 'launched' }]);
  await cluster.assign('all.service', m1);
  await cluster.assign('b.service', m2);
  const restart = { machines: [m1] };
  await expect(
    client.writeUnits([
      { name: 'all.service', restart },
      { name: 'b.service', restart },
    ]),
  ).rejects.toMatchObject({
    status: 409,
    units: [
      { name: 'b.service', code: 'not-on-machine', message: `unit "b.service" is not on ${m1}` },
    ],
  });
  expect(await asked()).toBe('0');
});

test('a unit that failed is started again where it failed, once for two who ask', async () => {
  cluster.report(await cluster.assign('all.service', m1));
  cluster.report(await cluster.assign('all.service', m2), failed);
  expect(await Promise.all([write(start), write(start)])).toEqual(
    expect.arrayContaining(['updated', 'unchanged']),
  );
  expect(await asked()).toBe('0 2+0/1');
  expect(await write(start)).toBe('unchanged');
  // The scheduler has told the machine, which has not answered yet; then it has failed again.
  const assignment = await cluster.assign('all.service', m2);
  expect(assignment).toMatchObject({ restarts: 0, starts: 1 });
  expect(await write(start)).toBe('unchanged');
  cluster.report(assignment, failed);
  expect(await write(start)).toBe('updated');
  expect(await asked()).toBe('0 2+0/2');
});

test('one that runs, or has run to its end, is left alone', async () => {
  cluster.report(await cluster.assign('all.service', m1));
  expect(await write(start)).toBe('unchanged');
  cluster.report(await cluster.assign('all.service', m1), { activeState: 'inactive' });
  expect(await write(start)).toBe('unchanged');
});

test('of many units the picture of the cluster tells which have failed', async () => {
  const names = Array.from({ length: 12 }, (_, i) => `u${i}.service`);
  await client.writeUnits(names.map((name) => ({ name, file, desiredState: 'launched' as const })));
  for (const name of names) {
    cluster.report(await cluster.assign(name, m1), name === 'u7.service' ? failed : {});
  }
  const { units } = await client.writeUnits(names.map((name) => ({ name, ...start })));
  expect(units.filter(({ result }) => result === 'updated').map(({ name }) => name)).toEqual([
    'u7.service',
  ]);
});

test('a wait for one machine does not wait for others, and says how a unit ended', async () => {
  cluster.report(await cluster.assign('all.service', m1), failed);
  cluster.report(await cluster.assign('all.service', m2), { activeState: 'inactive' });
  const lines = client.wait({ units: ['all.service'], until: 'launched', machines: [m2] });
  expect((await lines.next()).value).toEqual({
    type: 'done',
    unit: 'all.service',
    machines: [{ id: m2, address: '10.0.0.2' }],
    hasEnded: true,
    note: null,
  });
});

const idWords = '32 lower-case hexadecimal digits';

test.each<[string, object, string]>([
  ['/v1/units', { restart: {} }, 'units[0].restart.machines must be an array'],
  ['/v1/units', { restart: [m1] }, 'units[0].restart must be an object'],
  [
    '/v1/units',
    { restart: { machines: [] } },
    'units[0].restart.machines must name at least one machine',
  ],
  [
    '/v1/units',
    { restart: { machines: ['1111'] } },
    `units[0].restart.machines[0] must be ${idWords}`,
  ],
  [
    '/v1/units',
    { restart: { machine: m1 } },
    'units[0].restart has the unknown key "machine"; known are machines',
  ],
  [
    '/v1/units',
    { restart: { machines: [m1] }, desiredState: 'loaded' },
    'units[0].restart launches the unit and contradicts units[0].desiredState "loaded"',
  ],
  [
    '/v1/units',
    { startFailed: true },
    'units[0].startFailed belongs to units[0].desiredState "launched" only',
  ],
  ['/v1/units', { startFailed: 1 }, 'units[0].startFailed must be true or false'],
  ['/v1/wait', { until: 'loaded', machines: [m1] }, 'machines belongs to until "launched" only'],
  ['/v1/wait', { until: 'launched', machines: [null] }, `machines[0] must be ${idWords}`],
])('%s %j is refused', async (url, body, message) => {
  const text = JSON.stringify(
    url === '/v1/wait'
      ? { units: ['all.service'], ...body }
      : { units: [{ name: 'all.service', ...body }] },
  );
  const answer = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const socketPath = path.join(dir, 'muster.sock');
    const headers = { 'content-type': 'application/json' };
    const req = request({ socketPath, method: 'POST', path: url, headers }, (res) => {
      let said = '';
      res.on('data', (piece: Buffer) => (said += piece.toString()));
      res.on('end', () => resolve({ status: res.statusCode ?? 0, text: said }));
    });
    req.on('error', reject);
    req.end(text);
  });
  expect({ status: answer.status, message: JSON.parse(answer.text).error.message }).toEqual({
    status: 400,
    message,
  });
  expect(await asked()).toBe('0');
});
