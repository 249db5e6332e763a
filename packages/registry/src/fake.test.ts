import { MemoryKnownStore, openFakeRegistry } from './fake.ts';
import { MemoryStore } from './memory-store.ts';
import { describePresenceContract } from './presence.contract.ts';
import type { Registry } from './registry.ts';
import { describeRegistryContract } from './registry.contract.ts';
import type { Ground } from './testing/ground.ts';

function makeGround(): Promise<Ground> {
  const store = new MemoryStore();
  const direct = store.connect('the test');
  const open: Registry[] = [];
  const knownStores = new Map<string, MemoryKnownStore>();
  return Promise.resolve({
    open: (machineId, options = {}) => {
      const knownStore =
        options.knownStore ?? knownStores.get(machineId) ?? new MemoryKnownStore();
      const registry = openFakeRegistry(store, { ...options, machineId, knownStore });
      open.push(registry);
      return registry;
    },
    expire: (machineId) => Promise.resolve(store.expireLease(machineId)),
    put: (path, value) => Promise.resolve(store.put(`/muster/${path}`, value)),
    remove: async (path) => {
      const range = { key: `/muster/${path}`, end: path === '' ? '/muster0' : null };
      const { gets } = await direct.txn({ then: [{ type: 'get', range }] });
      const keys = gets[0]?.keys ?? [];
      await direct.txn({ then: keys.map(({ key }) => ({ type: 'delete', key })) });
    },
    revision: () => Promise.resolve(store.revision),
    outage: (isOn) => Promise.resolve(store.outage(isOn)),
    wipe: () => Promise.resolve(store.wipe()),
    close: async () => {
      store.outage(false);
      await Promise.all(open.map((registry) => registry.close()));
    },
  });
}

describeRegistryContract('the fake', makeGround);
describePresenceContract('the fake', makeGround);
