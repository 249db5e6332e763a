import { Fleetctl } from '../../api/src/testing/fleetctl.ts';
import type { Option } from '../../api/src/testing/fleetctl.ts';
import { askAt } from '../../api/src/testing/ground.ts';
import { Cluster } from './cluster.ts';
import { waitFor } from './lab.ts';

jest.setTimeout(120_000);

const service = (command: string, ...more: Option[]): Option[] => [
  { section: 'Service', name: 'ExecStart', value: command },
  ...more,
];
const fleet = (name: string, value: string): Option => ({ section: 'X-Fleet', name, value });
const sleeper = service('/bin/sleep infinity');

let cluster: Cluster;
let socketPath: string;
let fleetctl: Fleetctl;
beforeAll(async () => {
  cluster = await Cluster.up(2);
  socketPath = await cluster.lab.socket(1);
  fleetctl = new Fleetctl({ socketPath, pollMs: 250 });
});
afterAll(() => cluster?.lab.down());

const pidsOf = async (unit: string): Promise<number[]> =>
  (await cluster.running([unit])).map(({ mainPid }) => mainPid);
const idOf = async (machine: number): Promise<string> => (await cluster.lab.machine(machine)).id;

test('an old fleetctl takes a unit through its whole life', async () => {
  await fleetctl.submit('web.service', { file: sleeper });
  expect(await fleetctl.listUnitFiles()).toEqual(['web.service\tinactive\tinactive']);
  expect(await fleetctl.listUnits()).toEqual([]);
  await fleetctl.start('web.service', { file: sleeper });
  const [first] = await cluster.running(['web.service']);
  expect(first).toBeDefined();
  const machine = await cluster.lab.machine(first?.machine ?? 1);
  expect(await fleetctl.listUnits()).toEqual([
    `web.service\t${machine.id.slice(0, 8)}.../${machine.address}\tactive\trunning\t8385c91`,
  ]);
  expect(await fleetctl.status('web.service')).toBe(machine.address);
  expect(await fleetctl.cat('web.service')).toBe('[Service]\nExecStart=/bin/sleep infinity\n');
  await fleetctl.stop('web.service');
  expect(await pidsOf('web.service')).toEqual([]);
  expect(await fleetctl.listUnitFiles()).toEqual(['web.service\tloaded\tloaded']);
  await fleetctl.restart('web.service');
  expect(await pidsOf('web.service')).toHaveLength(1);
  await fleetctl.load('web.service', { file: sleeper });
  expect(await pidsOf('web.service')).toEqual([]);
  await fleetctl.start('web.service', { file: sleeper });
  await fleetctl.unload('web.service');
  expect(await fleetctl.listUnitFiles()).toEqual(['web.service\tinactive\tinactive']);
  await fleetctl.start('web.service', { file: sleeper });
  await fleetctl.destroy('web.service');
  expect(await fleetctl.listUnitFiles()).toEqual([]);
  await untilNothingRuns('web.service');
});

test('an old fleetctl restarts what is launched, several units at once', async () => {
  const slowStop = { section: 'Service', name: 'ExecStop', value: '/bin/sleep 2' };
  const slow = service('/bin/sleep infinity', slowStop);
  const files = { 'quick.service': sleeper, 'more.service': sleeper, 'slow.service': slow };
  for (const [name, file] of Object.entries(files)) await fleetctl.start(name, { file });
  const names = Object.keys(files);
  const before = await Promise.all(names.map(runOf));
  await Promise.all(names.map((name) => new Fleetctl({ socketPath, pollMs: 250 }).restart(name)));
  const after = await Promise.all(names.map(runOf));
  for (const [i, run] of after.entries()) {
    expect(run.mainPid).not.toBe(before[i]?.mainPid);
    expect(run.activeSince).toBeGreaterThan(before[i]?.activeSince ?? Number.POSITIVE_INFINITY);
  }
  for (const name of names) {
    await fleetctl.stop(name);
    expect(await pidsOf(name)).toEqual([]);
  }
  expect(await fleetctl.listUnitFiles()).toEqual(
    names.toSorted().map((name) => `${name}\tloaded\tloaded`),
  );
  for (const name of names) await fleetctl.destroy(name);
});

test('--replace starts the new content', async () => {
  await fleetctl.start('swap.service', { file: sleeper });
  const [before] = await pidsOf('swap.service');
  const next = service('/bin/sleep 86400');
  await fleetctl.start('swap.service', { file: next, replace: true });
  const [running] = await cluster.running(['swap.service']);
  expect(running?.mainPid).not.toBe(before);
  const command = `tr '\\0' ' ' < /proc/${await pidInside(running?.machine ?? 1, 'swap.service')}/cmdline`;
  expect(await cluster.lab.sh(running?.machine ?? 1, command)).toBe('/bin/sleep 86400');
  await fleetctl.destroy('swap.service');
});

