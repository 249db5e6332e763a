import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PlacedCluster } from '../../registry/src/testing/placed-cluster.ts';
import { createExplainer } from '../../scheduler/src/explainer.ts';
import { createApiClient } from './client.ts';
import type { ApiClient, Dialer } from './client.ts';
import { createForwarder } from './forwarder.ts';
import { createApiServer } from './server.ts';
import type { ApiServer } from './server.ts';

const machineId = 'a'.repeat(32);

let dir: string;
let socketPath: string;
let cluster: PlacedCluster;
let server: ApiServer;
let dialed: Socket[];
let client: ApiClient;
let answerMay: Promise<void> = Promise.resolve();

const dialer: Dialer = {
  via: 'through the test',
  dial: (endpoint) => {
    const socket = connect(endpoint.type === 'unix' ? endpoint.socketPath : 'not unix');
    dialed.push(socket);
    return socket;
  },
};

beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'muster-agent-'));
  socketPath = path.join(dir, 'muster.sock');
  cluster = new PlacedCluster();
  cluster.addMachine(machineId, null);
  dialed = [];
  server = createApiServer({
    units: cluster.units,
    explainer: createExplainer(),
    inspector: {
      status: async (unit) => {
        await answerMay;
        return `● ${unit}\n`;
      },
      use: async () => [],
      journal: async function* (unit, { follow }, signal) {
        yield Buffer.from(`${unit}\n`);
        if (follow) await new Promise((done) => signal.addEventListener('abort', done));
      },
    },
    self: { machineId, hostname: 'box', version: '1' },
    clock: { now: () => 0, monotonic: () => 0, sleep: async () => {} },
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    forward: createForwarder(null),
  });
  await server.listen([`unix:${socketPath}`]);
  client = createApiClient({ endpoint: `unix:${socketPath}`, dialer });
});

afterEach(async () => {
  for (const socket of dialed) socket.destroy();
  await server.close();
  await cluster.close();
  rmSync(dir, { recursive: true });
});

const closed = (socket: Socket | undefined): Promise<unknown> =>
  new Promise((resolve) => socket?.once('close', resolve));

test('requests that end soon share one connection, also those sent together', async () => {
  const lists = await Promise.all([client.machines(), client.units(), client.states()]);
  expect(lists.map((list) => list.length)).toEqual([1, 0, 0]);
  await expect(client.status('a.service')).rejects.toThrow('does not exist');
  expect(await client.unit('a.service')).toBeNull();
  expect(dialed).toHaveLength(1);
});

test('nothing of its idle times stays with a connection', async () => {
  const watched: number[] = [];
  for (let i = 0; i < 3; i += 1) {
    await client.units();
    watched.push(dialed[0]?.listenerCount('error') ?? 0);
  }
  expect(dialed).toHaveLength(1);
  expect(new Set(watched).size).toBe(1);
});

test('what is followed takes the connection that is free; others get one beside it', async () => {
  expect(await client.units()).toEqual([]);
  const lines = client.journal('a.service', { follow: true, machine: machineId });
  expect(Buffer.from((await lines.next()).value ?? '').toString()).toBe('a.service\n');
  expect(dialed).toHaveLength(1);
  await Promise.all([client.machines(), client.units()]);
  expect(dialed).toHaveLength(2);
  const cut = closed(dialed[0]);
  await lines.return(undefined);
  await cut;
  await client.units();
  expect(dialed).toHaveLength(2);
});

test('a connection that closed meanwhile is not used again', async () => {
  await client.units();
  const gone = closed(dialed[0]);
  dialed[0]?.destroy();
  await gone;
  expect(await client.units()).toEqual([]);
  expect(dialed).toHaveLength(2);
});

test('a failed request does not hold up the next one', async () => {
  await server.close();
  const first = client.units();
  const second = client.machines();
  await expect(first).rejects.toThrow(
    `cannot reach musterd at unix:${socketPath} through the test: there is no such socket`,
  );
  await expect(second).rejects.toThrow('there is no such socket');
});

test('why the connection broke is told, also in the middle of an answer', async () => {
  const lines = client.journal('a.service', { follow: true, machine: machineId });
  await lines.next();
  dialed[0]?.destroy(new Error('the bastion said goodbye'));
  await expect(lines.next()).rejects.toThrow(
    `cannot reach musterd at unix:${socketPath} through the test: the bastion said goodbye`,
  );
  await expect(client.units()).resolves.toEqual([]);
});

describe('a caller that closes its side', () => {
  const send = async (request: string): Promise<{ socket: Socket; answer: Promise<string> }> => {
    const socket = connect({ path: socketPath, allowHalfOpen: true });
    dialed.push(socket);
    let text = '';
    socket.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    const answer = new Promise<string>((resolve) => socket.once('end', () => resolve(text)));
    await new Promise<void>((resolve) => {
      socket.end(`${request} HTTP/1.1\r\nHost: x\r\n\r\n`, resolve);
    });
    return { socket, answer };
  };

  test('has its answer, however long that takes', async () => {
    let mayAnswer = (): void => {};
    answerMay = new Promise((resolve) => (mayAnswer = resolve));
    const asked = `GET /v1/local/units/a.service/status`;
    const { answer } = await send(asked);
    // By the time that this is answered the server has seen the end of the other connection.
    for (let i = 0; i < 3; i += 1) await client.units();
    mayAnswer();
    expect(await answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*● a\.service\n/);
  });

  test('ends what it follows, for it may be gone', async () => {
    const { answer } = await send('GET /v1/local/units/a.service/journal?follow=true');
    expect(await answer).not.toContain('\r\n0\r\n\r\n');
  });
});
