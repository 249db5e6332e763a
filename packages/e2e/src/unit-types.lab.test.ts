import type { UnitRequest } from '@muster/api/client';
import { Cluster, sleeper } from './cluster.ts';
import { waitFor } from './lab.ts';

jest.setTimeout(120_000);

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.up(2);
  for (const machine of [1, 2]) {
    // nspawn makes no /dev/autofs, and systemd looks for it only once.
    await cluster.lab.sh(machine, 'mknod /dev/autofs c 10 235 && systemctl daemon-reexec');
  }
});
afterAll(() => cluster?.lab.down());

interface Kind {
  readonly unit: string;
  readonly file: string;
  /** What systemd says of it while it is launched. */
  readonly up: string;
  /** Units that it needs beside it: loaded, and started by it or not at all. */
  readonly others: readonly UnitRequest[];
}

const running = '[Service]\nExecStart=/bin/sleep infinity\n';
const loaded = (name: string, file = running): UnitRequest => ({
  name,
  file,
  desiredState: 'loaded',
});
const mount = (where: string): string => `[Mount]\nWhat=tmpfs\nWhere=${where}\nType=tmpfs\n`;
const beside = (name: string): string => `[X-Fleet]\nMachineOf=${name}\n`;

const kinds: readonly Kind[] = [
  {
    unit: 'type.service',
    file: running,
    up: 'active/running',
    others: [],
  },
  {
    unit: 'type.socket',
    file: `[Socket]\nListenStream=127.0.0.1:7171\n${beside('type.service')}`,
    up: 'active/listening',
    others: [loaded('type.service')],
  },
  {
    unit: 'type.timer',
    file: `[Timer]\nOnActiveSec=1h\n${beside('type.service')}`,
    up: 'active/waiting',
    others: [loaded('type.service')],
  },
  {
    unit: 'type.path',
    file: `[Path]\nPathExists=/nonexistent\n${beside('type.service')}`,
    up: 'active/waiting',
    others: [loaded('type.service')],
  },
  { unit: 'mnt-a.mount', file: mount('/mnt/a'), up: 'active/mounted', others: [] },
  {
    unit: 'mnt-b.automount',
    file: `[Automount]\nWhere=/mnt/b\n${beside('mnt-b.mount')}`,
    up: 'active/waiting',
    others: [loaded('mnt-b.mount', mount('/mnt/b'))],
  },
  { unit: 'type.target', file: '[Unit]\nDescription=type\n', up: 'active/active', others: [] },
  { unit: 'type.slice', file: '[Slice]\nTasksMax=100\n', up: 'active/active', others: [] },
  // In a container systemd swaps nowhere: what is to be seen is that it says so and rests.
  { unit: 'root-a.swap', file: '[Swap]\nWhat=/root/a\n', up: 'inactive/dead', others: [] },
];

/** What systemd says of a unit on a machine. */
const systemdSays = async (machine: number, unit: string): Promise<string> =>
  (await cluster.lab.sh(machine, `systemctl show -p ActiveState,SubState --value ${unit}`)).replace(
    '\n',
    '/',
  );

/** Lines of both musterds that name the unit. */
async function linesAbout(unit: string): Promise<number> {
  const lines = await Promise.all(
    [1, 2].map((machine) =>
      cluster.lab.sh(
        machine,
        `journalctl -u musterd -o cat --no-pager | grep -cF '"${unit}"' || :`,
      ),
    ),
  );
  return lines.reduce((sum, count) => sum + Number(count), 0);
}

