import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, sleeper } from './cluster.ts';
import { waitFor } from './lab.ts';

jest.setTimeout(180_000);

/** Longer than a machine's lease and what is added before it counts as absent. */
const beyondTtlMs = 12_000;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.up(3);
});
afterAll(() => cluster?.lab.down());

const others = (machine: number): number[] => [1, 2, 3].filter((each) => each !== machine);

describe('launching', () => {
  test('instances that refuse to share a machine run on one machine each', async () => {
    const names = [1, 2, 3].map((i) => `spread@${i}.service`);
    await cluster.launch(names.map((name) => sleeper(name, 'Conflicts=spread@*.service')));
    const running = await cluster.running(names);
    expect(new Set(running.map((r) => r.machine))).toEqual(new Set([1, 2, 3]));
    await cluster.destroy(names);
  });

  test('a global unit runs on every machine, a follower beside its peer', async () => {
    await cluster.launch([
      sleeper('everywhere.service', 'Global=true'),
      sleeper('peer.service'),
      sleeper('follower.service', 'MachineOf=peer.service'),
    ]);
    const everywhere = await cluster.running(['everywhere.service']);
    expect(everywhere.map((r) => r.machine)).toEqual([1, 2, 3]);
    const [peer] = await cluster.running(['peer.service']);
    const [follower] = await cluster.running(['follower.service']);
    expect(follower?.machine).toBe(peer?.machine);
    await cluster.destroy(['everywhere.service', 'peer.service', 'follower.service']);
  });

  test('destroying leaves no file, no symlink, no process and nothing loaded', async () => {
    const names = ['gone.service', 'gone-failed.service', 'gone.socket', 'gone@1.service'];
    const api = await cluster.api();
    await api.writeUnits([
      { ...sleeper('gone.service'), desiredState: 'launched' },
      {
        name: 'gone-failed.service',
        file: '[Service]\nExecStart=/bin/false\n',
        desiredState: 'launched',
      },
      {
        name: 'gone.socket',
        file: '[Socket]\nListenStream=/run/gone.sock\nRemoveOnStop=true\n[X-Fleet]\nMachineOf=gone.service\n',
        desiredState: 'launched',
      },
      { ...sleeper('gone@1.service'), desiredState: 'launched' },
    ]);
    await cluster.wait(['gone.service', 'gone.socket', 'gone@1.service'], { until: 'launched' });
    await waitFor(
      'gone-failed.service to be reported as failed',
      async () => {
        const state = (await cluster.states()).find((s) => s.unit === 'gone-failed.service');
        return state?.activeState === 'failed' && state.result === 'exit-code'
          ? { done: true, value: state }
          : { done: false, saw: JSON.stringify(state) };
      },
      10_000,
    );
    await cluster.destroy(names);
    for (const machine of [1, 2, 3]) {
      const left = await cluster.lab.sh(
        machine,
        `find / -xdev -name 'gone*' -not -path '/proc/*' 2>/dev/null; find /run -name 'gone*';
         systemctl list-units --all --plain --no-legend 'gone*'; ls /run/muster/units | grep gone; true`,
      );
      expect({ machine, left }).toEqual({ machine, left: '' });
    }
  });

  test('a name that the host has is refused there, with the reason, and the host keeps its unit', async () => {
    const before = await cluster.lab.sh(1, 'systemctl show -P FragmentPath dbus.socket');
    const api = await cluster.api();
    await expect(api.writeUnits([sleeper('dbus.service')])).rejects.toThrow(/dbus\.service/);
    await cluster.lab.sh(
      1,
      'mkdir -p /etc/systemd/system && printf "[Service]\\nExecStart=/bin/true\\n" > /etc/systemd/system/host-own.service',
    );
    const { id } = await cluster.lab.machine(1);
    await api.writeUnits([
      { ...sleeper('host-own.service', `MachineID=${id}`), desiredState: 'launched' },
    ]);
    const state = await waitFor(
      'the refusal of host-own.service',
      async () => {
        const found = (await cluster.states()).find((s) => s.unit === 'host-own.service');
        return found !== undefined && found.problem !== null
          ? { done: true, value: found }
          : { done: false, saw: JSON.stringify(found) };
      },
      10_000,
    );
    expect(state.problem).toMatch(/\/etc\/systemd\/system\/host-own\.service/);
    await cluster.destroy(['host-own.service']);
    expect(await cluster.lab.sh(1, 'cat /etc/systemd/system/host-own.service')).toMatch(
      /bin\/true/,
    );
    expect(await cluster.lab.sh(1, 'systemctl show -P FragmentPath dbus.socket')).toBe(before);
  });
});

