import { Fleetctl } from '../testing/fleetctl.ts';
import { ApiGround, here } from '../testing/ground.ts';

const there = 'b'.repeat(32);
const file = [{ section: 'Service', name: 'ExecStart', value: '/bin/sleep 3000' }];
const other = [...file, { section: 'Service', name: 'Restart', value: 'always' }];
const everywhere = [...file, { section: 'X-Fleet', name: 'Global', value: 'true' }];

let ground: ApiGround;
let fleetctl: Fleetctl;
beforeEach(async () => {
  ground = await ApiGround.open({ fleetTokenLimit: 2 });
  ground.cluster.behaviour = () => 'runs';
  fleetctl = new Fleetctl({ socketPath: ground.socketPath, pollMs: 5 });
});
afterEach(() => ground.close());

const desired = async (name: string): Promise<string | undefined> =>
  (await ground.cluster.unit(name))?.desiredState;

test('submit', async () => {
  await fleetctl.submit('a.service', { file });
  expect(fleetctl.takeCalls()).toEqual([
    'GET units/a.service 404',
    'PUT units/a.service 201',
    'GET units/a.service 200',
  ]);
  await fleetctl.submit('a.service', { file: other });
  expect(fleetctl.takeCalls()).toEqual(['GET units/a.service 200']);
  expect(await fleetctl.cat('a.service')).toBe('[Service]\nExecStart=/bin/sleep 3000\n');
});

test('start: created, launched, and seen to be active', async () => {
  await fleetctl.start('a.service', { file });
  expect(fleetctl.takeCalls()).toEqual([
    'GET units/a.service 404',
    'PUT units/a.service 201',
    'GET units/a.service 200',
    'PUT units/a.service 204',
    'GET units/a.service 200',
    'GET machines 200',
    'GET state/a.service 200',
  ]);
  expect(await desired('a.service')).toBe('launched');
  await fleetctl.start('a.service', { file });
  expect(fleetctl.takeCalls()).toEqual(['GET units/a.service 200']);
});

test('start waits for a machine, and for its answer', async () => {
  ground.cluster.behaviour = null;
  let isStarted = false;
  const start = fleetctl.start('a.service', { file }).then(() => (isStarted = true));
  const untilPut = async (): Promise<void> => {
    while ((await desired('a.service')) !== 'launched') await ground.ask('GET', '/v1/version');
  };
  await untilPut();
  const assignment = await ground.cluster.assign('a.service', here);
  for (let i = 0; i < 20; i += 1) await ground.ask('GET', '/fleet/v1/units/a.service');
  expect(isStarted).toBe(false);
  ground.cluster.report(assignment);
  await start;
});

test('start of a unit that has ended well says so, as fleet did', async () => {
  ground.cluster.behaviour = () => 'finishes';
  await expect(fleetctl.start('a.service', { file })).rejects.toThrow(
    'Failed to find an active unit a.service within 2s',
  );
});

test('start of an instance takes the template from the registry', async () => {
  await fleetctl.submit('t@.service', { file });
  fleetctl.takeCalls();
  await fleetctl.start('t@1.service', { file: null });
  expect(fleetctl.takeCalls().slice(0, 4)).toEqual([
    'GET units/t%401.service 404',
    'GET units/t%40.service 200',
    'PUT units/t%401.service 201',
    'GET units/t%401.service 200',
  ]);
  expect(await ground.cluster.fileHashes()).toHaveLength(1);
});

test('stop, load, unload', async () => {
  await fleetctl.start('a.service', { file });
  fleetctl.takeCalls();
  await fleetctl.stop('a.service');
  expect(fleetctl.takeCalls()).toEqual([
    'GET units 200',
    'PUT units/a.service 204',
    'GET units/a.service 200',
  ]);
  expect(await desired('a.service')).toBe('loaded');
  await fleetctl.stop('a.service');
  expect(fleetctl.takeCalls()).toEqual(['GET units 200']);
  await fleetctl.start('a.service', { file });
  await fleetctl.load('a.service', { file });
  expect(await desired('a.service')).toBe('loaded');
  await fleetctl.unload('a.service');
  expect(await desired('a.service')).toBe('inactive');
  await expect(fleetctl.stop('a.service')).rejects.toThrow(
    'Unable to stop unit a.service in state inactive',
  );
});

