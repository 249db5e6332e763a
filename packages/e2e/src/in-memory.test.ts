import { countOn, countRestart } from '@muster/core';
import { MemoryCluster, MemoryMachine } from './in-memory.ts';

const sleeper = '[Service]\nExecStart=/bin/sleep infinity\n';
const once = '[Service]\nType=oneshot\nExecStart=/bin/true\n';
const always = '[Service]\nExecStart=/bin/sleep infinity\nRestart=always\n';

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

test('a unit is started once, and its state answers its assignment', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper);
  expect(asked(1, 'a.service')).toEqual(['start']);
  const [state] = await cluster.states('a.service');
  expect(state).toMatchObject({ activeState: 'active', result: 'success', problem: null });
  await cluster.clock.advance(120_000);
  expect(asked(1, 'a.service')).toEqual(['start']);
});

test('at rest nothing is written but lease renewals', async () => {
  await begin(3);
  await cluster.write('a.service', sleeper);
  await cluster.clock.advance(10_000);
  const before = cluster.store.revision;
  await cluster.clock.advance(300_000);
  expect(cluster.store.revision).toBe(before);
});

test('loaded puts the file there and starts nothing; launched and back starts and stops once', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper, 'loaded');
  expect(asked(1, 'a.service')).toEqual([]);
  expect([...(await cluster.machine(1).systemd.files()).keys()]).toEqual(['a.service']);
  await cluster.write('a.service', sleeper, 'launched');
  await cluster.write('a.service', sleeper, 'loaded');
  expect(asked(1, 'a.service')).toEqual(['start', 'stop']);
});

test('what a timer or socket started is not stopped while it is only loaded', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper, 'loaded');
  await cluster.machine(1).systemd.startByHost('a.service');
  await cluster.clock.advance(60_000);
  expect(await cluster.where('a.service')).toEqual([1]);
  expect(asked(1, 'a.service')).toEqual([]);
});

test('a oneshot that has finished is not run again, also not by a new musterd', async () => {
  await begin(1);
  await cluster.write('once.service', once);
  expect((await cluster.states('once.service'))[0]).toMatchObject({
    activeState: 'inactive',
    result: 'success',
  });
  await cluster.machine(1).kill();
  cluster.machine(1).start();
  await cluster.clock.advance(60_000);
  expect(asked(1, 'once.service')).toEqual(['start']);
});

test('new content restarts the unit after systemd has read it', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper);
  await cluster.write('a.service', `${sleeper}Nice=5\n`);
  expect(asked(1, 'a.service')).toEqual(['start', 'restart']);
  expect(cluster.machine(1).systemd.reloads).toBe(1);
});

test('[Install] costs one daemon-reload for all units at once, when it comes and when it goes', async () => {
  await begin(1);
  const { systemd } = cluster.machine(1);
  await cluster.write('plain.service', sleeper);
  expect(systemd.reloads).toBe(0);
  await cluster.write('all.target', '[Unit]\nDescription=all\n', 'loaded');
  const wanted = `${sleeper}[Install]\nWantedBy=all.target\n`;
  systemd.outage(true);
  for (const n of ['a', 'b', 'c']) await cluster.write(`${n}.service`, wanted, 'loaded');
  systemd.outage(false);
  await cluster.clock.advance(5_000);
  expect(systemd.reloads).toBe(1);
  await systemd.startByHost('all.target');
  expect(await cluster.where('a.service')).toEqual([1]);
  await cluster.clock.advance(60_000);
  expect(systemd.reloads).toBe(1);
  await cluster.destroy('a.service');
  expect(systemd.reloads).toBe(2);
  expect(systemd.needsReload()).toBe(false);
});

test('a daemon-reload that fails is tried again, also when no unit is left that asks for it', async () => {
  await begin(1);
  const { systemd } = cluster.machine(1);
  await cluster.write('a.service', `${sleeper}[Install]\nWantedBy=all.target\n`);
  systemd.failReloads(3);
  await cluster.destroy('a.service');
  expect(systemd.needsReload()).toBe(true);
  await cluster.clock.advance(10_000);
  expect(systemd.needsReload()).toBe(false);
  expect(asked(1, 'a.service')).toEqual(['start', 'stop']);
});

