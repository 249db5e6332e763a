import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PlacedCluster } from '../../registry/src/testing/placed-cluster.ts';
import { createExplainer } from '../../scheduler/src/explainer.ts';
import { createApiClient } from './client.ts';
import type { Dialer } from './client.ts';
import { createForwarder } from './forwarder.ts';
import type { TlsMaterial } from './forwarder.ts';
import { createApiServer } from './server.ts';
import type { ApiServer } from './server.ts';
import { makeTls } from './testing/make-tls.ts';

const machineId = 'a'.repeat(32);
let dir: string;
let server: ApiServer;
let endpoint: string;
let ours: TlsMaterial;
let foreign: TlsMaterial;
const cluster = new PlacedCluster();

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'muster-tls-'));
  ours = makeTls(dir, 'alice');
  foreign = makeTls(dir, 'mallory');
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  cluster.addMachine(machineId, null);
  server = createApiServer({
    units: cluster.units,
    explainer: createExplainer(),
    inspector: {
      status: async () => 'fine\n',
      use: async () => [],
      journal: async function* () {},
    },
    self: { machineId, hostname: 'box', version: '1' },
    clock: { now: () => 0, monotonic: () => 0, sleep: async () => {} },
    log: quiet,
    forward: createForwarder(ours),
  });
  const [bound = ''] = await server.listen(['tcp:127.0.0.1:0'], { tls: ours });
  endpoint = bound.replace('tcp:', 'https://');
});

afterAll(async () => {
  await server.close();
  await cluster.close();
  rmSync(dir, { recursive: true });
});

test('a client with a certificate of our CA gets in, under the name in it', async () => {
  const client = createApiClient({ endpoint, tls: ours, user: 'somebody' });
  await client.writeUnits([{ name: 'a.service', file: '[Service]\nExecStart=/bin/true\n' }]);
  expect((await cluster.unit('a.service'))?.origin.by).toBe('alice@127.0.0.1');
});

test('TLS is done on the stream of a dialer, too', async () => {
  const dial: Dialer['dial'] = (to) => connect(to.type === 'https' ? to.port : 0, '127.0.0.1');
  const dialer = { via: 'through the test', dial };
  const client = createApiClient({ endpoint, tls: ours, dialer });
  expect(await client.version()).toMatchObject({ machine: machineId });
  await client.writeUnits([{ name: 'b.service', file: '[Service]\nExecStart=/bin/true\n' }]);
  expect((await cluster.unit('b.service'))?.origin.by).toBe('alice@127.0.0.1');
  const named = endpoint.replace('127.0.0.1', 'other.example');
  await expect(createApiClient({ endpoint: named, tls: ours, dialer }).version()).rejects.toThrow(
    /^cannot reach musterd at https:\/\/other\.example:\d+ through the test: Hostname\/IP does not match/,
  );
  const mistrusted = { ...ours, ca: foreign.ca };
  await expect(createApiClient({ endpoint, tls: mistrusted, dialer }).version()).rejects.toThrow(
    /through the test: .*self-signed certificate/,
  );
});

test('daemons show theirs to each other', async () => {
  const answer = await createForwarder(ours)(
    endpoint,
    '/v1/local/units/a.service/status',
    new AbortController().signal,
  );
  let text = '';
  for await (const piece of answer.body) text += Buffer.from(piece).toString();
  expect(text).toBe('fine\n');
});

test.each<[string, () => Parameters<typeof createApiClient>[0]]>([
  ['no certificate', () => ({ endpoint })],
  ['a certificate of another CA', () => ({ endpoint, tls: { ...foreign, ca: ours.ca } })],
  ['a server of another CA', () => ({ endpoint, tls: { ...ours, ca: foreign.ca } })],
  ['no TLS at all', () => ({ endpoint: endpoint.replace('https', 'http') })],
])('%s is refused', async (_, options) => {
  await expect(createApiClient(options()).version()).rejects.toThrow(
    /^cannot reach musterd at http/,
  );
});
