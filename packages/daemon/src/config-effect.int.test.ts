// needs: etcd
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { startUserManager, whyNoUserManager } from '@muster/systemd/testing';
import type { UserManager } from '@muster/systemd/testing';
import { EtcdStore } from '../../registry/src/client.ts';
import { startEtcd } from '../../registry/src/testing/etcd.ts';
import type { TestEtcd } from '../../registry/src/testing/etcd.ts';
import { bundleMusterd, TestDaemon } from './test-daemon.ts';

jest.setTimeout(60_000);

const machineId = readFileSync('/etc/machine-id', 'utf8').trim();

/** What fleet.conf could say, and what musterd has for it, in both ways to say it. */
const inFile = (endpoint: string): string => `
etcd: { endpoints: ["${endpoint}"], prefix: /in/file }
machine: { address: 10.1.2.3, metadata: { region: eu, disk: ssd }, ttl: 30s }
agent: { manager: user }
scheduler: { enabled: false }
api: { tokenlimit: 2 }`;
const inEnvironment = (endpoint: string): Readonly<Record<string, string>> => ({
  MUSTER_ETCD_ENDPOINTS: endpoint,
  MUSTER_ETCD_PREFIX: '/in/environment',
  MUSTER_MACHINE_ADDRESS: '10.1.2.3',
  MUSTER_MACHINE_METADATA: 'region=eu,disk=ssd',
  MUSTER_MACHINE_TTL: '30s',
  MUSTER_AGENT_MANAGER: 'user',
  MUSTER_SCHEDULER_ENABLED: 'false',
  MUSTER_API_TOKENLIMIT: '2',
});

function suite(): void {
  let manager: UserManager;
  let etcd: TestEtcd;
  let store: EtcdStore;
  let script: string;
  let daemon: TestDaemon;

  beforeAll(async () => {
    [manager, etcd] = await Promise.all([startUserManager(), startEtcd()]);
    store = new EtcdStore({ endpoints: [etcd.endpoint] });
    script = bundleMusterd(manager.scratch);
  });
  afterEach(() => daemon.stop());
  afterAll(async () => {
    await store.close();
    await etcd.stop();
    await manager.stop();
  });

  async function put(name: string): Promise<void> {
    const asked = request({
      socketPath: daemon.socket,
      method: 'PUT',
      path: `/fleet/v1/units/${name}`,
      headers: { 'content-type': 'application/json' },
      agent: false,
    });
    const options = [{ section: 'Service', name: 'ExecStart', value: '/bin/true' }];
    const answer = once(asked.end(JSON.stringify({ name, options })), 'response');
    const [response]: IncomingMessage[] = await answer;
    expect(response?.resume().statusCode).toBe(201);
  }

  test.each([
    ['file', '/in/file'],
    ['environment', '/in/environment'],
  ])('what is said in the %s is what musterd does', async (where, prefix) => {
    const directory = mkdtempSync(join(manager.scratch, 'd-'));
    const env = where === 'file' ? {} : inEnvironment(etcd.endpoint);
    daemon = new TestDaemon({ script, directory, env: { ...manager.env, ...env } });
    daemon.configure(where === 'file' ? inFile(etcd.endpoint) : '');
    await daemon.start();
    await daemon.says(({ msg }) => msg === 'registered this machine');

    // etcd.prefix, machine.address, machine.metadata; machine.ttl is the lease's.
    const range = { key: `${prefix}/machine/${machineId}`, end: null };
    const { gets } = await store.txn({ success: [{ type: 'get', range }] });
    const stored = gets[0]?.keys[0];
    expect(JSON.parse(stored?.value ?? 'null')).toMatchObject({
      address: '10.1.2.3',
      metadata: { region: 'eu', disk: 'ssd' },
    });
    const lease = await store.leaseLeft(stored?.lease ?? '');
    expect(lease?.grantedSeconds).toBe(30);
    expect(JSON.parse(await daemon.get('/fleet/v1/machines'))).toEqual({
      machines: [{ id: machineId, primaryIP: '10.1.2.3', metadata: { region: 'eu', disk: 'ssd' } }],
    });

    // agent.manager: its bus is the one of this user's systemd, which is the only one here.
    let page = '';
    for (const end = performance.now() + 10_000; performance.now() < end;) {
      page = await daemon.get('/metrics');
      if (/^muster_systemd_connected 1$/m.test(page)) break;
    }
    expect(page).toMatch(/^muster_systemd_connected 1$/m);

    // scheduler.enabled: nobody else is there, and still nobody leads.
    expect(page).toMatch(/^muster_scheduler_elections_won_total 0$/m);
    expect(JSON.parse(await daemon.get('/v1/cluster'))).toMatchObject({ leader: null });

    // api.tokenlimit
    for (const name of ['a.service', 'b.service', 'c.service']) await put(name);
    const first: { units: unknown[]; nextPageToken: string } = JSON.parse(
      await daemon.get('/fleet/v1/units'),
    );
    expect(first.units).toHaveLength(2);
    const next = `/fleet/v1/units?nextPageToken=${encodeURIComponent(first.nextPageToken)}`;
    expect(JSON.parse(await daemon.get(next))).toMatchObject({ units: [{ name: 'c.service' }] });
  });
}

const reason = whyNoUserManager();
if (reason === null)
  describe('a configuration in effect', () => {
    suite();
  });
// oxlint-disable-next-line jest/no-disabled-tests -- it says what this machine lacks
else test.skip(`config-effect.int.test.ts: left out, because ${reason}`, () => undefined);
