import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { VirtualClock } from '@muster/core/testing';
import { PlacedCluster } from '../../registry/src/testing/placed-cluster.ts';
import { createExplainer } from '../../scheduler/src/explainer.ts';
import { createApiClient } from './client.ts';
import type { ApiClient } from './client.ts';
import { createForwarder } from './forwarder.ts';
import { createApiServer } from './server.ts';
import type { ApiServer } from './server.ts';

const m1 = '1'.repeat(32);
const file = '[Service]\nExecStart=/bin/sleep 1\n';
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const nobody = new AbortController().signal;

/** Also says how many are asleep. */
class WatchedClock extends VirtualClock {
  sleepers = 0;

  override async sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.sleepers += 1;
    await super.sleep(ms, signal);
    this.sleepers -= 1;
  }
}

let dir: string;
let cluster: PlacedCluster;
let clock: WatchedClock;
let server: ApiServer;
let client: ApiClient;

beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'muster-api-'));
  cluster = new PlacedCluster();
  clock = new WatchedClock();
  cluster.addMachine(m1, '10.0.0.1');
  server = createApiServer({
    units: cluster.units,
    explainer: createExplainer(),
    inspector: { status: async () => '', use: async () => [], journal: async function* () {} },
    self: { machineId: m1, hostname: 'box', version: '0.0.0' },
    clock,
    log: silent,
    forward: createForwarder(null),
  });
  const endpoint = `unix:${path.join(dir, 'muster.sock')}`;
  await server.listen([endpoint]);
  client = createApiClient({ endpoint, user: 'tester' });
  await client.writeUnits([{ name: 'a.service', file, desiredState: 'launched' }]);
});

afterEach(async () => {
  await server.close();
  await cluster.close();
  rmSync(dir, { recursive: true });
});

function aTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** A list that waits for something newer than all there is, once it waits. */
async function waiting(): Promise<{ answer: ReturnType<ApiClient['statesAfter']> }> {
  const { revision } = await client.statesAfter(0, nobody);
  const sleepers = clock.sleepers;
  const answer = client.statesAfter(revision, nobody);
  answer.catch(() => {});
  while (clock.sleepers === sleepers) await aTurn();
  return { answer };
}

test('a list that waits is answered by the next change', async () => {
  const { answer } = await waiting();
  cluster.report(await cluster.assign('a.service', m1));
  // The assignment may be told before the state.
  expect((await answer).revision).toBeGreaterThan(2);
  expect((await client.statesAfter(1, nobody)).states).toMatchObject([{ unit: 'a.service' }]);
});

test('without a change it is answered after 20 s, with what there is', async () => {
  const { answer } = await waiting();
  await clock.advance(20_000);
  expect((await answer).states).toEqual([]);
});

test('it does not keep the server from closing', async () => {
  const { answer } = await waiting();
  await server.close();
  await Promise.allSettled([answer]);
  expect(clock.sleepers).toBe(0);
});

test('a revision that is none is refused', async () => {
  await expect(client.statesAfter(-1, nobody)).rejects.toMatchObject({
    status: 400,
    message: 'newerThan must be a whole number, 0 or more',
  });
});
