import { MemoryCluster, MemoryMachine } from './in-memory.ts';
import { offlineMs } from './memory-musterd.ts';

const sleeper = '[Service]\nExecStart=/bin/sleep infinity\n';
const on = (machine: string): string => `${sleeper}[X-Fleet]\nMachineID=${machine}\n`;

let cluster: MemoryCluster;
async function begin(machines: number): Promise<void> {
  cluster = new MemoryCluster(machines);
  await cluster.start();
}
afterEach(() => cluster.stop());

const asked = (machine: number, unit: string): string[] =>
  cluster
    .machine(machine)
    .systemd.asked.filter((job) => job.unit === unit)
    .map((job) => job.type);

/** Long enough for the assignments to be on the disk. */
const noted = (): Promise<void> => cluster.clock.advance(15_000);

/** A power cut; everything that the machine had a lease for ends. */
async function cutPower(number: number): Promise<MemoryMachine> {
  const machine = cluster.machine(number);
  await machine.kill();
  cluster.store.expireLease(machine.id);
  return machine;
}

/** Reboots a machine while the store is away for it, or for everybody. */
async function rebootInto(outage: 'everybody' | 'machine', number: number): Promise<void> {
  const machine = await cutPower(number);
  cluster.store.outage(true, outage === 'machine' ? machine.id : undefined);
  boot(machine);
}

function boot(machine: MemoryMachine): void {
  machine.reboot();
  machine.start();
}

test('after a reboot without the store units start after the configured while, not before', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper);
  await cluster.write('job.timer', '[Timer]\nOnCalendar=daily\n');
  await cluster.write('job.service', sleeper, 'loaded');
  await noted();
  await rebootInto('everybody', 1);
  await cluster.clock.advance(offlineMs - 5_000);
  expect(await cluster.where('a.service')).toEqual([]);
  await cluster.clock.advance(10_000);
  expect(await cluster.where('a.service')).toEqual([1]);
  expect(asked(1, 'a.service')).toEqual(['start', 'start']);
  // What a timer starts has to be there, and is not started by itself.
  const files = [...(await cluster.machine(1).systemd.files()).keys()].sort();
  expect(files).toEqual(['a.service', 'job.service', 'job.timer']);
  expect(asked(1, 'job.service')).toEqual([]);
});

test('back in contact, the units run on as they are and are reported', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper);
  await noted();
  await rebootInto('everybody', 1);
  await cluster.clock.advance(offlineMs + 600_000);
  cluster.store.outage(false);
  await cluster.clock.advance(30_000);
  expect(asked(1, 'a.service')).toEqual(['start', 'start']);
  const [state] = await cluster.states('a.service');
  expect(state).toMatchObject({ activeState: 'active', bootId: 'm1-boot-2', result: 'success' });
  // It is followed as ever from then on.
  await cluster.write('a.service', `${sleeper}Nice=5\n`);
  expect(asked(1, 'a.service')).toEqual(['start', 'start', 'restart']);
});

test('a musterd that is started anew meanwhile starts nothing a second time', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper);
  await noted();
  await rebootInto('everybody', 1);
  await cluster.clock.advance(offlineMs + 5_000);
  await cluster.machine(1).kill();
  cluster.store.outage(true);
  cluster.machine(1).start();
  await cluster.clock.advance(offlineMs + 60_000);
  cluster.store.outage(false);
  await cluster.clock.advance(30_000);
  expect(asked(1, 'a.service')).toEqual(['start', 'start']);
});

test('a unit that was moved away meanwhile ends with exactly one copy, where it was moved to', async () => {
  await begin(3);
  await cluster.write('a.service', sleeper);
  await noted();
  const [first = 0] = await cluster.where('a.service');
  await rebootInto('machine', first);
  await cluster.clock.advance(60_000);
  const [second = 0] = await cluster.where('a.service');
  expect(second).not.toBe(first);
  await cluster.clock.advance(offlineMs);
  expect(new Set(await cluster.where('a.service'))).toEqual(new Set([first, second]));
  cluster.store.outage(false, cluster.machine(first).id);
  await cluster.clock.advance(60_000);
  expect(await cluster.where('a.service')).toEqual([second]);
  expect(asked(second, 'a.service')).toEqual(['start']);
});

test('a copy runs on while its replacement is still coming up', async () => {
  await begin(3);
  await cluster.write('a.service', sleeper);
  await noted();
  const [first = 0] = await cluster.where('a.service');
  for (const machine of cluster.machines) {
    if (machine !== cluster.machine(first))
      machine.systemd.script('a.service', { startMs: 3_600_000 });
  }
  await rebootInto('machine', first);
  await cluster.clock.advance(offlineMs + 30_000);
  expect(await cluster.where('a.service')).toEqual([first]);
  cluster.store.outage(false, cluster.machine(first).id);
  await cluster.clock.advance(60_000);
  expect(await cluster.where('a.service')).toContain(first);
  expect(asked(first, 'a.service')).not.toContain('stop');
  // It is released: the next boot is not to start it.
  expect(cluster.machine(first).noted.noted?.assignments).toEqual([]);
});

