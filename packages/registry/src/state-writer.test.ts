import { StoreUnavailableError } from '@muster/core';
import type { StateReport } from '@muster/core';
import { keysOf } from './keys.ts';
import { MemoryStore } from './memory-store.ts';
import { StateWriter } from './state-writer.ts';
import type { Store, Txn } from './store.ts';
import { report } from './testing/ground.ts';

const keys = keysOf('/muster');
const unit = 'x.service';

/** A machine that is registered, and whose next write is held back when it is told so. */
async function setUp() {
  const memory = new MemoryStore();
  const store = memory.connect('a');
  const held: Txn[] = [];
  let isHolding = false;
  const way: Store = {
    ...store,
    txn: async (txn) => {
      if (!isHolding || txn.success.every(({ type }) => type === 'get')) return store.txn(txn);
      isHolding = false;
      held.push(txn);
      throw new StoreUnavailableError('no answer');
    },
  };
  const { lease } = await store.grantLease(10);
  await store.txn({ success: [{ type: 'put', key: keys.machine('a'), value: '{}', lease }] });
  const presence = { session: () => lease, doubt: jest.fn() };
  const writer = new StateWriter({ store: way, keys, machineId: 'a', presence });
  return {
    writer,
    memory,
    presence,
    hold: () => {
      isHolding = true;
    },
    arrive: async () => Promise.all(held.splice(0).map((txn) => store.txn(txn))),
    stored: () => memory.value(keys.state('a', unit)),
  };
}

type States = ReadonlyMap<string, StateReport | null>;
const active: States = new Map([[unit, report(unit)]]);
const failed: States = new Map([[unit, { ...report(unit), activeState: 'failed' }]]);
const gone: States = new Map([[unit, null]]);

test.each<[string, States, string | null]>([
  ['a later one', active, 'active'],
  ['the state was removed', gone, null],
])('a write without an answer that arrives after %s changes nothing', async (_, last, expected) => {
  const { writer, presence, hold, arrive, stored } = await setUp();
  await writer.write(active);
  hold();
  await expect(writer.write(failed)).rejects.toThrow('no answer');
  await writer.write(last);
  const before = stored();
  expect(before === null ? null : JSON.parse(before).activeState).toBe(expected);
  expect(await arrive()).toMatchObject([{ succeeded: false }]);
  expect(stored()).toBe(before);
  expect(presence.doubt).not.toHaveBeenCalled();
});

test('a state that was written by somebody else is overwritten only after it was read', async () => {
  const { writer, memory, presence, stored } = await setUp();
  await writer.write(active);
  memory.put(keys.state('a', unit), 'another');
  await expect(writer.write(failed)).rejects.toThrow('are not those it wrote last');
  expect(stored()).toBe('another');
  expect(presence.doubt).not.toHaveBeenCalled();
  await writer.write(failed);
  expect(stored()).toContain('failed');
});

test('a machine whose presence is on another lease writes nothing, and looks', async () => {
  const { writer, memory, presence, stored } = await setUp();
  await writer.write(active);
  const before = stored();
  memory.put(keys.machine('a'), '{}');
  await expect(writer.write(failed)).rejects.toThrow('no longer ours');
  expect(stored()).toBe(before);
  expect(presence.doubt).toHaveBeenCalled();
});
