import { StoreUnavailableError } from '@muster/core';
import type { LeaseAge } from '@muster/core';
import { VirtualClock } from '../../core/src/testing/virtual-clock.ts';
import { Lookout } from './lookout.ts';
import { buildModel } from './model-keeper.ts';
import { PlannedCluster } from './testing/planned-cluster.ts';

const ttlMs = 8_000;
const fresh: LeaseAge = { leftSeconds: 7, grantedSeconds: 8 };
const overdue: LeaseAge = { leftSeconds: 1, grantedSeconds: 8 };

/** Five machines with a unit each, seen by a leader whose contact is old enough. */
function setUp() {
  const cluster = new PlannedCluster();
  const ids = ['m1', 'm2', 'm3', 'm4', 'm5'];
  for (const id of ids) cluster.machine(id).unit(`${id}.service`);
  cluster.rest();
  const clock = new VirtualClock();
  const ages = new Map(ids.map((id) => [id, fresh]));
  const asked: string[][] = [];
  const contact = { since: -60_000 as number | null };
  let meanwhile = (): void => undefined;
  let fails = false;
  const lookout = new Lookout({
    clock,
    contact: { unbrokenSince: () => contact.since, answeredAt: () => clock.monotonic() },
    leases: {
      ages: async (machines) => {
        asked.push([...machines]);
        await Promise.resolve();
        meanwhile();
        if (fails) throw new StoreUnavailableError('no answer');
        return new Map([...ages].filter(([id]) => machines.includes(id)));
      },
    },
    machineTtlMs: ttlMs,
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  });
  const look = () =>
    lookout.look(
      () => buildModel(cluster.snapshot(), new Map()),
      ({ brake, absentSince, lookAgainAt }) => ({
        decision: brake?.decision ?? null,
        movable: [...absentSince.keys()].sort(),
        lookAgainAt,
      }),
    );
  return {
    cluster,
    clock,
    ages,
    asked,
    contact,
    look,
    setMeanwhile: (act: () => void) => void (meanwhile = act),
    setFailing: (isFailing: boolean) => void (fails = isFailing),
  };
}

const off = (...movable: string[]) => ({ decision: 'off', movable, lookAgainAt: null });
const waits = { decision: 'waits', movable: [], lookAgainAt: 500 };

test('while all are there, nobody is asked', async () => {
  const { look, asked } = setUp();
  expect(await look()).toEqual(off());
  expect(asked).toEqual([]);
});

test('a machine that vanishes alone may be moved from at once; the others are asked after once', async () => {
  const { cluster, look, asked } = setUp();
  cluster.lose('m1');
  expect(await look()).toEqual(off('m1'));
  expect(await look()).toEqual(off('m1'));
  expect(asked).toEqual([['m2', 'm3', 'm4', 'm5']]);
  cluster.lose('m2');
  expect(await look()).toEqual(off('m1', 'm2'));
  expect(asked).toHaveLength(2);
});

test('machines that vanish one after the other are waited for, and engage the brake', async () => {
  const { cluster, ages, look, asked } = setUp();
  cluster.lose('m1');
  ages.set('m2', overdue).set('m3', overdue);
  expect(await look()).toEqual(waits);
  expect(await look()).toEqual(waits);
  cluster.lose('m2');
  ages.delete('m2');
  expect(await look()).toEqual(waits);
  cluster.lose('m3');
  expect(await look()).toEqual({ decision: 'on', movable: [], lookAgainAt: null });
  expect(asked).toHaveLength(3);
});

test('one whose lease has ended counts as vanishing, though the picture does not show it yet', async () => {
  const { cluster, ages, look } = setUp();
  cluster.lose('m1');
  ages.delete('m2');
  ages.delete('m3');
  expect(await look()).toEqual(waits);
  cluster.lose('m2').lose('m3');
  expect(await look()).toEqual({ decision: 'on', movable: [], lookAgainAt: null });
});

test('overdue machines that renew after all let the one that vanished be moved from', async () => {
  const { cluster, ages, look } = setUp();
  cluster.lose('m1');
  ages.set('m2', overdue).set('m3', overdue);
  expect(await look()).toEqual(waits);
  ages.set('m2', fresh).set('m3', fresh);
  expect(await look()).toEqual(off('m1'));
});

test('one that vanishes while the others are asked after is not taken for alone', async () => {
  const { cluster, look, setMeanwhile } = setUp();
  cluster.lose('m1');
  setMeanwhile(() => cluster.lose('m2'));
  expect(await look()).toEqual(waits);
  expect(await look()).toEqual(off('m1', 'm2'));
});

test('when they cannot be asked after, nothing is concluded', async () => {
  const { cluster, look, setFailing } = setUp();
  cluster.lose('m1');
  setFailing(true);
  expect(await look()).toEqual(waits);
  setFailing(false);
  expect(await look()).toEqual(off('m1'));
});

test('with young contact nothing is said of the brake, and nobody is asked', async () => {
  const { cluster, contact, look, asked } = setUp();
  for (const id of ['m1', 'm2', 'm3']) cluster.lose(id);
  contact.since = 0;
  expect(await look()).toEqual({ decision: null, movable: [], lookAgainAt: ttlMs + 2_000 });
  expect(asked).toEqual([]);
});

test('while the brake is on, the others are waited for after one is back', async () => {
  const { cluster, clock, look } = setUp();
  for (const id of ['m1', 'm2', 'm3']) cluster.lose(id);
  await look();
  cluster.brake = { isOn: true, machines: ['m1', 'm2', 'm3'], reason: '', at: 0, modRevision: 1 };
  cluster.machine('m1');
  expect(await look()).toEqual(waits);
  await clock.advance(9_999);
  expect(await look()).toMatchObject({ decision: 'waits', movable: [] });
  await clock.advance(1);
  expect(await look()).toEqual(off('m2', 'm3'));
});

test('machines that an operator accepts as lost are moved from while the brake holds others', async () => {
  const { cluster, look } = setUp();
  for (const id of ['m1', 'm2', 'm3', 'm4']) cluster.lose(id);
  cluster.accept('m4');
  expect(await look()).toEqual({ decision: 'on', movable: ['m4'], lookAgainAt: null });
});

test('when one of those that are held back is given up, the others stay held back', async () => {
  const { cluster, clock, look } = setUp();
  for (const id of ['m1', 'm2', 'm3']) cluster.lose(id);
  await look();
  cluster.brake = { isOn: true, machines: ['m1', 'm2', 'm3'], reason: '', at: 0, modRevision: 1 };
  cluster.accept('m1');
  const on = { decision: 'on', movable: ['m1'], lookAgainAt: null };
  expect(await look()).toEqual(on);
  await clock.advance(60_000);
  expect(await look()).toEqual(on);
  cluster.accept('m2').accept('m3');
  expect(await look()).toEqual(off('m1', 'm2', 'm3'));
});
