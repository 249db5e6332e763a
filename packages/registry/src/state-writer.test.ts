import { StoreUnavailableError } from '@muster/core';
import { keysOf } from './keys.ts';
import { MemoryStore } from './memory-store.ts';
import { StateWriter } from './state-writer.ts';
import type { Store, Txn } from './store.ts';
import { report } from './testing/ground.ts';

const keys = keysOf('/muster');
const x = keys.state('a', 'x.service');

/** What becomes of the next write of states. */
type Fate = 'held' | 'answer lost';

/** A machine that is registered, and a link on which one write of its states is late. */
async function machine(): Promise<{
  writer: StateWriter;
  memory: MemoryStore;
  next: (fate: Fate) => void;
  /** What was held arrives. */
  letGo: () => Promise<void>;
}> {
  const memory = new MemoryStore();
  const store = memory.connect('a');
  const { lease } = await store.grantLease(8);
  const key = keys.machine('a');
  await store.txn({ success: [{ type: 'put', key, value: '{}', lease }] });
  let fate: Fate | null = null;
  const held: Txn[] = [];
  const txn: Store['txn'] = async (asked) => {
    const isOfStates = asked.success.some((op) => op.type !== 'get' && op.key === x);
    if (fate === null || !isOfStates) return store.txn(asked);
    if (fate === 'held') held.push(asked);
    else await store.txn(asked);
    fate = null;
    throw new StoreUnavailableError('no answer');
  };
  const presence = { session: () => lease, doubt: () => undefined };
  return {
    writer: new StateWriter({ store: { ...store, txn }, keys, machineId: 'a', presence }),
    memory,
    next: (what) => {
      fate = what;
    },
    letGo: async () => {
      for (const asked of held) await store.txn(asked);
    },
  };
}

const told = (answers: number) => new Map([['x.service', report('x.service', { answers })]]);
const gone = new Map([['x.service', null]]);
const answerOf = (memory: MemoryStore): unknown => JSON.parse(memory.value(x) ?? '{}').answers;

test('a write that arrives after a later one is refused', async () => {
  const { writer, memory, next, letGo } = await machine();
  await writer.publish(told(1));
  next('held');
  await expect(writer.publish(told(2))).rejects.toThrow('no answer');
  await writer.publish(told(3));
  await letGo();
  expect(answerOf(memory)).toBe(3);
});

test('also when the later one removed what it wrote', async () => {
  const { writer, memory, next, letGo } = await machine();
  next('held');
  await expect(writer.publish(told(1))).rejects.toThrow('no answer');
  await writer.publish(gone);
  await letGo();
  expect(memory.value(x)).toBeNull();
});

test('also when it was looked at alone what the store has', async () => {
  const { writer, memory, next, letGo } = await machine();
  next('held');
  await expect(writer.publish(told(1))).rejects.toThrow('no answer');
  expect(await writer.units()).toEqual([]);
  await letGo();
  expect(memory.value(x)).toBeNull();
});

test('one whose answer was lost is seen, and followed', async () => {
  const { writer, memory, next } = await machine();
  next('answer lost');
  await expect(writer.publish(told(1))).rejects.toThrow('no answer');
  expect(await writer.units()).toEqual(['x.service']);
  await writer.publish(told(2));
  expect(answerOf(memory)).toBe(2);
});
