import { MemoryCluster } from './in-memory.ts';

const unit = 'a.service';
const sleeper = '[Service]\nExecStart=/bin/sleep infinity\n';

let cluster: MemoryCluster;

/** The unit runs on the second of some machines; a leader that is the first may act at once. */
async function begin(machines: number, text = sleeper): Promise<void> {
  cluster = new MemoryCluster(machines);
  await cluster.start();
  await cluster.write('first.service', sleeper);
  await cluster.write(unit, text);
  await cluster.clock.advance(15_000);
}
afterEach(() => cluster.stop());

const asked = (machine: number): string =>
  cluster
    .machine(machine)
    .systemd.asked.filter((job) => job.unit === unit)
    .map((job) => job.type)
    .join(' ');

/** Cut off, until etcd has missed it. */
async function cut(machine: number): Promise<void> {
  cluster.store.outage(true, `m${machine}`);
  cluster.store.expireLease(`m${machine}`);
  await cluster.clock.advance(2_000);
}

async function mend(machine: number): Promise<void> {
  cluster.store.outage(false, `m${machine}`);
  await cluster.clock.advance(5_000);
}

const roles = (): string[] =>
  cluster.machines.flatMap(({ id }) => {
    const record = cluster.store.value(`/muster/assignment/${id}/${unit}`);
    return record === null ? [] : [`${id} ${JSON.parse(record).role}`];
  });

test('the old copy runs until the new one is ready; then exactly one is left', async () => {
  await begin(3);
  expect(await cluster.where(unit)).toEqual([2]);
  cluster.machine(3).systemd.script(unit, { startMs: 60_000 });
  await cut(2);
  await mend(2);
  expect(roles()).toEqual(['m2 released', 'm3 holder']);
  await cluster.clock.advance(40_000);
  expect([asked(2), asked(3)]).toEqual(['start', 'start']);
  await cluster.clock.advance(30_000);
  expect([asked(2), asked(3)]).toEqual(['start stop', 'start']);
  expect(await cluster.where(unit)).toEqual([3]);
  expect(roles()).toEqual(['m3 holder']);
});

test('a replacement that fails gives the unit back to the copy that runs', async () => {
  await begin(3);
  cluster.machine(3).systemd.script(unit, { startMs: 30_000, isOneshot: true, exitCode: 1 });
  await cut(2);
  await mend(2);
  await cluster.clock.advance(60_000);
  expect(roles()).toEqual(['m2 holder']);
  expect([asked(2), asked(3)]).toEqual(['start', 'start']);
  expect(await cluster.where(unit)).toEqual([2]);
});

test('the machine of the replacement dies, too: the copy that runs is it again', async () => {
  await begin(4);
  cluster.machine(3).systemd.script(unit, { startMs: 60_000 });
  await cut(2);
  await mend(2);
  expect(roles()).toEqual(['m2 released', 'm3 holder']);
  await cut(3);
  await cluster.clock.advance(10_000);
  expect(roles()).toEqual(['m2 holder']);
  await mend(3);
  await cluster.clock.advance(60_000);
  expect(await cluster.where(unit)).toEqual([2]);
  expect(asked(2)).toBe('start');
});

test('machines die one after the other and all are back: one copy is left, nothing ran nowhere', async () => {
  await begin(4);
  await cut(2);
  await cut(3);
  expect(await cluster.where(unit)).toEqual([2, 3, 4]);
  await mend(2);
  await mend(3);
  await cluster.clock.advance(20_000);
  expect(await cluster.where(unit)).toEqual([4]);
  expect(roles()).toEqual(['m4 holder']);
});

test('a machine that booted meanwhile has no copy, and its record goes though nothing is ready', async () => {
  await begin(3);
  cluster.machine(3).systemd.script(unit, { startMs: 600_000 });
  await cluster.machine(2).kill();
  cluster.store.expireLease('m2');
  await cluster.clock.advance(5_000);
  expect(roles()).toEqual(['m2 released', 'm3 holder']);
  cluster.machine(2).reboot();
  cluster.machine(2).start();
  await cluster.clock.advance(30_000);
  expect(roles()).toEqual(['m3 holder']);
  expect(asked(2)).toBe('start');
});

test('a machine that reboots within its ttl has its units still, and starts them', async () => {
  await begin(3);
  await cluster.machine(2).kill();
  cluster.machine(2).reboot();
  cluster.machine(2).start();
  await cluster.clock.advance(20_000);
  expect(roles()).toEqual(['m2 holder']);
  expect(asked(2)).toBe('start start');
  expect(await cluster.where(unit)).toEqual([2]);
});

test.each([
  ['global', 'Global=true'],
  ['pinned', 'MachineID=m2'],
  ['one that nobody else may have', 'Conflicts=first.service\nMachineID=m2'],
])('a blip leaves a unit alone that is %s', async (_, fleet) => {
  await begin(3, `${sleeper}[X-Fleet]\n${fleet}\n`);
  const before = [roles(), asked(2)];
  const record = cluster.store.value(`/muster/assignment/m2/${unit}`);
  await cut(2);
  await cluster.clock.advance(60_000);
  await mend(2);
  await cluster.clock.advance(20_000);
  expect([roles(), asked(2)]).toEqual(before);
  expect(cluster.store.value(`/muster/assignment/m2/${unit}`)).toBe(record);
});

test('what others say stays in the store when a machine is back', async () => {
  await begin(3);
  const state = cluster.store.value('/muster/state/m1/first.service');
  await cut(2);
  await mend(2);
  await cluster.clock.advance(20_000);
  expect(cluster.store.value('/muster/state/m1/first.service')).toBe(state);
  expect(state).not.toBeNull();
});
