import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, sleeper } from './cluster.ts';
import type { Running } from './cluster.ts';
import { waitFor } from './lab.ts';

jest.setTimeout(180_000);

const offlineMs = 6_000;
/** Longer than a machine's lease, and than what is added before it counts as absent. */
const beyondTtlMs = 12_000;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.up(3, { env: { MUSTER_AGENT_OFFLINE: `${offlineMs}ms` } });
});
afterAll(() => cluster?.lab.down());

const others = (machine: number): number[] => [1, 2, 3].filter((each) => each !== machine);

/** The one copy of a unit. */
async function placeOf(unit: string): Promise<Running> {
  const [running, ...more] = await cluster.running([unit]);
  if (running === undefined || more.length > 0) {
    throw new Error(`${unit} runs on ${JSON.stringify([running, ...more])}`);
  }
  return running;
}

/** Waits until exactly these machines run a unit. */
async function runsOn(unit: string, machines: readonly number[]): Promise<void> {
  await waitFor(
    `${unit} to run on ${machines.join() || 'no machine'}`,
    async () => {
      const on = (await cluster.running([unit])).map(({ machine }) => machine);
      return on.join() === machines.join()
        ? { done: true, value: undefined }
        : { done: false, saw: `on ${on.join()}` };
    },
    40_000,
  );
}

async function isNoted(unit: string, machine: number): Promise<void> {
  await waitFor(
    `${unit} to be noted on machine ${machine}`,
    async () => {
      const text = await cluster.lab.sh(machine, 'cat /var/lib/muster/assignments.json');
      return text.includes(unit) ? { done: true, value: undefined } : { done: false, saw: text };
    },
    30_000,
  );
}

/** Microseconds of the machine's clock, of a property like ActiveEnterTimestampMonotonic. */
async function timeOf(machine: number, unit: string, property: string): Promise<number> {
  return Number(await cluster.lab.sh(machine, `systemctl show -P ${property} ${unit}`));
}

test('after a reboot without etcd units start after the configured while, and run on when it is back', async () => {
  const units = ['edge.service', 'everywhere.service'];
  await cluster.launch([sleeper('edge.service'), sleeper('everywhere.service', 'Global=true')]);
  const { machine } = await placeOf('edge.service');
  for (const unit of units) await isNoted(unit, machine);
  await cluster.lab.etcd('kill');
  await cluster.lab.kill(machine);
  await cluster.lab.boot(machine);
  await runsOn('edge.service', [machine]);
  const began = await timeOf(machine, 'musterd', 'ExecMainStartTimestampMonotonic');
  const started = await timeOf(machine, 'edge.service', 'ActiveEnterTimestampMonotonic');
  expect((started - began) / 1000).toBeGreaterThan(offlineMs);
  await runsOn('everywhere.service', [1, 2, 3]);
  await waitFor(
    'the status to say so',
    async () => {
      const saw = await cluster.lab.sh(machine, 'systemctl show -P StatusText musterd');
      return saw.includes('etcd does not answer, 2 units started as assigned before this boot')
        ? { done: true, value: saw }
        : { done: false, saw };
    },
    15_000,
  );
  const asked = await cluster.lab.musterctl(['status'], machine);
  expect(asked.stderr).toContain('2 units started as assigned before this boot');
  const before = await cluster.running(units);
  await cluster.lab.etcd('start');
  await cluster.waitForMembers(3);
  await pause(beyondTtlMs);
  await cluster.wait(units, { until: 'launched' });
  expect(await cluster.running(units)).toEqual(before);
  await cluster.destroy(units);
});

test('a unit that was moved away meanwhile ends with exactly one copy, where it was moved to', async () => {
  await cluster.launch([sleeper('mover.service')]);
  const { machine } = await placeOf('mover.service');
  await isNoted('mover.service', machine);
  const [via = 1] = others(machine);
  await cluster.lab.cut(machine);
  await cluster.lab.kill(machine);
  await cluster.lab.boot(machine);
  const now = await cluster.waitForActive('mover.service', others(machine), 30_000, via);
  await runsOn(
    'mover.service',
    [machine, now].toSorted((a, b) => a - b),
  );
  const replacement = (await cluster.running(['mover.service'])).find((r) => r.machine === now);
  await cluster.lab.mend(machine);
  await runsOn('mover.service', [now]);
  expect(await placeOf('mover.service')).toEqual(replacement);
  await cluster.waitForMembers(3, via);
  await cluster.destroy(['mover.service'], via);
});

test('a musterd that stood still for longer than its lease, also the leader, stops nothing that is its own', async () => {
  const leader = (await (await cluster.api()).cluster()).leader?.machine ?? '';
  const stalled = cluster.numbers.get(leader) ?? 1;
  const [via = 1] = others(stalled);
  const pinned = ['pinned.service', 'everywhere.service'];
  await cluster.launch([
    sleeper('pinned.service', `MachineID=${(await cluster.lab.machine(stalled)).id}`),
    sleeper('everywhere.service', 'Global=true'),
    ...[1, 2, 3, 4, 5, 6].map((i) => sleeper(`loose@${i}.service`)),
  ]);
  const loose = [1, 2, 3, 4, 5, 6].map((i) => `loose@${i}.service`);
  const before = await cluster.running(pinned);
  const elsewhere = (await cluster.running(loose)).filter(({ machine }) => machine !== stalled);
  expect(elsewhere.length).toBeLessThan(loose.length);
  const pid = await cluster.lab.sh(stalled, 'systemctl show -P MainPID musterd');
  // Else systemd would start it anew.
  await cluster.lab.sh(stalled, `systemctl service-watchdogs no; kill -STOP ${pid}`);
  await waitFor(
    'somebody else to lead and the stalled machine to be gone',
    async () => {
      const api = await cluster.api(via);
      const now = (await api.cluster()).leader?.machine ?? '';
      const machines = (await api.machines()).map(({ id }) => id);
      return now !== '' && now !== leader && !machines.includes(leader)
        ? { done: true, value: undefined }
        : { done: false, saw: `leader ${now}, machines ${machines.join()}` };
    },
    30_000,
  );
  await pause(beyondTtlMs);
  await cluster.lab.sh(stalled, `kill -CONT ${pid}`);
  await cluster.waitForMembers(3, via);
  await cluster.wait([...pinned, ...loose], { until: 'launched', via });
  expect(await cluster.running(pinned)).toEqual(before);
  expect(await cluster.lab.sh(stalled, 'systemctl show -P MainPID musterd')).toBe(pid);
  await waitFor(
    'one copy of each unit that is on one machine',
    async () => {
      const now = await cluster.running(loose);
      const units = new Set(now.map(({ unit }) => unit));
      return units.size === loose.length && now.length === loose.length
        ? { done: true, value: now }
        : { done: false, saw: JSON.stringify(now) };
    },
    30_000,
  );
  expect(await cluster.running(loose)).toEqual(expect.arrayContaining(elsewhere));
  await cluster.destroy([...pinned, ...loose], via);
});
