import {
  hashUnitFile,
  parseUnitFile,
  serializeUnitFile,
  StoreUnavailableError,
} from '@muster/core';
import { VirtualClock } from '@muster/core/testing';
import {
  MemoryAssignmentStore,
  MemoryKnownStore,
  MemoryLeaseStore,
  MemoryStore,
  openRegistryOn,
} from '@muster/registry';
import type { Store } from '@muster/registry';
import { FakeSystemd, MemoryNoteStore } from '@muster/systemd';
import { runMusterd } from './memory-musterd.ts';

const silent = (): void => undefined;
const log = { debug: silent, info: silent, warn: silent, error: silent };
const unit = 'a.service';

/** A store to which the next write of a state arrives only when it is let go. */
function holdingBack(store: Store): { store: Store; hold: () => void; letGo: () => Promise<void> } {
  let isHolding = false;
  let late: () => Promise<unknown> = () => Promise.resolve();
  return {
    hold: () => {
      isHolding = true;
    },
    letGo: async () => void (await late()),
    store: {
      ...store,
      txn: async (txn) => {
        const isState = txn.success.some((op) => op.type === 'put' && op.key.includes('/state/'));
        if (!isHolding || !isState) return store.txn(txn);
        isHolding = false;
        late = () => store.txn(txn);
        throw new StoreUnavailableError('no answer');
      },
    },
  };
}

/** A machine that is registered, with nothing on it. */
async function setUp() {
  const clock = new VirtualClock();
  const memory = new MemoryStore();
  const way = holdingBack(memory.connect('m1'));
  const knownStore = new MemoryKnownStore();
  const registry = openRegistryOn(way.store, {
    prefix: '/muster',
    machineId: 'm1',
    clock,
    log,
    knownStore,
  });
  const systemd = new FakeSystemd(clock);
  const stop = new AbortController();
  const machine = { id: 'm1', bootId: 'm1-boot-1', metadata: {} };
  const done = runMusterd(
    {
      registry,
      systemd,
      notes: new MemoryNoteStore(machine.bootId),
      leaseStore: new MemoryLeaseStore(),
      assignments: new MemoryAssignmentStore(),
      refusal: { bootId: null },
      clock,
      log,
      machine,
    },
    stop.signal,
  );
  await clock.advance(2_000);
  const launch = async (): Promise<void> => {
    const file = parseUnitFile('[Service]\nExecStart=/bin/sleep infinity\n');
    const content = { hash: hashUnitFile(file), file: serializeUnitFile(file) };
    const set = {
      ...content,
      desiredState: 'launched',
      restarts: 0,
      origin: { by: 'test' },
    } as const;
    await registry.units.write([{ name: unit, expect: 0, set }]);
  };
  const destroy = async (): Promise<void> => {
    const expect = (await registry.units.detail(unit))?.unit.modRevision ?? 0;
    await registry.units.write([{ name: unit, expect, set: null, destroyedBy: { by: 'test' } }]);
  };
  const stored = (): unknown => {
    const value = memory.value(`/muster/state/m1/${unit}`);
    return value === null ? null : JSON.parse(value).activeState;
  };
  /** Nothing is written any more. */
  const isAtRest = async (): Promise<boolean> => {
    const { revision } = memory;
    await clock.advance(300_000);
    return memory.revision === revision;
  };
  const end = async (): Promise<void> => {
    stop.abort();
    await clock.advance(10_000);
    await registry.close();
    await done;
  };
  return { clock, way, systemd, launch, destroy, stored, isAtRest, end };
}

test.each([1_000, 100_000])(
  'a state that arrives %i ms after later ones changes nothing',
  async (ms) => {
    const { clock, way, systemd, launch, stored, isAtRest, end } = await setUp();
    await launch();
    await clock.advance(10_000);
    way.hold();
    systemd.exit(unit);
    await clock.advance(1_500);
    await systemd.startByHost(unit);
    await clock.advance(5_000 + ms);
    expect(stored()).toBe('active');
    await way.letGo();
    expect(stored()).toBe('active');
    expect(await isAtRest()).toBe(true);
    await end();
  },
);

test('the first state of a unit that is gone by then changes nothing either', async () => {
  const { clock, way, launch, destroy, stored, isAtRest, end } = await setUp();
  way.hold();
  await launch();
  await clock.advance(5_000);
  expect(stored()).toBe('active');
  await destroy();
  await clock.advance(5_000);
  expect(stored()).toBeNull();
  await way.letGo();
  expect(stored()).toBeNull();
  expect(await isAtRest()).toBe(true);
  await end();
});
