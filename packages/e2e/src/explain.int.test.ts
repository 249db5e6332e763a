// needs: etcd
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createApiServer, createForwarder } from '@muster/api';
import type { ApiServer } from '@muster/api';
import { createApiClient } from '@muster/api/client';
import type { ApiClient, ExplanationBody } from '@muster/api/client';
import type { Metadata } from '@muster/core';
import { MemoryKnownStore, MemoryLeaseStore, openRegistry } from '@muster/registry';
import type { Registry } from '@muster/registry';
import { createExplainer, Scheduler } from '@muster/scheduler';
import { realClock } from '../../registry/src/fake.ts';
import { startEtcd } from '../../registry/src/testing/etcd.ts';
import type { TestEtcd } from '../../registry/src/testing/etcd.ts';
import { waitFor } from './lab.ts';

jest.setTimeout(60_000);

// The leader places units on one machine; another, which never leads, is asked why.

const clock = realClock();
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const ids = ['1', '2', '3'].map((digit) => digit.repeat(32));
const ttlSeconds = 20;
const patienceMs = 20_000;

let dir: string;
let etcd: TestEtcd;
const registries: Registry[] = [];
let server: ApiServer;
let client: ApiClient;
const leading = new AbortController();
let led: Promise<void>;
/** unit → what the leader's log says of why it has no place */
const unplaced = new Map<string, unknown>();

function open(machineId: string): Registry {
  const registry = openRegistry({
    endpoints: [etcd.endpoint],
    prefix: '/muster',
    machineId,
    clock,
    log: silent,
    knownStore: new MemoryKnownStore(),
  });
  registries.push(registry);
  return registry;
}

async function register(registry: Registry, id: string, metadata: Metadata): Promise<void> {
  const facts = {
    id,
    bootId: `boot-${id}`,
    hostname: id,
    address: null,
    apiUrl: null,
    metadata,
    capacity: { cpus: 1, memoryBytes: 1 },
    version: 'test',
  };
  await registry.presence.register(facts, { ttlSeconds, leaseStore: new MemoryLeaseStore() });
}

function schedulerOn(registry: Registry, machine: string): Scheduler {
  return new Scheduler({
    campaign: registry.campaign({ machine, apiUrl: null, ttlSeconds: 3 }),
    openView: () => registry.units.cluster(),
    contact: registry.contact,
    leases: registry.leases,
    clock,
    log: {
      ...silent,
      warn: (fields, message) => {
        const { unit } = { unit: '', ...fields };
        if (message === 'cannot place unit') unplaced.set(unit, fields);
      },
    },
    machineTtlMs: ttlSeconds * 1000,
    compactMs: null,
  });
}

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'muster-explain-'));
  etcd = await startEtcd();
  const [first, ...others] = ids.map(open);
  const last = others.at(-1);
  if (first === undefined || last === undefined) throw new Error('there are no machines');
  await Promise.all(
    registries.map((registry, i) => {
      return register(registry, ids[i] ?? '', { rack: `r${i + 1}` });
    }),
  );
  led = schedulerOn(first, ids[0] ?? '').run(leading.signal);
  server = createApiServer({
    units: last.units,
    inspector: { status: async () => '', use: async () => [], journal: async function* () {} },
    explainer: createExplainer(),
    self: { machineId: ids[2] ?? '', hostname: 'last', version: 'test' },
    clock,
    log: silent,
    forward: createForwarder(null),
  });
  const [endpoint = ''] = await server.listen([`unix:${dir}/api.sock`]);
  client = createApiClient({ endpoint });
});
afterAll(async () => {
  leading.abort();
  await led;
  await server?.close();
  await Promise.all(registries.map((registry) => registry.close()));
  await etcd?.stop();
  rmSync(dir, { recursive: true });
});

const unitFile = (fleet: string): string => `[Service]\nExecStart=/bin/true\n[X-Fleet]\n${fleet}\n`;

/** The explanation, once it is as it is to be. */
function explained(
  unit: string,
  isIt: (said: ExplanationBody) => boolean,
): Promise<ExplanationBody> {
  return waitFor(
    `the explanation of ${unit}`,
    async () => {
      const said = await client.explain(unit);
      return isIt(said) ? { done: true, value: said } : { done: false, saw: JSON.stringify(said) };
    },
    patienceMs,
  );
}

test('who never leads says of a unit without a place what the leader says, word for word', async () => {
  const file = unitFile('MachineMetadata=rack=r9\nConflicts=other.service');
  await client.writeUnits([{ name: 'far.service', file, desiredState: 'launched' }]);
  const logged = await waitFor(
    'the leader to find no place',
    async () => {
      const value = unplaced.get('far.service');
      return value === undefined ? { done: false, saw: 'nothing' } : { done: true, value };
    },
    patienceMs,
  );
  const said = await explained('far.service', ({ reason }) => reason !== '');
  const machines = said.machines.map(({ machine, reason }) => ({ machine, reason }));
  expect({ unit: said.unit, reason: said.reason, machines }).toEqual(logged);
  expect(said.machines.map(({ machine, verdict }) => [machine, verdict])).toEqual(
    ids.map((id) => [id, 'refuses']),
  );
  const { pending } = await client.statesAfter(0);
  expect(pending.map(({ unit }) => unit)).toEqual(['far.service']);
});

test('a dry run says where the leader then puts units', async () => {
  const file = unitFile('Conflicts=db@*.service');
  const requests = ['1', '2', '3', '4'].map((instance) => {
    return { name: `db@${instance}.service`, file, desiredState: 'launched' } as const;
  });
  const { units } = await client.planUnits({ units: requests });
  const planned = units.map(({ name, explanation: { status, machines } }) => {
    return [name, status, ...machines.filter((m) => m.verdict === 'takes').map((m) => m.machine)];
  });
  expect(await client.unit('db@1.service')).toBeNull();
  await client.writeUnits(requests);
  await explained('db@3.service', ({ status }) => status === 'placed');
  await explained('db@4.service', ({ reason }) => reason === 'no machine can take it');
  const said = await Promise.all(requests.map(({ name }) => client.explain(name)));
  const placed = said.map(({ unit, status, machines }) => {
    return [unit, status, ...machines.filter((m) => m.verdict === 'holds').map((m) => m.machine)];
  });
  expect(placed).toEqual(planned);
});

test('when nobody leads any more it still answers, and says so', async () => {
  leading.abort();
  await led;
  const [note] = (await explained('db@1.service', ({ notes }) => notes.length > 0)).notes;
  expect(note).toBe('there is no leader: nothing is moved until there is one');
  await client.writeUnits([
    { name: 'late.service', file: unitFile('MachineMetadata=rack=r2'), desiredState: 'launched' },
  ]);
  const said = await explained('late.service', ({ status }) => status === 'pending');
  expect(said.reason).toBe('there is no leader, and nothing is placed until there is one');
  expect(said.machines.map(({ verdict }) => verdict)).toEqual(['refuses', 'takes', 'refuses']);
});