test('a daemon-reload that fails after the unit it was for had failed already brings nothing down', async () => {
  await begin(1);
  const { systemd } = cluster.machine(1);
  const lost: unknown[] = [];
  const note = (error: unknown): void => void lost.push(error);
  process.on('unhandledRejection', note);
  await cluster.write('a.service', sleeper);
  systemd.addHostUnit('a.service', 'fragment');
  systemd.failReloads(1);
  await cluster.write('a.service', `${sleeper}Nice=5\n`);
  process.off('unhandledRejection', note);
  expect(lost).toEqual([]);
  expect((await cluster.states('a.service'))[0]?.problem).toMatch(/of its own/);
});

test('a unit that is given back while it still ends is started again', async () => {
  await begin(1);
  const { systemd } = cluster.machine(1);
  systemd.script('a.service', { stopMs: 10_000 });
  await cluster.write('a.service', sleeper);
  await cluster.write('a.service', sleeper, 'inactive');
  await cluster.write('a.service', sleeper);
  await cluster.clock.advance(30_000);
  expect(asked(1, 'a.service')).toEqual(['start', 'stop', 'start']);
  expect(await cluster.where('a.service')).toEqual([1]);
});

test('a unit that ended here, and went and came back unseen, is started', async () => {
  await begin(2);
  const first = cluster.machine(1);
  await cluster.write('a.service', sleeper);
  first.systemd.exit('a.service');
  await cluster.clock.advance(5_000);
  // The agent sees nothing of what happens meanwhile.
  first.systemd.outage(true);
  await cluster.write('a.service', sleeper, 'inactive');
  await cluster.write('a.service', sleeper);
  first.systemd.outage(false);
  await cluster.clock.advance(10_000);
  expect(asked(1, 'a.service')).toEqual(['start', 'start']);
});

test('a changed file is put right, and the unit runs on', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper);
  cluster.machine(1).systemd.tamper('a.service');
  await cluster.clock.advance(40_000);
  expect([...(await cluster.machine(1).systemd.files()).values()]).not.toContain('');
  expect(asked(1, 'a.service')).toEqual(['start']);
});

test.each([
  ['Restart=always: started again', always, ['start', 'start']],
  ['no Restart=: shown, not fought', sleeper, ['start']],
])('a launched unit that ended well, %s', async (_name, text, expected) => {
  await begin(1);
  await cluster.write('a.service', text);
  cluster.machine(1).systemd.exit('a.service');
  await cluster.clock.advance(30_000);
  expect(asked(1, 'a.service')).toEqual(expected);
});

test('a unit that goes down with one that was stopped on purpose stays down', async () => {
  await begin(1);
  await cluster.write('web.service', sleeper);
  await cluster.write(
    'side.service',
    `[Unit]\nBindsTo=web.service\n${always}[X-Fleet]\nMachineOf=web.service\n`,
  );
  await cluster.write('web.service', sleeper, 'loaded');
  cluster.machine(1).systemd.exit('side.service');
  await cluster.clock.advance(30_000);
  expect(asked(1, 'side.service')).toEqual(['start']);
});

test('a failed unit is reported with systemd’s result, and not started again', async () => {
  await begin(1);
  await cluster.write('a.service', '[Service]\nType=oneshot\nExecStart=/bin/false\n');
  await cluster.clock.advance(30_000);
  expect((await cluster.states('a.service'))[0]).toMatchObject({
    activeState: 'failed',
    result: 'exit-code',
  });
  expect(asked(1, 'a.service')).toEqual(['start']);
});

