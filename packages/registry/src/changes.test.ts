import { StoreUnavailableError } from '@muster/core';
import { packChanges, writeChanges } from './changes.ts';
import type { Change } from './changes.ts';
import { MemoryStore } from './memory-store.ts';
import { parseAudit } from './codec.ts';
import { get, oneKey } from './store.ts';
import type { Compare, Put, Store } from './store.ts';

const limits = { maxOps: 8, maxBytes: 2000 };

function put(key: string, value = 'v'): Put {
  return { type: 'put', key, value, lease: null };
}

function change(key: string, ops: Change['ops'] = [put(key)], expect = 0): Change {
  return { expect: new Map([[key, expect]]), ops, nonce: null };
}

function destroying(key: string, by = 'tester'): Change {
  const audit = [{ type: 'destroyed', unit: key, origin: { by } }] as const;
  return { ...change(key, [{ type: 'delete', key }], 0), audit };
}

function packed(changes: readonly Change[]): number[] {
  return packChanges(changes, limits).map((batch) => batch.length);
}

test.each<[string, Change[], number[]]>([
  ['nothing is no batch', [], []],
  ['few go together', [change('a'), change('b')], [2]],
  [
    'a fence takes one compare of each',
    Array.from({ length: 8 }, (_, i) => change(`k${i}`)),
    [7, 1],
  ],
  [
    'operations are counted',
    [
      change('a', [put('a'), put('a1'), put('a2'), put('a3')]),
      change('b', [put('b'), put('b1'), put('b2'), put('b3')]),
      change('c'),
    ],
    [2, 1],
  ],
  [
    'a shared file is counted once',
    Array.from({ length: 7 }, (_, i) => change(`k${i}`, [put('file'), put(`k${i}`)])),
    [7],
  ],
  [
    'one key with two values is two batches',
    [change('a', [put('x', '1')]), change('b', [put('x', '2')])],
    [1, 1],
  ],
  ['the same key twice is two batches', [change('a'), change('a')], [1, 1]],
  [
    'what one writes and another expects is two batches',
    [change('a', [put('b')]), change('b')],
    [1, 1],
  ],
  [
    'bytes are counted',
    [change('a', [put('a', 'x'.repeat(1500))]), change('b', [put('b', 'x'.repeat(500))])],
    [1, 1],
  ],
  [
    'an audit record takes one operation of each batch',
    Array.from({ length: 7 }, (_, i) => destroying(`k${i}`)),
    [7],
  ],
  [
    'and is one operation too many when the batch is full',
    [
      destroying('a'),
      change('b', [put('b'), put('b1'), put('b2'), put('b3')]),
      change('c', [put('c'), put('c1'), put('c2')]),
    ],
    [2, 1],
  ],
  [
    'its bytes are counted',
    [destroying('a', 'x'.repeat(1000)), destroying('b', 'x'.repeat(1000))],
    [1, 1],
  ],
  [
    'one that is too large stands alone',
    [change('a', [put('a', 'x'.repeat(9000))]), change('b')],
    [1, 1],
  ],
])('%s', (_, changes, sizes) => {
  expect(packed(changes)).toEqual(sizes);
});

const fence: Compare = { target: 'create', key: 'fence', equals: 0 };
const auditKey = 'audit';

/** The first transaction is applied, but its answer is lost; the library may send it again. */
function losingFirstAnswer(store: Store, isSentAgain: boolean): Store {
  let isFirst = true;
  return {
    ...store,
    txn: async (txn) => {
      const result = await store.txn(txn);
      if (!isFirst) return result;
      isFirst = false;
      if (isSentAgain) return store.txn(txn);
      throw new StoreUnavailableError('no answer');
    },
  };
}

describe('a write whose answer is lost', () => {
  const ours = (): Change => ({
    expect: new Map([['a', 0]]),
    ops: [put('a', '{"nonce":"n1"}')],
    nonce: 'n1',
  });

  test.each([[true], [false]])('is recognised as ours (sent again: %s)', async (isSentAgain) => {
    const store = losingFirstAnswer(new MemoryStore().connect('test'), isSentAgain);
    const outcomes = await writeChanges({ store, fence, auditKey, changes: [ours()] });
    expect(outcomes).toEqual([{ type: 'written', revision: 2 }]);
  });

  test('is not taken for ours when somebody else wrote', async () => {
    const memory = new MemoryStore();
    memory.put('a', '{"nonce":"n2"}');
    const store = losingFirstAnswer(memory.connect('test'), true);
    expect(await writeChanges({ store, fence, auditKey, changes: [ours()] })).toEqual([
      { type: 'conflict' },
    ]);
  });

  test('is an error when it cannot be recognised', async () => {
    const memory = new MemoryStore();
    memory.put('a', 'x');
    const store = losingFirstAnswer(memory.connect('test'), false);
    const writing = writeChanges({ store, fence, auditKey, changes: [ours()] });
    await expect(writing).rejects.toThrow(StoreUnavailableError);
  });
});

test('the audit record names what was removed in its transaction, and not what was in conflict', async () => {
  const memory = new MemoryStore();
  memory.put('a', 'x');
  memory.put('b', 'x');
  memory.put('c', 'x');
  const changes = ['a', 'b', 'c'].map((key, i): Change => {
    return { ...destroying(key), expect: new Map([[key, key === 'b' ? 99 : i + 2]]) };
  });
  const store = memory.connect('test');
  const outcomes = await writeChanges({ store, fence, auditKey, changes });
  expect(outcomes.map(({ type }) => type)).toEqual(['written', 'conflict', 'written']);
  const [stored] = (await store.txn({ success: [get(oneKey(auditKey))] })).gets[0]?.keys ?? [];
  if (stored === undefined) throw new Error('there is no audit record');
  expect(parseAudit(stored)).toEqual({
    type: 'parsed',
    record: ['a', 'c'].map((unit) => ({ type: 'destroyed', unit, origin: { by: 'tester' } })),
  });
  expect(outcomes[0]).toEqual({ type: 'written', revision: stored.modRevision });
});

test('when the fence does not hold nothing more is written', async () => {
  const memory = new MemoryStore();
  memory.put('fence', 'somebody');
  const store = memory.connect('test');
  const changes = [change('a'), change('b')];
  expect(await writeChanges({ store, fence, auditKey, changes })).toEqual([
    { type: 'fenced' },
    { type: 'fenced' },
  ]);
  expect(memory.value('a')).toBeNull();
});