test('destroy, and the same name again', async () => {
  await fleetctl.start('a.service', { file });
  fleetctl.takeCalls();
  await fleetctl.destroy('a.service');
  expect(fleetctl.takeCalls()).toEqual([
    'GET units 200',
    'DELETE units/a.service 204',
    'GET units/a.service 404',
  ]);
  await fleetctl.destroy('a.service');
  await fleetctl.start('a.service', { file: other });
  expect(await fleetctl.cat('a.service')).toContain('Restart=always');
});

test('--replace stops the unit, gives it the content and starts it', async () => {
  await fleetctl.start('a.service', { file });
  fleetctl.takeCalls();
  await fleetctl.start('a.service', { file, replace: true });
  expect(fleetctl.takeCalls()).toEqual(['GET units/a.service 200']);
  await fleetctl.start('a.service', { file: other, replace: true });
  expect(fleetctl.takeCalls()).toEqual([
    'GET units/a.service 200',
    'PUT units/a.service 201',
    'GET units/a.service 200',
    'PUT units/a.service 204',
    'GET units/a.service 200',
    'GET machines 200',
    'GET state/a.service 200',
  ]);
  expect(await fleetctl.cat('a.service')).toContain('Restart=always');
  await fleetctl.submit('a.service', { file, replace: true });
  expect(await fleetctl.cat('a.service')).toContain('Restart=always');
});

test('restart of a loaded unit starts it', async () => {
  await fleetctl.load('a.service', { file });
  fleetctl.takeCalls();
  await fleetctl.restart('a.service');
  expect(fleetctl.takeCalls()).toEqual([
    'GET units 200',
    'GET units/a.service 200',
    'PUT units/a.service 204',
    'GET units/a.service 200',
  ]);
  expect(await desired('a.service')).toBe('launched');
});

test('restart of a launched unit, whose stop is over at once: it is stopped, then started', async () => {
  await fleetctl.start('a.service', { file });
  const wanted = noteWanted();
  fleetctl.takeCalls();
  await fleetctl.restart('a.service');
  expect(fleetctl.takeCalls()).toEqual([
    'GET units 200',
    'GET units/a.service 200',
    'PUT units/a.service 204',
    'GET units/a.service 200',
    'PUT units/a.service 204',
    'GET units/a.service 200',
  ]);
  expect(wanted).toEqual(['a.service loaded', 'a.service launched']);
  await fleetctl.stop('a.service');
  expect(await fleetctl.listUnitFiles()).toEqual(['a.service\tloaded\tloaded']);
});

test('restart of a launched unit does not go on before the unit has been stopped', async () => {
  await fleetctl.start('a.service', { file });
  ground.cluster.behaviour = null;
  let isRestarted = false;
  const restart = fleetctl.restart('a.service').then(() => (isRestarted = true));
  const untilPut = async (state: string): Promise<void> => {
    while ((await desired('a.service')) !== state) await ground.ask('GET', '/v1/version');
  };
  const shown = async (): Promise<unknown> =>
    JSON.parse((await ground.ask('GET', '/fleet/v1/units/a.service')).text).currentState;
  await untilPut('loaded');
  expect(await shown()).toBeUndefined();
  const stop = await ground.cluster.assign('a.service', here);
  ground.cluster.report(stop, { activeState: 'deactivating', answers: stop.modRevision - 1 });
  for (let i = 0; i < 20; i += 1) expect(await shown()).toBeUndefined();
  expect(await desired('a.service')).toBe('loaded');
  ground.cluster.report(stop, { activeState: 'inactive', subState: 'dead' });
  await untilPut('launched');
  expect(await shown()).toBe('loaded');
  expect(isRestarted).toBe(false);
  ground.cluster.report(await ground.cluster.assign('a.service', here));
  await restart;
});

test('restart of a unit that has failed starts it', async () => {
  ground.cluster.behaviour = () => 'fails';
  await expect(fleetctl.start('a.service', { file })).rejects.toThrow('an active unit a.service');
  const wanted = noteWanted();
  await fleetctl.restart('a.service');
  expect(wanted).toEqual(['a.service loaded', 'a.service launched']);
  expect((await fleetctl.listUnits())[0]).toContain('active\trunning');
});

