import { MemoryCluster } from './in-memory.ts';

const sleeper = '[Service]\nExecStart=/bin/sleep infinity\n';
const units = [1, 2, 3, 4, 5].map((i) => `u${i}.service`);

let cluster: MemoryCluster;

beforeEach(async () => {
  cluster = new MemoryCluster(5);
  await cluster.start();
  for (const unit of units) await cluster.write(unit, sleeper, 'launched', 5);
  // Contact has to be older than a ttl before anything counts as absent.
  await cluster.clock.advance(15_000);
  const found = [leader(), ...(await places())];
  if (found.join() !== ['m1', ...home].join()) throw new Error(`begun with ${found.join()}`);
});
afterEach(() => cluster.stop());

const home = units.map((unit, i) => `${unit} ${i + 1}`);

/** `unit machine` for each copy that runs. */
async function places(): Promise<string[]> {
  const found = await Promise.all(units.map((unit) => cluster.where(unit)));
  return found.flatMap((machines, i) => machines.map((machine) => `${units[i]} ${machine}`));
}

const leader = (): string => JSON.parse(cluster.store.value('/muster/leader') ?? '{}').machine;
const brake = (): { isOn?: boolean; machines?: string[]; reason?: string } =>
  JSON.parse(cluster.store.value('/muster/brake') ?? '{}');

/** They lose contact at the same moment; their leases end one after the other, as etcd's do. */
async function cut(...machines: number[]): Promise<void> {
  for (const number of machines) cluster.store.outage(true, `m${number}`);
  for (const number of machines) cluster.store.letLeaseRunOut(`m${number}`);
  for (const number of machines) {
    cluster.store.expireLease(`m${number}`);
    await cluster.clock.advance(1_300);
  }
}

async function mend(...machines: number[]): Promise<void> {
  for (const number of machines) cluster.store.outage(false, `m${number}`);
  await cluster.clock.advance(10_000);
}

/** Jobs that systemd was asked for, of all machines, but for the first starts. */
const laterJobs = (): string[] =>
  cluster.machines.flatMap(({ id, systemd }) =>
    systemd.asked.slice(1).map(({ type, unit }) => `${id} ${type} ${unit}`),
  );

test('of two machines that are cut off together the units are placed elsewhere at once', async () => {
  await cut(4, 5);
  await cluster.clock.advance(1_000);
  expect(await places()).toHaveLength(7);
  expect(brake()).toEqual({});
});

test('when three of five are cut off, nothing is moved, also not before all of them count as absent', async () => {
  await cut(3, 4, 5);
  await cluster.clock.advance(60_000);
  expect(laterJobs()).toEqual([]);
  expect(brake()).toMatchObject({
    isOn: true,
    machines: ['m3', 'm4', 'm5'],
    reason: '3 of 5 machines are absent',
  });
  await cluster.write('new.service', sleeper);
  expect((await cluster.where('new.service'))[0]).toBeLessThan(3);
});

test('the brake goes off when they are back, and every unit has run on', async () => {
  await cut(3, 4, 5);
  await mend(3, 4, 5);
  await cluster.clock.advance(60_000);
  expect(brake()).toMatchObject({ isOn: false, reason: '3 of them are back' });
  expect(await places()).toEqual(home);
  expect(laterJobs()).toEqual([]);
});

test('when only one is back, the units of the others are moved after a while', async () => {
  await cut(3, 4, 5);
  cluster.store.outage(false, 'm3');
  await cluster.clock.advance(9_000);
  expect(laterJobs()).toEqual([]);
  expect(brake()).toMatchObject({ isOn: true });
  await cluster.clock.advance(20_000);
  expect(brake()).toMatchObject({ isOn: false, reason: '1 of them is back' });
  expect((await places()).filter((place) => !home.includes(place))).toHaveLength(2);
});

test('a new leader holds on to it, and changes nothing of what the store says', async () => {
  await cut(3, 4, 5);
  await cluster.clock.advance(5_000);
  const said = cluster.store.value('/muster/brake');
  // Nobody is left whose contact with the store is old enough to tell who is absent.
  for (const number of [1, 2]) await cluster.machine(number).kill();
  const before = cluster.store.value('/muster/leader');
  cluster.store.expireLease('m1');
  for (const number of [1, 2]) cluster.machine(number).start();
  await cluster.clock.advance(60_000);
  const after = cluster.store.value('/muster/leader');
  expect([after === null, after === before]).toEqual([false, false]);
  expect(brake()).toMatchObject({ isOn: true });
  expect(cluster.store.value('/muster/brake')).toBe(said);
  expect((await places()).filter((place) => !home.includes(place))).toEqual([]);
});

test('units of machines whose loss is accepted are moved; one that was back is not covered again', async () => {
  await cut(3, 4, 5);
  await cluster.clock.advance(2_000);
  const origin = { by: 'root@x' };
  const losses = ['m3', 'm4', 'm5'].map((machine) => {
    return { loss: { machine, isForgotten: false, origin }, expect: 0 };
  });
  await cluster.machine(1).registry.units.writeLosses(losses);
  await cluster.clock.advance(3_000);
  expect(brake()).toMatchObject({ isOn: false, reason: 'root@x accepts the loss of 3' });
  const replaced = (await places()).filter((place) => !home.includes(place));
  expect(replaced.map((place) => place.split(' ')[0])).toEqual(units.slice(2));
  await mend(3, 4, 5);
  expect(await places()).toHaveLength(5);
  expect(cluster.store.value('/muster/loss/m3')).toBeNull();
});

test('a machine that is forgotten leaves nothing behind, and is a new one when it is back', async () => {
  await cluster.machine(1).registry.units.writeSettings({ machine: 'm5', metadata: {} }, 0);
  await cut(5);
  const loss = { machine: 'm5', isForgotten: true, origin: { by: 'root@x' } };
  await cluster.machine(1).registry.units.writeLosses([{ loss, expect: 0 }]);
  await cluster.clock.advance(3_000);
  for (const key of ['loss/m5', 'machine-settings/m5', 'assignment/m5/u5.service']) {
    expect([key, cluster.store.value(`/muster/${key}`)]).toEqual([key, null]);
  }
  expect(await cluster.where('u5.service')).toHaveLength(2);
  await mend(5);
  expect(await cluster.where('u5.service')).toHaveLength(1);
  expect((await cluster.where('u5.service'))[0]).not.toBe(5);
});
