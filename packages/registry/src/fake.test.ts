import { MemoryKnownStore, openFakeRegistry } from './fake.ts';
import { MemoryStore } from './memory-store.ts';
import { describeChangedContract } from './changed.contract.ts';
import { describeHistoryContract } from './history.contract.ts';
import { describeLossContract } from './losses.contract.ts';
import { describeIdentityContract } from './identity.contract.ts';
import { describeLeaseContract } from './lease.contract.ts';
import { describePresenceContract } from './presence.contract.ts';
import type { Registry } from './registry.ts';
import { describeRegistryContract } from './registry.contract.ts';
import { keysUnder, oneKey } from './store.ts';
import { describeKeys } from './testing/ground.ts';
import type { Ground } from './testing/ground.ts';

function makeGround(): Promise<Ground> {
  const store = new MemoryStore();
  const direct = store.connect('the test');
  const open: Registry[] = [];
  const knownStores = new Map<string, MemoryKnownStore>();
  return Promise.resolve({
    open: (machineId, options = {}) => {
      const knownStore = options.knownStore ?? knownStores.get(machineId) ?? new MemoryKnownStore();
      const registry = openFakeRegistry(store, { ...options, machineId, knownStore });
      open.push(registry);
      return registry;
    },
    expire: (machineId) => Promise.resolve(store.expireLease(machineId)),
    put: (path, value) => Promise.resolve(store.put(`/muster/${path}`, value)),
    remove: async (path) => {
      const key = `/muster/${path}`;
      const range = path === '' ? keysUnder(key) : oneKey(key);
      const { gets } = await direct.txn({ success: [{ type: 'get', range }] });
      const keys = gets[0]?.keys ?? [];
      await direct.txn({ success: keys.map((stored) => ({ type: 'delete', key: stored.key })) });
    },
    putElsewhere: async () => {
      store.put('/somebody/else', 'x');
      return Promise.resolve(store.revision);
    },
    compact: (revision) => direct.compact(revision),
    contents: async () => {
      const { gets } = await direct.txn({
        success: [{ type: 'get', range: keysUnder('/muster/') }],
      });
      return describeKeys(gets[0]?.keys ?? []);
    },
    outage: (isOn) => Promise.resolve(store.outage(isOn)),
    wipe: () => Promise.resolve(store.wipe()),
    close: async () => {
      store.outage(false);
      await Promise.all(open.map((registry) => registry.close()));
    },
  });
}

describeRegistryContract('the fake', makeGround);

describeChangedContract('the fake', makeGround);
describePresenceContract('the fake', makeGround);
describeIdentityContract('the fake', makeGround);
describeLeaseContract('the fake', makeGround);
describeLossContract('the fake', makeGround);
describeHistoryContract('the fake', makeGround);