test('a global unit is restarted on one machine, and on all, once each', async () => {
  await begin(2);
  await cluster.write('all.service', `${sleeper}[X-Fleet]\nGlobal=true\n`);
  const kept = new Set(['m1', 'm2']);
  await cluster.ask('all.service', (unit) => countOn('restarts', unit, { machines: ['m2'], kept }));
  expect([asked(1, 'all.service'), asked(2, 'all.service')]).toEqual([
    ['start'],
    ['start', 'restart'],
  ]);
  await cluster.ask('all.service', countRestart);
  await cluster.clock.advance(60_000);
  expect([asked(1, 'all.service'), asked(2, 'all.service')]).toEqual([
    ['start', 'restart'],
    ['start', 'restart', 'restart'],
  ]);
});

test('a start that is asked for starts what is down and leaves alone what is up', async () => {
  await begin(2);
  await cluster.write('all.service', `${sleeper}[X-Fleet]\nGlobal=true\n`);
  cluster.machine(2).systemd.crash('all.service');
  await cluster.clock.advance(2_000);
  const machines = ['m1', 'm2'];
  await cluster.ask('all.service', (unit) =>
    countOn('starts', unit, { machines, kept: new Set(machines) }),
  );
  expect(await cluster.where('all.service')).toEqual([1, 2]);
  await cluster.clock.advance(60_000);
  expect([asked(1, 'all.service'), asked(2, 'all.service')]).toEqual([
    ['start'],
    ['start', 'start'],
  ]);
  cluster.machine(2).systemd.crash('all.service');
  await cluster.clock.advance(60_000);
  expect(await cluster.where('all.service')).toEqual([1]);
});

test('what could not be done says nothing of what is asked next', async () => {
  await begin(1);
  const { systemd } = cluster.machine(1);
  systemd.addHostUnit('ssh.service', 'mask');
  await cluster.write('ssh.service', sleeper);
  expect((await cluster.states('ssh.service'))[0]?.problem).toMatch(/masked|own/);
  systemd.removeHostUnit('ssh.service');
  const answers: string[] = [];
  const { units } = cluster.machine(1).registry;
  const view = await units.cluster();
  view.onChange(() => {
    const { assignments, states } = view.snapshot();
    const assignment = assignments.get('ssh.service')?.get('m1');
    const state = states.get('ssh.service')?.get('m1');
    if ((assignment?.starts ?? 0) === 0 || state?.answers !== assignment?.modRevision) return;
    answers.push(state?.problem ?? state?.activeState ?? '');
  });
  await cluster.ask('ssh.service', (unit) =>
    countOn('starts', unit, { machines: ['m1'], kept: new Set(['m1']) }),
  );
  expect(answers).toEqual(['active']);
});

test('a name that the host has is refused there with the reason; other units go on', async () => {
  await begin(1);
  cluster.machine(1).systemd.addHostUnit('ssh.service', 'fragment');
  await cluster.write('ssh.service', sleeper);
  await cluster.write('a.service', sleeper);
  expect((await cluster.states('ssh.service'))[0]?.problem).toMatch(/ssh\.service/);
  expect(asked(1, 'ssh.service')).toEqual([]);
  expect(await cluster.where('a.service')).toEqual([1]);
});

test('destroying stops the unit, waits for it, and leaves nothing', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper);
  await cluster.destroy('a.service');
  expect(asked(1, 'a.service')).toEqual(['start', 'stop']);
  expect([...(await cluster.machine(1).systemd.files())]).toEqual([]);
  expect(cluster.store.value('/muster/state/m1/a.service')).toBeNull();
});

test('destroying does not wait for a machine that is absent; once it is back it stops the unit', async () => {
  await begin(2);
  await cluster.write('a.service', `${sleeper}[X-Fleet]\nMachineID=m2\n`);
  await cluster.write('everywhere.service', `${sleeper}[X-Fleet]\nGlobal=true\n`);
  await cluster.machine(2).kill();
  cluster.store.expireLease('m2');
  await cluster.clock.advance(20_000);
  await cluster.destroy('a.service');
  await cluster.destroy('everywhere.service');
  for (const unit of ['a.service', 'everywhere.service']) {
    expect(cluster.store.value(`/muster/assignment/m2/${unit}`)).toBeNull();
    expect(cluster.store.value(`/muster/state/m2/${unit}`)).toBeNull();
  }
  expect(await cluster.where('a.service')).toEqual([2]);
  cluster.machine(2).start();
  await cluster.clock.advance(10_000);
  expect(await cluster.where('a.service')).toEqual([]);
  expect(await cluster.where('everywhere.service')).toEqual([]);
});

