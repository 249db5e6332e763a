// needs: etcd
import { EtcdStore } from './client.ts';
import { MemoryKnownStore, realClock, silentLog } from './fake.ts';
import { describeChangedContract } from './changed.contract.ts';
import { describeHistoryContract } from './history.contract.ts';
import { describeLossContract } from './losses.contract.ts';
import { describeIdentityContract } from './identity.contract.ts';
import { describeLeaseContract } from './lease.contract.ts';
import { describePresenceContract } from './presence.contract.ts';
import { openRegistry } from './registry.ts';
import type { Registry } from './registry.ts';
import { describeRegistryContract } from './registry.contract.ts';
import { get, keysUnder, oneKey } from './store.ts';
import { startEtcd } from './testing/etcd.ts';
import type { TestEtcd } from './testing/etcd.ts';
import { describeKeys } from './testing/ground.ts';
import type { Ground } from './testing/ground.ts';

let etcd: TestEtcd;
let direct: EtcdStore;
let grounds = 0;

beforeAll(async () => {
  etcd = await startEtcd();
  direct = new EtcdStore({ endpoints: [etcd.endpoint] });
}, 30_000);

afterAll(async () => {
  await direct.close();
  await etcd.stop();
});

function makeGround(): Promise<Ground> {
  const prefix = `/test${grounds++}`;
  const open: Registry[] = [];
  let isDown = false;
  const outage = async (isOn: boolean): Promise<void> => {
    if (isOn && !isDown) await etcd.kill();
    if (!isOn && isDown) await etcd.start();
    isDown = isOn;
  };
  return Promise.resolve({
    open: (machineId, { knownStore = new MemoryKnownStore(), log = silentLog() } = {}) => {
      const endpoints = [etcd.endpoint];
      const clock = realClock();
      const registry = openRegistry({ endpoints, prefix, machineId, clock, log, knownStore });
      open.push(registry);
      return registry;
    },
    expire: async (machineId) => {
      const { gets } = await direct.txn({
        success: [get(oneKey(`${prefix}/machine/${machineId}`))],
      });
      const lease = gets[0]?.keys[0]?.lease ?? null;
      if (lease === null) throw new Error(`machine ${machineId} is on no lease`);
      await direct.revokeLease(lease);
    },
    put: async (path, value) => {
      const key = `${prefix}/${path}`;
      await direct.txn({ success: [{ type: 'put', key, value, lease: null }] });
    },
    remove: async (path) => {
      const key = `${prefix}/${path}`;
      const range = path === '' ? keysUnder(key) : oneKey(key);
      const { gets } = await direct.txn({ success: [get(range)] });
      const keys = gets[0]?.keys ?? [];
      await direct.txn({ success: keys.map((stored) => ({ type: 'delete', key: stored.key })) });
    },
    putElsewhere: async () => {
      const key = '/somebody/else';
      const put = { type: 'put', key, value: 'x', lease: null } as const;
      return (await direct.txn({ success: [put] })).revision;
    },
    compact: (revision) => direct.compact(revision),
    contents: async () => {
      const { gets } = await direct.txn({ success: [get(keysUnder(`${prefix}/`))] });
      return describeKeys(gets[0]?.keys ?? []);
    },
    outage,
    wipe: async () => {
      await etcd.kill();
      await etcd.wipe();
      await etcd.start();
    },
    close: async () => {
      await outage(false);
      await Promise.all(open.map((registry) => registry.close()));
    },
  });
}

describeRegistryContract('etcd', makeGround);

describeChangedContract('etcd', makeGround);
describePresenceContract('etcd', makeGround);
describeIdentityContract('etcd', makeGround);
describeLeaseContract('etcd', makeGround);
describeLossContract('etcd', makeGround);
describeHistoryContract('etcd', makeGround);