test('a unit that was destroyed and made again is restarted with what it is now', async () => {
  await begin(2);
  await cluster.write('a.service', on('m2'));
  await noted();
  await rebootInto('machine', 2);
  await cluster.clock.advance(offlineMs + 5_000);
  await cluster.destroy('a.service');
  await cluster.write('a.service', on('m2'));
  cluster.store.outage(false, 'm2');
  await cluster.clock.advance(30_000);
  expect(asked(2, 'a.service')).toEqual(['start', 'start', 'restart']);
});

test('a unit that was destroyed meanwhile is stopped', async () => {
  await begin(2);
  await cluster.write('a.service', on('m2'));
  await noted();
  await rebootInto('machine', 2);
  await cluster.clock.advance(offlineMs + 5_000);
  expect(await cluster.where('a.service')).toEqual([2]);
  await cluster.destroy('a.service');
  cluster.store.outage(false, 'm2');
  await cluster.clock.advance(30_000);
  expect(await cluster.where('a.service')).toEqual([]);
});

test('what does not hold this machine any more, or may not run twice, is not started', async () => {
  await begin(2);
  await cluster.write('gone.service', on('m2'));
  await cluster.write('fenced.service', `${on('m2')}OnPartition=stop\n`);
  await cluster.write('kept.service', `${on('m2')}OnPartition=keep\n`);
  await noted();
  await cluster.destroy('gone.service');
  await noted();
  await rebootInto('machine', 2);
  await cluster.clock.advance(offlineMs + 60_000);
  expect(await cluster.machine(2).up()).toEqual(['kept.service']);
});

test('a store that answers and is not trusted is not a store that is away', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper);
  await noted();
  const machine = await cutPower(1);
  cluster.store.wipe();
  boot(machine);
  await cluster.clock.advance(3 * offlineMs);
  expect(asked(1, 'a.service')).toEqual(['start']);
  expect(await machine.up()).toEqual([]);
});

test('a machine that was registered in this boot starts nothing without the store', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper);
  await noted();
  const machine = await cutPower(1);
  boot(machine);
  await cluster.clock.advance(10_000);
  expect(await cluster.where('a.service')).toEqual([1]);
  // The unit has ended by itself, and musterd is started anew while the store is away.
  machine.systemd.exit('a.service');
  await cluster.write('b.service', sleeper);
  await machine.kill();
  cluster.store.outage(true);
  machine.start();
  await cluster.clock.advance(3 * offlineMs);
  expect(asked(1, 'a.service')).toEqual(['start', 'start']);
  expect(asked(1, 'b.service')).toEqual(['start']);
});

test('a clone that was refused starts nothing when the store goes away, also after a restart', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper);
  await noted();
  const clone = new MemoryMachine(cluster, 'm1', 'clone');
  clone.noted.noted = cluster.machine(1).noted.noted;
  clone.start();
  await cluster.write('b.service', sleeper);
  await cluster.clock.advance(60_000);
  // What is assigned to the other one is none of its business.
  expect(clone.noted.noted?.assignments.map(({ unit }) => unit)).toEqual(['a.service']);
  cluster.store.outage(true);
  await cluster.clock.advance(3 * offlineMs);
  await clone.kill();
  cluster.store.outage(true);
  clone.start();
  await cluster.clock.advance(3 * offlineMs);
  expect(clone.systemd.asked).toEqual([]);
  cluster.store.outage(false);
  await clone.kill();
});

test('an answer in between begins the while anew', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper);
  await noted();
  const machine = await cutPower(1);
  cluster.store.wipe();
  cluster.store.outage(true);
  boot(machine);
  await cluster.clock.advance(offlineMs - 10_000);
  cluster.store.outage(false);
  await cluster.clock.advance(10_000);
  cluster.store.outage(true);
  await cluster.clock.advance(offlineMs - 10_000);
  expect(await machine.up()).toEqual([]);
  await cluster.clock.advance(30_000);
  expect(await machine.up()).toEqual(['a.service']);
});

test('a machine that slept, or a musterd that was stalled, does not take that for silence', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper);
  await noted();
  await rebootInto('everybody', 1);
  await cluster.clock.advance(10_000);
  await cluster.clock.jump(3_600_000);
  await cluster.clock.advance(offlineMs - 10_000);
  expect(await cluster.machine(1).up()).toEqual([]);
  await cluster.clock.advance(30_000);
  expect(await cluster.machine(1).up()).toEqual(['a.service']);
});

test('what is assigned is written when it changes, and not at rest or by a restart', async () => {
  await begin(1);
  const { noted: disk } = cluster.machine(1);
  for (const unit of ['a', 'b', 'c', 'd']) await cluster.write(`${unit}.service`, sleeper);
  await noted();
  const { saves } = disk;
  expect(saves).toBeLessThanOrEqual(3);
  expect(disk.noted?.assignments.map(({ unit }) => unit)).toEqual([
    'a.service',
    'b.service',
    'c.service',
    'd.service',
  ]);
  expect(disk.noted?.files.size).toBe(1);
  await cluster.clock.advance(3_600_000);
  await cutPower(1);
  cluster.machine(1).start();
  await cluster.clock.advance(3_600_000);
  expect(disk.saves).toBe(saves);
  for (const unit of ['a', 'b', 'c', 'd']) await cluster.destroy(`${unit}.service`);
  await noted();
  expect(disk.noted?.assignments).toEqual([]);
  expect(disk.noted?.files.size).toBe(0);
});