test('several units are restarted and stopped at once, by several people', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}.service`);
  for (const name of names) await fleetctl.start(name, { file });
  const wanted = noteWanted();
  const others = names.map(() => new Fleetctl({ socketPath: ground.socketPath, pollMs: 5 }));
  await Promise.all([
    ...others.slice(0, 3).map((other, i) => other.restart(names[i] ?? '')),
    ...others.slice(3).map((other, i) => other.stop(names[i + 3] ?? '')),
  ]);
  expect(wanted.toSorted()).toEqual([
    ...['a', 'b', 'c'].flatMap((name) => [`${name}.service launched`, `${name}.service loaded`]),
    'd.service loaded',
    'e.service loaded',
  ]);
  expect(await fleetctl.listUnitFiles()).toEqual([
    ...['a', 'b', 'c'].map((name) => `${name}.service\tlaunched\tlaunched`),
    ...['d', 'e'].map((name) => `${name}.service\tloaded\tloaded`),
  ]);
});

test('only GET of the one unit lags behind a stop', async () => {
  await fleetctl.start('a.service', { file });
  const body = { desiredState: 'loaded' };
  await ground.ask('PUT', '/fleet/v1/units/a.service', { body });
  const shownAt = async (path: string): Promise<unknown> => {
    const answer = JSON.parse((await ground.ask('GET', path)).text);
    return (answer.units?.[0] ?? answer).currentState;
  };
  expect(await shownAt('/fleet/v1/units/a.service')).toBe('launched');
  expect(await shownAt('/fleet/v1/units')).toBe('loaded');
  expect(await shownAt('/v1/units/a.service')).toBe('loaded');
  await ground.cluster.touch('a.service');
  expect(await shownAt('/fleet/v1/units/a.service')).toBe('loaded');
});

test('a global unit is not waited for', async () => {
  ground.cluster.addMachine(there, '10.0.0.2');
  await fleetctl.start('g.service', { file: everywhere });
  expect(fleetctl.takeCalls()).toEqual([
    'GET units/g.service 404',
    'PUT units/g.service 201',
    'GET units/g.service 200',
    'PUT units/g.service 204',
  ]);
  expect(await fleetctl.listUnitFiles()).toEqual(['g.service\tlaunched\t-']);
  expect(await fleetctl.listUnits()).toHaveLength(2);
});

test('lists of several pages; status finds the machine', async () => {
  for (const name of ['a', 'b', 'c']) await fleetctl.start(`${name}.service`, { file });
  await fleetctl.submit('d.service', { file });
  fleetctl.takeCalls();
  expect(await fleetctl.listUnits()).toEqual([
    'a.service\taaaaaaaa.../10.0.0.1\tactive\trunning\t7dc08eb',
    'b.service\taaaaaaaa.../10.0.0.1\tactive\trunning\t7dc08eb',
    'c.service\taaaaaaaa.../10.0.0.1\tactive\trunning\t7dc08eb',
  ]);
  expect(fleetctl.takeCalls()).toEqual([
    'GET state 200',
    'GET state (next page) 200',
    'GET machines 200',
  ]);
  expect(await fleetctl.listUnitFiles()).toEqual([
    'a.service\tlaunched\tlaunched',
    'b.service\tlaunched\tlaunched',
    'c.service\tlaunched\tlaunched',
    'd.service\tinactive\tinactive',
  ]);
  expect(await fleetctl.status('a.service')).toBe('10.0.0.1');
  expect(fleetctl.takeCalls().slice(-2)).toEqual(['GET units/a.service 200', 'GET machines 200']);
  await expect(fleetctl.status('d.service')).rejects.toThrow('does not appear to be loaded');
});

test('what the daemon refuses is shown with its status and message', async () => {
  const bad = [...file, { section: 'X-Fleet', name: 'MachineMetadata', value: 'region=' }];
  await expect(fleetctl.submit('a.service', { file: bad })).rejects.toThrow(
    'googleapi: Error 400: MachineMetadata="region=" is not of the form key=value',
  );
  ground.cluster.store.outage(true);
  await expect(fleetctl.listUnits()).rejects.toThrow(
    'googleapi: Error 503: fleet server unable to communicate with etcd',
  );
});

/** What is wanted of units from now on, write for write; all of it is carried out at once. */
function noteWanted(): string[] {
  const wanted: string[] = [];
  ground.cluster.behaviour = ({ name, desiredState }) => {
    wanted.push(`${name} ${desiredState}`);
    return 'runs';
  };
  return wanted;
}