describe('musterd comes and goes, units do not notice', () => {
  const names = ['steady@1.service', 'steady@2.service', 'steady@3.service'];
  let before: Awaited<ReturnType<Cluster['running']>>;
  beforeAll(async () => {
    await cluster.launch(names.map((name) => sleeper(name, 'Conflicts=steady@*.service')));
    await cluster.launch([
      {
        name: 'once.service',
        file: '[Service]\nType=oneshot\nExecStart=/bin/sh -c "echo ran >> /run/once.log"\n',
      },
    ]);
    before = await cluster.running(names);
    if (before.length !== 3) throw new Error(`running before: ${JSON.stringify(before)}`);
  });
  afterAll(() => cluster.destroy([...names, 'once.service']));

  const expectUntouched = async (): Promise<void> => {
    expect(await cluster.running(names)).toEqual(before);
    const logs = await Promise.all(
      [1, 2, 3].map((machine) => cluster.lab.sh(machine, 'cat /run/once.log 2>/dev/null; true')),
    );
    expect(logs.join('').trim()).toBe('ran');
  };
  const musterdPid = (machine: number): Promise<string> =>
    cluster.lab.sh(machine, 'systemctl show -P MainPID musterd');

  test('killed and started again by systemd', async () => {
    for (const machine of [1, 2, 3]) {
      const pid = await musterdPid(machine);
      await cluster.lab.sh(machine, `kill -9 ${pid}`);
      await waitFor(
        `another musterd on machine ${machine}`,
        async () => {
          const now = await musterdPid(machine);
          return now !== '0' && now !== pid
            ? { done: true, value: now }
            : { done: false, saw: now };
        },
        15_000,
      );
    }
    await cluster.waitForMembers(3);
    await pause(beyondTtlMs);
    await expectUntouched();
  });

  test('stopped in order for longer than its lease, and started again', async () => {
    await cluster.lab.sh(2, 'systemctl stop musterd');
    await pause(beyondTtlMs);
    await expectUntouched();
    const away = (await (await cluster.api()).machines()).filter((m) => m.awaySince !== null);
    expect(away.map((m) => cluster.numbers.get(m.id))).toEqual([2]);
    await cluster.lab.sh(2, 'systemctl start musterd');
    await cluster.waitForMembers(3);
    await expectUntouched();
  });

  test('etcd away for everybody for longer than a lease', async () => {
    await cluster.lab.etcd('kill');
    await pause(beyondTtlMs);
    await expectUntouched();
    await cluster.lab.etcd('start');
    await cluster.waitForMembers(3);
    await pause(beyondTtlMs);
    await expectUntouched();
  });

  test('the cluster takes new units after all that', async () => {
    await cluster.launch([sleeper('after.service')]);
    await cluster.destroy(['after.service']);
  });
});

test('after a power cut a unit is active elsewhere; the machine comes back and takes new units', async () => {
  await cluster.launch([sleeper('mover.service')]);
  const [placed] = await cluster.running(['mover.service']);
  if (placed === undefined) throw new Error('mover.service runs nowhere');
  const via = others(placed.machine)[0] ?? 1;
  await cluster.lab.kill(placed.machine);
  const now = await cluster.waitForActive('mover.service', others(placed.machine), 12_000, via);
  expect(await cluster.running(['mover.service'])).toEqual([
    { unit: 'mover.service', machine: now, mainPid: expect.any(Number) },
  ]);
  await cluster.lab.boot(placed.machine);
  await cluster.waitForMembers(3, via);
  const { id } = await cluster.lab.machine(placed.machine);
  await cluster.launch([sleeper('back.service', `MachineID=${id}`)], 'launched', via);
  await cluster.destroy(['mover.service', 'back.service'], via);
});

test('a machine that was cut off keeps its unit; once it is back exactly one runs', async () => {
  await cluster.launch([sleeper('torn.service')]);
  const [placed] = await cluster.running(['torn.service']);
  if (placed === undefined) throw new Error('torn.service runs nowhere');
  const via = others(placed.machine)[0] ?? 1;
  await cluster.lab.cut(placed.machine);
  const now = await cluster.waitForActive('torn.service', others(placed.machine), 12_000, via);
  const torn = await cluster.running(['torn.service']);
  expect(new Set(torn.map((r) => r.machine))).toEqual(new Set([placed.machine, now]));
  await cluster.lab.mend(placed.machine);
  await waitFor(
    'exactly the new copy to run',
    async () => {
      const on = (await cluster.running(['torn.service'])).map((r) => r.machine);
      return on.length === 1 && on[0] === now
        ? { done: true, value: on }
        : { done: false, saw: `on ${on.join()}` };
    },
    30_000,
  );
  await cluster.destroy(['torn.service'], via);
});

test('a wiped store stops nothing', async () => {
  await cluster.launch([sleeper('precious.service')]);
  const before = await cluster.running(['precious.service']);
  await cluster.wipeStore();
  await pause(beyondTtlMs);
  expect(await cluster.running(['precious.service'])).toEqual(before);
  const logs = await cluster.lab.sh(
    1,
    'journalctl -u musterd -o cat --no-pager | grep -c store-untrusted; true',
  );
  expect(Number(logs)).toBeGreaterThan(0);
});