test('instances of a template, and a global unit', async () => {
  await fleetctl.submit('app@.service', {
    file: [...sleeper, fleet('Conflicts', 'app@*.service')],
  });
  await fleetctl.start('app@1.service', { file: null });
  await fleetctl.start('app@2.service', { file: null });
  const machines = (await cluster.running(['app@1.service', 'app@2.service'])).map(
    (r) => r.machine,
  );
  expect(new Set(machines)).toEqual(new Set([1, 2]));
  await fleetctl.start('all.service', { file: [...sleeper, fleet('Global', 'true')] });
  await waitFor(
    'all.service on both machines',
    async () => {
      const lines = (await fleetctl.listUnits()).filter((line) =>
        /^all\.service.*active/.test(line),
      );
      return lines.length === 2 ? { done: true, value: lines } : { done: false, saw: lines.join() };
    },
    20_000,
  );
  expect(await pidsOf('all.service')).toHaveLength(2);
  for (const unit of ['app@1.service', 'app@2.service', 'app@.service', 'all.service']) {
    await fleetctl.destroy(unit);
  }
});

test('metadata that is set through the API decides where a unit runs', async () => {
  const path = `/${await idOf(2)}/metadata/role`;
  const file = [...sleeper, fleet('MachineMetadata', 'role=db')];
  const patch = (op: object): Promise<{ status: number }> =>
    askAt(socketPath, 'PATCH', '/fleet/v1/machines', { body: [op] });
  expect((await patch({ op: 'add', path, value: { value: 'db' } })).status).toBe(204);
  await fleetctl.start('db.service', { file });
  expect((await cluster.running(['db.service'])).map(({ machine }) => machine)).toEqual([2]);
  expect(await fleetctl.machines()).toContainEqual(
    expect.objectContaining({
      id: await idOf(2),
      metadata: expect.objectContaining({ role: 'db' }),
    }),
  );
  await fleetctl.destroy('db.service');
  expect((await patch({ op: 'remove', path })).status).toBe(204);
});

test('lists of several pages through either machine', async () => {
  const names = Array.from({ length: 250 }, (_, i) => `many@${String(i).padStart(3, '0')}.service`);
  const api = await cluster.api();
  await api.writeUnits(names.map((name) => ({ name, file: '[Service]\nExecStart=/bin/true\n' })));
  for (const machine of [1, 2]) {
    const other = new Fleetctl({ socketPath: await cluster.lab.socket(machine), pollMs: 250 });
    await waitFor(
      `250 units through machine ${machine}`,
      async () => {
        const seen = (await other.units()).map(({ name }) => name);
        return seen.length === 250 && seen.every((name, i) => name === names[i])
          ? { done: true, value: seen }
          : { done: false, saw: `${seen.length} units` };
      },
      10_000,
    );
    expect(other.takeCalls().slice(-2)).toEqual(['GET units 200', 'GET units (next page) 200']);
  }
  await api.destroyUnits(names);
});

test('without etcd every path is a 503 in fleet’s words; afterwards it goes on', async () => {
  await fleetctl.start('calm.service', { file: sleeper });
  const [pid] = await pidsOf('calm.service');
  await cluster.lab.etcd('stop');
  for (const path of ['/fleet/v1/units', '/fleet/v1/units/calm.service', '/v1-alpha/nothing']) {
    const { status, text } = await askAt(socketPath, 'GET', path);
    expect([status, JSON.parse(text)]).toEqual([
      503,
      { error: { code: 503, message: 'fleet server unable to communicate with etcd' } },
    ]);
  }
  await cluster.lab.etcd('start');
  await waitFor(
    'the list of units',
    async () => ({ done: true, value: await fleetctl.listUnits() }),
    30_000,
  );
  expect(await pidsOf('calm.service')).toEqual([pid]);
  await fleetctl.destroy('calm.service');
});

/** Its main process, and since when it is active, in microseconds of that machine's clock. */
async function runOf(unit: string): Promise<{ mainPid: number; activeSince: number }> {
  const [running] = await cluster.running([unit]);
  if (running === undefined) throw new Error(`${unit} runs nowhere`);
  const { machine, mainPid } = running;
  const show = `systemctl show -P ActiveEnterTimestampMonotonic ${unit}`;
  return { mainPid, activeSince: Number(await cluster.lab.sh(machine, show)) };
}

async function pidInside(machine: number, unit: string): Promise<string> {
  return cluster.lab.sh(machine, `systemctl show -P MainPID ${unit}`);
}

async function untilNothingRuns(unit: string): Promise<void> {
  await waitFor(
    `${unit} to have ended`,
    async () => {
      const running = await cluster.running([unit]);
      return running.length === 0
        ? { done: true, value: undefined }
        : { done: false, saw: JSON.stringify(running) };
    },
    20_000,
  );
}