test('while systemd does not answer nothing is concluded; afterwards nothing is repeated', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper);
  cluster.machine(1).systemd.outage(true);
  await cluster.clock.advance(60_000);
  cluster.machine(1).systemd.outage(false);
  await cluster.clock.advance(5_000);
  expect(asked(1, 'a.service')).toEqual(['start']);
  expect((await cluster.states('a.service'))[0]?.activeState).toBe('active');
});

test('musterd killed and back within its lease: nothing is moved, started or stopped', async () => {
  await begin(3);
  await cluster.write('a.service', sleeper);
  const [on = 1] = await cluster.where('a.service');
  await cluster.machine(on).kill();
  cluster.machine(on).start();
  await cluster.clock.advance(30_000);
  expect(await cluster.where('a.service')).toEqual([on]);
  expect(asked(on, 'a.service')).toEqual(['start']);
});

test('a machine that is gone: its unit runs elsewhere; back after a boot it starts nothing of it', async () => {
  await begin(3);
  await cluster.write('a.service', sleeper);
  const [on = 1] = await cluster.where('a.service');
  const via = on === 1 ? 2 : 1;
  const machine = cluster.machine(on);
  await machine.kill();
  machine.reboot();
  cluster.store.expireLease(machine.id);
  await cluster.clock.advance(15_000);
  const now = await cluster.where('a.service');
  expect(now).toHaveLength(1);
  expect(now).not.toEqual([on]);
  machine.start();
  await cluster.clock.advance(30_000);
  expect(await cluster.where('a.service')).toEqual(now);
  expect(await cluster.states('a.service', via)).toHaveLength(1);
});

describe('a unit that replaces another', () => {
  const replacing = `${sleeper}[X-Fleet]\nReplaces=old.service\n`;

  test('starts on its machine after that has ended; that runs on elsewhere', async () => {
    await begin(2);
    await cluster.write('old.service', sleeper);
    await cluster.write('x.service', sleeper);
    expect(await cluster.where('old.service')).toEqual([1]);
    cluster.machine(1).systemd.script('old.service', { stopMs: 20_000 });
    await cluster.write('new.service', replacing);
    await cluster.clock.advance(10_000);
    expect(asked(1, 'old.service')).toEqual(['start', 'stop']);
    expect([...asked(1, 'new.service'), ...asked(2, 'new.service')]).toEqual([]);
    await cluster.clock.advance(15_000);
    expect(await cluster.where('new.service')).toEqual([1]);
    expect(await cluster.where('old.service')).toEqual([2]);
    await cluster.clock.advance(300_000);
    expect(asked(1, 'new.service')).toEqual(['start']);
    expect(asked(2, 'old.service')).toEqual(['start']);
    expect(asked(2, 'x.service')).toEqual(['start']);
  });

  test('is placed by the next leader when the first is gone in between', async () => {
    await begin(3);
    for (const unit of ['x', 'old', 'y', 'z']) await cluster.write(`${unit}.service`, sleeper);
    expect(await cluster.where('old.service')).toEqual([2]);
    expect(cluster.store.value('/muster/leader')).toContain('"m1"');
    cluster.machine(2).systemd.script('old.service', { stopMs: 60_000 });
    await cluster.write('new.service', replacing, 'launched', 2);
    expect(asked(2, 'old.service')).toEqual(['start', 'stop']);
    await cluster.machine(1).kill();
    cluster.store.expireLease('m1');
    await cluster.clock.advance(30_000);
    expect(cluster.store.value('/muster/leader')).not.toContain('"m1"');
    expect(await cluster.where('new.service')).toEqual([]);
    await cluster.clock.advance(30_000);
    expect(await cluster.where('new.service')).toEqual([2]);
    expect(await cluster.where('old.service')).toEqual([3]);
    const reason = cluster.store.value('/muster/assignment/m3/old.service');
    expect(reason).toContain('replaced by new.service');
  });
});

