import { Cluster, sleeper } from './cluster.ts';
import { waitFor } from './lab.ts';

jest.setTimeout(120_000);

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.up(2);
});
afterAll(() => cluster?.lab.down());

/** Notes when it begins, and when it has ended, in seconds of the machine's uptime. */
const noting = (name: string, fleet = '') => ({
  name: `${name}.service`,
  file: `[Service]
ExecStartPre=/bin/sh -c 'cut -d " " -f 1 /proc/uptime > /run/${name}-began'
ExecStart=/bin/sleep infinity
ExecStop=/bin/sleep 2
ExecStopPost=/bin/sh -c 'cut -d " " -f 1 /proc/uptime > /run/${name}-ended'
[X-Fleet]
${fleet}
`,
});

const machineOf = async (unit: string): Promise<number> =>
  waitFor(
    `${unit} to run on one machine`,
    async () => {
      const on = (await cluster.running([unit])).map(({ machine }) => machine);
      const [machine] = on;
      return machine !== undefined && on.length === 1
        ? { done: true, value: machine }
        : { done: false, saw: `it runs on ${on.join() || 'none'}` };
    },
    20_000,
  );
const noted = async (machine: number, file: string): Promise<number> =>
  Number(await cluster.lab.sh(machine, `cat /run/${file}`));

test('a unit that replaces another starts after that has ended there; that runs on elsewhere', async () => {
  await cluster.launch([noting('old')]);
  await cluster.launch([sleeper('beside.service')]);
  const first = await machineOf('old.service');
  expect(await machineOf('beside.service')).toBe(3 - first);
  await cluster.launch([noting('new', 'Replaces=old.service')]);
  // Both machines are equally loaded, and the first one was chosen for the same reason.
  const machine = await machineOf('new.service');
  expect(machine).toBe(first);
  expect(await noted(machine, 'new-began')).toBeGreaterThanOrEqual(
    await noted(machine, 'old-ended'),
  );
  await cluster.wait(['old.service'], { until: 'launched' });
  expect(await machineOf('old.service')).toBe(3 - machine);
  const { assignments } = (await (await cluster.api()).unit('old.service')) ?? {};
  expect(assignments).toMatchObject([{ reason: 'replaced by new.service' }]);
  await cluster.destroy(['new.service', 'old.service', 'beside.service']);
});