/** Keys of the store that name the unit, but those of its history, and when each was written. */
async function stored(unit: string): Promise<string[]> {
  return [...(await cluster.keys())]
    .filter(([key]) => /^\/muster\/(?:unit|placement|assignment|state)\//.test(key))
    .filter(([key]) => key.endsWith(`/${unit}`))
    .map(([key, revision]) => `${key} ${revision}`);
}

/** What there is of a unit on a machine: its file, and what systemd has loaded of it. */
const leftOn = (machine: number, unit: string): Promise<string> =>
  cluster.lab.sh(
    machine,
    `find /run/systemd/system /run/muster -name '*${unit}*'
     systemctl list-units --all --no-legend --plain '${unit}'`,
  );

/** Waits until the agents have begun and ended more looks at their systemd. */
async function agentsLookAgain(): Promise<void> {
  for (let i = 1; i <= 2; i += 1) {
    await cluster.launch([sleeper('probe.service', 'Global=true')]);
    await cluster.destroy(['probe.service']);
  }
}

const placeOf = async (unit: string): Promise<number> => {
  const state = (await cluster.states()).find((each) => each.unit === unit);
  return cluster.numbers.get(state?.machine ?? '') ?? 0;
};

async function change(unit: string, desiredState: 'loaded' | 'launched'): Promise<void> {
  const { revision } = await (await cluster.api()).writeUnits([{ name: unit, desiredState }]);
  const wait = cluster.wait([unit], { until: desiredState, afterRevision: revision });
  if (desiredState === 'loaded' || !unit.endsWith('.swap')) return wait;
  const said = await wait.then(() => 'it was launched', String);
  if (!said.includes('unsupported')) throw new Error(said);
}

function resultOf(unit: string): string | null {
  if (unit.endsWith('.swap')) return 'unsupported';
  return /\.(?:target|slice)$/.test(unit) ? null : 'success';
}

test.each(kinds)('$unit: loaded, launched, stopped, launched and destroyed', async (kind) => {
  const { unit, file, up, others } = kind;
  const all = [unit, ...others.map(({ name }) => name)];
  await cluster.launch([...others, loaded(unit, file)], 'loaded');
  const machine = await placeOf(unit);
  expect(await systemdSays(machine, unit)).toBe('inactive/dead');
  await change(unit, 'launched');
  expect(await systemdSays(machine, unit)).toBe(up);
  const state = (await cluster.states()).find((each) => each.unit === unit);
  expect(`${state?.activeState}/${state?.subState}`).toBe(up);
  expect(state?.result).toBe(resultOf(unit));

  const before = { said: await linesAbout(unit), stored: await stored(unit) };
  expect(before.stored).toHaveLength(4);
  expect(before.said).toBeGreaterThan(1);
  await agentsLookAgain();
  expect({ said: await linesAbout(unit), stored: await stored(unit) }).toEqual(before);

  await change(unit, 'loaded');
  expect(await systemdSays(machine, unit)).toBe('inactive/dead');
  await change(unit, 'launched');
  expect(await systemdSays(machine, unit)).toBe(up);
  await cluster.destroy(all);
  for (const name of all) {
    expect(await leftOn(1, name)).toBe('');
    expect(await leftOn(2, name)).toBe('');
    expect(await stored(name)).toEqual([]);
  }
  const after = await linesAbout(unit);
  await agentsLookAgain();
  expect(await linesAbout(unit)).toBe(after);
});

test('stopping a slice stops what runs in it, and it stays down though Restart=always', async () => {
  const inside = `[Service]\nExecStart=/bin/sleep infinity\nRestart=always\nSlice=type.slice\n`;
  await cluster.launch([
    { name: 'type.slice', file: '[Slice]\nTasksMax=100\n' },
    { name: 'in.service', file: inside + beside('type.slice') },
  ]);
  const machine = await placeOf('in.service');
  expect(await systemdSays(machine, 'in.service')).toBe('active/running');
  await change('type.slice', 'loaded');
  await agentsLookAgain();
  expect(await systemdSays(machine, 'in.service')).toBe('inactive/dead');
  expect(await systemdSays(machine, 'type.slice')).toBe('inactive/dead');
  await cluster.destroy(['in.service', 'type.slice']);
  expect(await leftOn(machine, 'type.slice')).toBe('');
});

test.each(['type.device', 'type.scope', 'type.snapshot', 'type.busname'])(
  '%s is refused, and nothing is stored',
  async (unit) => {
    const api = await cluster.api();
    const write = api.writeUnits([{ name: unit, file: '[Unit]\nDescription=a\n' }]);
    await expect(write).rejects.toMatchObject({ status: 400, code: 'unit-file' });
    expect(await stored(unit)).toEqual([]);
  },
);

test('[Install]: systemd sees it, a target starts it, and nothing of it is left', async () => {
  const install = '[Install]\nWantedBy=multi-user.target wanting.target\nAlias=nickname.service\n';
  await cluster.launch(
    [
      { name: 'enabled.service', file: `[Service]\nExecStart=/bin/sleep infinity\n${install}` },
      loaded('wanting.target', `[Unit]\nDescription=a\n${beside('enabled.service')}`),
    ],
    'loaded',
  );
  const machine = await placeOf('enabled.service');
  const sh = (command: string): Promise<string> => cluster.lab.sh(machine, command);
  expect(await sh('systemctl is-enabled enabled.service')).toBe('enabled-runtime');
  const wants = 'systemctl list-dependencies --plain multi-user.target';
  expect(await sh(wants)).toContain('enabled.service');
  expect(await systemdSays(machine, 'enabled.service')).toBe('inactive/dead');

  await sh('systemctl start wanting.target');
  await waitFor(
    'enabled.service to run',
    async () => {
      const saw = await systemdSays(machine, 'nickname.service');
      return saw === 'active/running' ? { done: true, value: saw } : { done: false, saw };
    },
    10_000,
  );
  expect(await sh('systemctl show -P Id nickname.service')).toBe('enabled.service');

  await cluster.destroy(['enabled.service', 'wanting.target']);
  expect(await sh(wants)).not.toContain('enabled.service');
  for (const name of ['enabled.service', 'nickname.service', 'wanting.target']) {
    expect(await leftOn(machine, name)).toBe('');
  }
  expect(await sh('ls -A /run/systemd/system')).not.toMatch(
    /multi-user\.target\.wants|muster-links/,
  );
});

test('an alias that the machine has is refused there, with the reason', async () => {
  const install = '[Install]\nAlias=ssh-host.service\n';
  for (const machine of [1, 2]) {
    await cluster.lab.sh(
      machine,
      `printf '[Service]\\nExecStart=/bin/true\\n' > /etc/systemd/system/ssh-host.service`,
    );
  }
  const file = `[Service]\nExecStart=/bin/sleep infinity\n${install}`;
  const reason = /Alias=ssh-host\.service cannot be had: this machine has a unit ssh-host\.service/;
  await expect(cluster.launch([{ name: 'aliased.service', file }])).rejects.toThrow(reason);
  const machine = await placeOf('aliased.service');
  expect(await leftOn(machine, 'aliased.service')).toBe('');
  await cluster.destroy(['aliased.service']);
});