test('an outage of the store for everybody moves and stops nothing, however long', async () => {
  await begin(3);
  for (const unit of ['a.service', 'b.service', 'c.service']) await cluster.write(unit, sleeper);
  const before = await Promise.all(
    ['a.service', 'b.service', 'c.service'].map((u) => cluster.where(u)),
  );
  cluster.store.outage(true);
  await cluster.clock.advance(600_000);
  for (const { id } of cluster.machines) cluster.store.expireLease(id);
  cluster.store.outage(false);
  await cluster.clock.advance(60_000);
  const after = await Promise.all(
    ['a.service', 'b.service', 'c.service'].map((u) => cluster.where(u)),
  );
  expect(after).toEqual(before);
  for (const machine of [1, 2, 3]) {
    const jobs = cluster.machine(machine).systemd.asked.map((job) => job.type);
    expect(jobs.filter((type) => type !== 'start')).toEqual([]);
    expect(jobs).toHaveLength(1);
  }
});

test('a wiped store stops nothing', async () => {
  await begin(2);
  await cluster.write('a.service', sleeper);
  cluster.store.wipe();
  await cluster.clock.advance(120_000);
  expect(await cluster.where('a.service')).toHaveLength(1);
  for (const machine of [1, 2]) {
    expect(cluster.machine(machine).systemd.asked.some((job) => job.type === 'stop')).toBe(false);
  }
});

test('an assignment that does not parse leaves its unit as it is; others go on', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper);
  cluster.store.put('/muster/assignment/m1/a.service', '{"hash":');
  await cluster.write('b.service', sleeper);
  await cluster.clock.advance(60_000);
  expect(asked(1, 'a.service')).toEqual(['start']);
  expect(await cluster.where('a.service')).toEqual([1]);
  expect(await cluster.where('b.service')).toEqual([1]);
});

test('a clone of a machine that is alive starts nothing', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper);
  const clone = new MemoryMachine(cluster, 'm1', 'clone');
  clone.start();
  await cluster.clock.advance(60_000);
  expect(clone.systemd.asked).toEqual([]);
  expect(await cluster.where('a.service')).toEqual([1]);
  await clone.kill();
});

test('Restart=always that cannot come up is tried at growing intervals', async () => {
  await begin(1);
  await cluster.write('a.service', `[Unit]\nConditionPathExists=/nonexistent/path\n${always}`);
  await cluster.clock.advance(120_000);
  // At once, then after 1, 2, 4, 8, 16, 32 and 60 s.
  expect(asked(1, 'a.service').length).toBeLessThanOrEqual(9);
  expect(asked(1, 'a.service').length).toBeGreaterThanOrEqual(6);
});

test('what a musterd that died left in the store is taken back by the next', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper);
  const state = cluster.store.value('/muster/state/m1/a.service');
  await cluster.machine(1).kill();
  cluster.store.put('/muster/state/m1/gone.service', state ?? '');
  cluster.machine(1).start();
  await cluster.clock.advance(5_000);
  expect(cluster.store.value('/muster/state/m1/gone.service')).toBeNull();
  expect(cluster.store.value('/muster/state/m1/a.service')).not.toBeNull();
});

test('a unit that could not be started is tried at once when something else is asked of it', async () => {
  await begin(1);
  const { systemd } = cluster.machine(1);
  systemd.addHostUnit('a.service', 'mask');
  await cluster.write('a.service', sleeper);
  await cluster.clock.advance(60_000);
  expect((await cluster.states('a.service'))[0]?.problem).toMatch(/masked|own/);
  await cluster.destroy('a.service');
  expect(cluster.store.value('/muster/state/m1/a.service')).toBeNull();
});

