import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PlacedCluster } from '../../registry/src/testing/placed-cluster.ts';
import { createExplainer } from '../../scheduler/src/explainer.ts';
import { createForwarder } from './forwarder.ts';
import { createApiServer } from './server.ts';
import type { ApiServer } from './server.ts';

const machineId = 'a'.repeat(32);
let dir: string;
let server: ApiServer;
let told: string[];
/** Called with every line that is told. */
let onTold = (): void => undefined;
const cluster = new PlacedCluster();

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'muster-observe-'));
  cluster.addMachine(machineId, null);
  const tell = (line: string): void => {
    told.push(line);
    onTold();
  };
  server = createApiServer({
    units: cluster.units,
    explainer: createExplainer(),
    inspector: {
      status: async () => 'fine\n',
      use: async () => [],
      journal: async function* (_unit, _query, signal) {
        yield Buffer.from('line\n');
        if (!signal.aborted) await once(signal, 'abort');
      },
    },
    self: { machineId, hostname: 'box', version: '1' },
    clock: { now: () => 0, monotonic: () => 0, sleep: async () => {} },
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    forward: createForwarder(null),
    metrics: { contentType: 'text/plain; version=0.0.4', render: async () => 'a_total 1\n' },
    observer: {
      request: ({ method, route }) => {
        tell(`${method} ${route}`);
        return (status) => tell(`${method} ${route}: ${status}`);
      },
    },
  });
  await server.listen([`unix:${path.join(dir, 'sock')}`]);
});
beforeEach(() => {
  told = [];
  onTold = () => undefined;
});
afterAll(async () => {
  await server.close();
  await cluster.close();
  rmSync(dir, { recursive: true });
});

async function ask(method: string, url: string): Promise<IncomingMessage> {
  const asked = request({ socketPath: path.join(dir, 'sock'), method, path: url, agent: false });
  const answer = once(asked.end(), 'response');
  const [response]: IncomingMessage[] = await answer;
  if (response === undefined) throw new Error('no answer');
  return response;
}

async function untilTold(line: string): Promise<void> {
  while (!told.includes(line)) {
    await new Promise<void>((resolve) => {
      onTold = resolve;
    });
  }
}

test.each([
  ['GET', '/v1/units?afterRevision=0', 'GET /v1/units', 200],
  ['GET', '/v1/units/web%401.service', 'GET /v1/units/{name}', 404],
  ['GET', '/v1/units/%zz', 'GET /v1/units/{name}', 400],
  ['GET', '/v1/local/units/a.service/status', 'GET /v1/local/units/{name}/status', 200],
  ['PUT', '/v1/wait', 'PUT /v1/wait', 405],
  ['GET', '/v1/units/', 'GET none', 404],
  ['GET', '/somewhere/else', 'GET none', 404],
  ['GET', '/metrics', 'GET /metrics', 200],
  ['GET', '/fleet/v1/units', 'GET /fleet/v1/units', 200],
  ['GET', '/v1-alpha/units/web%401.service', 'GET /fleet/v1/units/{name}', 404],
  ['GET', '/v1-alpha/state', 'GET /fleet/v1/state', 200],
  ['GET', '/fleet/v1/nothing', 'GET none', 404],
  ['GET', '/', 'GET /fleet/v1', 405],
  ['DELETE', '/metrics', 'DELETE /metrics', 405],
])('%s %s is counted as %s, %d', async (method, url, counted, status) => {
  const answer = await ask(method, url);
  answer.resume();
  expect(answer.statusCode).toBe(status);
  await untilTold(`${counted}: ${status}`);
  expect(told).toEqual([counted, `${counted}: ${status}`]);
});

test('a stream is over when the caller goes', async () => {
  const route = 'GET /v1/local/units/{name}/journal';
  const answer = await ask('GET', '/v1/local/units/a.service/journal?follow=true');
  await once(answer, 'data');
  expect(told).toEqual([route]);
  answer.on('error', () => undefined).destroy();
  await untilTold(`${route}: 200`);
});

test('who goes before there is an answer has none', async () => {
  const socketPath = path.join(dir, 'sock');
  const headers = { 'content-type': 'application/json' };
  const asked = request({ socketPath, method: 'POST', path: '/v1/units', headers, agent: false });
  asked.on('error', () => undefined).write('{');
  await untilTold('POST /v1/units');
  asked.destroy();
  await untilTold('POST /v1/units: null');
});

test('the metrics are told with their type', async () => {
  const answer = await ask('GET', '/metrics');
  expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4');
  let text = '';
  for await (const piece of answer) text += String(piece);
  expect(text).toBe('a_total 1\n');
});