test('a host unit that comes to be under a name of ours is not stopped with ours', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper);
  const { systemd } = cluster.machine(1);
  systemd.addHostUnit('a.service', 'fragment');
  await cluster.destroy('a.service');
  expect(asked(1, 'a.service')).toEqual(['start']);
  expect([...(await systemd.files())]).toEqual([]);
});

test('a unit that flaps is written about at a bounded rate', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper);
  const before = cluster.store.revision;
  for (let i = 0; i < 100; i += 1) {
    cluster.machine(1).systemd.crash('a.service');
    await cluster.clock.advance(50);
    await cluster.machine(1).systemd.startByHost('a.service');
    await cluster.clock.advance(50);
  }
  // Ten seconds: a burst of three, then one a second.
  expect(cluster.store.revision - before).toBeLessThanOrEqual(14);
});

test('a unit that crashes for ever is told to flap, and then hardly written about any more', async () => {
  await begin(1);
  const restarts = 'Restart=always\nRestartSec=0.1\nStartLimitIntervalSec=0\n';
  await cluster.write('a.service', `${sleeper}${restarts}`);
  const crashFor = async (seconds: number): Promise<number> => {
    const before = cluster.store.revision;
    for (let i = 0; i < seconds; i += 1) {
      cluster.machine(1).systemd.crash('a.service');
      await cluster.clock.advance(1_000);
    }
    return cluster.store.revision - before;
  };
  // A burst of twenty, and what tells that it flaps.
  expect(await crashFor(60)).toBeLessThanOrEqual(23);
  const [state] = await cluster.states('a.service');
  expect(state?.flapping).toBeGreaterThanOrEqual(5);
  // Six in half an hour, where there were 1,800 restarts.
  expect(await crashFor(1_800)).toBeLessThanOrEqual(7);
  await cluster.clock.advance(11 * 60_000);
  const [later] = await cluster.states('a.service');
  expect(later).toMatchObject({ activeState: 'active', subState: 'running' });
  expect(later?.flapping).toBeUndefined();
});

test('of a unit that flaps systemd is asked every ten seconds only, and of one that is well never', async () => {
  await begin(1);
  const { systemd } = cluster.machine(1);
  const restarts = systemd.restarts.bind(systemd);
  const askedFor: string[] = [];
  systemd.restarts = (names) => {
    askedFor.push(...names);
    return restarts(names);
  };
  await cluster.write('well.service', sleeper);
  await cluster.write('a.service', `${always}RestartSec=0.1\nStartLimitIntervalSec=0\n`);
  for (let i = 0; i < 100; i += 1) {
    systemd.crash('a.service');
    await cluster.clock.advance(1_000);
  }
  expect(new Set(askedFor)).toEqual(new Set(['a.service']));
  expect(askedFor.length).toBeGreaterThan(10);
  expect(askedFor.length).toBeLessThan(20);
});

test('a unit that muster itself has to start again and again flaps as well', async () => {
  await begin(1);
  await cluster.write('a.service', always);
  for (let i = 0; i < 5; i += 1) {
    expect((await cluster.states('a.service'))[0]?.flapping).toBeUndefined();
    // A person, or something else on the machine, stops it.
    cluster.machine(1).systemd.exit('a.service');
    await cluster.clock.advance(65_000);
    expect(await cluster.where('a.service')).toEqual([1]);
  }
  expect((await cluster.states('a.service'))[0]?.flapping).toBe(5);
});

test('a restart that was asked for is no flapping', async () => {
  await begin(1);
  await cluster.write('a.service', sleeper);
  for (let i = 0; i < 8; i += 1) await cluster.ask('a.service', countRestart);
  const [state] = await cluster.states('a.service');
  expect(asked(1, 'a.service').filter((job) => job === 'restart')).toHaveLength(8);
  expect(state?.flapping).toBeUndefined();
});

test('of a unit that failed is known how its process ended', async () => {
  await begin(1);
  await cluster.write('a.service', '[Service]\nExecStart=/nonexistent/program\n');
  const [state] = await cluster.states('a.service');
  expect(state).toMatchObject({
    activeState: 'failed',
    result: 'exit-code',
    exit: { code: 'exited', status: 203 },
  });
  await cluster.write('b.service', '[Service]\nExecStart=/bin/false\nRestart=on-failure\n');
  await cluster.clock.advance(5_000);
  const [limited] = await cluster.states('b.service');
  expect(limited).toMatchObject({
    activeState: 'failed',
    result: 'start-limit-hit',
    exit: { code: 'exited', status: 1 },
  });
  expect(limited?.flapping).toBeUndefined();
});

const onFailure = `${sleeper}[X-Fleet]\nReschedule=on-failure\nRescheduleDelaySec=10s\n`;

test('a unit that a machine refuses is tried on another, and runs there alone', async () => {
  await begin(2);
  cluster.machine(1).systemd.addHostUnit('a.service', 'mask');
  await cluster.write('a.service', onFailure);
  expect((await cluster.states('a.service'))[0]).toMatchObject({ machine: 'm1' });
  await cluster.clock.advance(8_000);
  expect(await cluster.where('a.service')).toEqual([]);
  await cluster.clock.advance(5_000);
  expect(await cluster.where('a.service')).toEqual([2]);
  expect(cluster.store.value('/muster/state/m1/a.service')).toBeNull();
  const detail = await cluster.machine(1).registry.units.detail('a.service');
  expect(detail?.failures).toMatchObject({ attempts: 1, machines: ['m1'] });
});

test('one that fails everywhere is begun anew where it failed first, and no more than it may', async () => {
  await begin(1);
  await cluster.write(
    'a.service',
    `${onFailure.replace('sleep infinity', 'false')}RescheduleLimit=2\n`,
  );
  await cluster.clock.advance(3_600_000);
  // The one that was asked for, and two attempts after it.
  expect(asked(1, 'a.service')).toEqual(['start', 'start', 'start']);
  const [state] = await cluster.states('a.service');
  expect(state).toMatchObject({ activeState: 'failed', exit: { status: 1 } });
  const before = cluster.store.revision;
  await cluster.clock.advance(3_600_000);
  expect(cluster.store.revision).toBe(before);
  await cluster.ask('a.service', (unit) =>
    countOn('starts', unit, { machines: ['m1'], kept: new Set(['m1']) }),
  );
  await cluster.clock.advance(600_000);
  expect(asked(1, 'a.service')).toHaveLength(6);
});

test('a leader that is killed between two attempts leaves the count to the next', async () => {
  await begin(3);
  await cluster.write(
    'a.service',
    `${onFailure.replace('sleep infinity', 'false')}RescheduleLimit=2\n`,
    'launched',
    2,
  );
  await cluster.clock.advance(12_000);
  expect(cluster.store.value('/muster/leader')).toContain('"m1"');
  await cluster.machine(1).kill();
  cluster.store.expireLease('m1');
  await cluster.clock.advance(600_000);
  expect(cluster.store.value('/muster/leader')).not.toContain('"m1"');
  const attempts = [1, 2, 3].map((machine) => asked(machine, 'a.service').length);
  expect(attempts.reduce((sum, count) => sum + count)).toBe(3);
});

test('a unit that must not run twice is tried elsewhere only after the machine has said that it ended', async () => {
  await begin(2);
  const { systemd } = cluster.machine(1);
  systemd.script('a.service', { exitCode: 1 });
  await cluster.write('a.service', `${onFailure}OnPartition=stop\n`);
  expect((await cluster.states('a.service'))[0]).toMatchObject({ activeState: 'failed' });
  await cluster.clock.advance(30_000);
  expect(await cluster.where('a.service')).toEqual([2]);
  expect(cluster.store.value('/muster/assignment/m1/a.service')).toBeNull();
  expect(cluster.store.value('/muster/placement/a.service')).toContain('"attempts":1');
});
