import { Cluster, sleeper } from './cluster.ts';
import { waitFor } from './lab.ts';
import type { Ran } from './lab.ts';

jest.setTimeout(120_000);

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.up(2);
});
afterAll(() => cluster?.lab.down());

const idOf = async (machine: number): Promise<string> => (await cluster.lab.machine(machine)).id;
const mainPid = (machine: number, unit: string): Promise<string> =>
  cluster.lab.sh(machine, `systemctl show -P MainPID ${unit}`);

async function untilAnotherPid(machine: number, unit: string, than: string): Promise<string> {
  return waitFor(
    `another process of ${unit} than ${than} on machine ${machine}`,
    async () => {
      const pid = await mainPid(machine, unit);
      return pid !== '0' && pid !== than ? { done: true, value: pid } : { done: false, saw: pid };
    },
    20_000,
  );
}

/** Waits until the agent of the machine has begun and ended `count` more looks at its systemd. */
async function agentPasses(machine: number, count: number): Promise<void> {
  for (let i = 1; i <= count; i += 1) {
    const name = `probe-${machine}-${i}.service`;
    await cluster.launch([sleeper(name, `MachineID=${await idOf(machine)}`)]);
    await cluster.destroy([name]);
  }
}

describe('status and journal of a unit on machine 2, asked through machine 1', () => {
  const talker = (name: string, fleet: string) => ({
    name,
    file: `[Service]\nExecStart=/bin/sh -c 'echo here is $(hostname); exec sleep infinity'\n[X-Fleet]\n${fleet}\n`,
  });
  let hostname: string;
  beforeAll(async () => {
    hostname = await cluster.lab.sh(2, 'hostname');
    await cluster.launch([
      talker('far.service', `MachineID=${await idOf(2)}`),
      talker('both.service', 'Global=true'),
    ]);
  });
  afterAll(() => cluster.destroy(['far.service', 'both.service']));

  async function untilItSays(args: readonly string[], text: string): Promise<Ran> {
    return waitFor(
      `musterctl ${args.join(' ')} to print ${text}`,
      async () => {
        const ran = await cluster.lab.musterctl(args, 1);
        return ran.status === 0 && ran.stdout.includes(text)
          ? { done: true, value: ran }
          : { done: false, saw: JSON.stringify(ran) };
      },
      10_000,
    );
  }

  test('of a unit with one machine', async () => {
    const status = await untilItSays(['status', 'far'], 'Active: active (running)');
    expect(status.stdout).toContain(`Main PID: ${await mainPid(2, 'far.service')} `);
    await untilItSays(['journal', 'far'], `here is ${hostname}`);
  });

  test('of a global unit, on the machine that is named', async () => {
    for (const machine of [1, 2]) {
      const place = ['--machine', await idOf(machine)];
      const name = await cluster.lab.sh(machine, 'hostname');
      const status = await untilItSays(['status', 'both', ...place], 'Active: active (running)');
      expect(status.stdout).toContain(`Main PID: ${await mainPid(machine, 'both.service')} `);
      const journal = await untilItSays(['journal', 'both', ...place], `here is ${name}`);
      expect(journal.stdout.match(/here is/g)).toHaveLength(1);
    }
  });
});

test('what is only loaded and was started by its socket runs on, over agent passes and a musterd restart', async () => {
  await cluster.launch([sleeper('lazy.service')], 'loaded');
  await cluster.launch([
    {
      name: 'lazy.socket',
      file: '[Socket]\nListenStream=127.0.0.1:7070\n[X-Fleet]\nMachineOf=lazy.service\n',
    },
  ]);
  const states = await cluster.states();
  const place = states.find((state) => state.unit === 'lazy.service');
  expect(place).toMatchObject({ loadState: 'loaded', activeState: 'inactive' });
  const machine = cluster.numbers.get(place?.machine ?? '') ?? 0;
  await cluster.lab.sh(machine, 'bash -c ": </dev/tcp/127.0.0.1/7070"');
  const pid = await untilAnotherPid(machine, 'lazy.service', '0');
  await cluster.waitForActive('lazy.service', [machine], 10_000, 1);
  await agentPasses(machine, 3);
  expect(await mainPid(machine, 'lazy.service')).toBe(pid);
  await cluster.lab.sh(machine, 'systemctl restart musterd');
  await cluster.waitForMembers(2);
  await agentPasses(machine, 2);
  expect(await mainPid(machine, 'lazy.service')).toBe(pid);
  const { stdout } = await cluster.lab.musterctl([
    'list-unit-files',
    '--no-legend',
    '--fields=unit,state,target',
  ]);
  expect(stdout).toMatch(/^lazy\.service +loaded +/m);
  await cluster.destroy(['lazy.socket', 'lazy.service']);
});

test('a musterd that stands still is ended by systemd’s watchdog and comes back; its units run on', async () => {
  await cluster.launch([sleeper('calm.service', `MachineID=${await idOf(2)}`)]);
  const calm = await mainPid(2, 'calm.service');
  const dropIn = '/run/systemd/system/musterd.service.d';
  await cluster.lab.sh(
    2,
    `mkdir -p ${dropIn} && printf '[Service]\\nWatchdogSec=4s\\n' > ${dropIn}/60-test.conf &&
     systemctl daemon-reload && systemctl restart musterd`,
  );
  const musterd = await mainPid(2, 'musterd');
  await cluster.lab.sh(2, `kill -STOP ${musterd}`);
  await untilAnotherPid(2, 'musterd', musterd);
  const journal = await cluster.lab.sh(2, 'journalctl -u musterd -o cat --no-pager');
  expect(journal).toMatch(/musterd\.service: Watchdog timeout/);
  await cluster.waitForMembers(2);
  expect(await mainPid(2, 'calm.service')).toBe(calm);
  await cluster.lab.sh(
    2,
    `rm -r ${dropIn} && systemctl daemon-reload && systemctl restart musterd`,
  );
  await cluster.waitForMembers(2);
  await cluster.destroy(['calm.service']);
});

describe('musterctl’s exit status', () => {
  const musterctl = (command: string): Promise<Ran> =>
    cluster.lab.try(1, `cd /root && musterctl ${command}`);
  const unitFiles = async (): Promise<string> => (await musterctl('list-unit-files --full')).stdout;

  beforeAll(async () => {
    await cluster.lab.sh(
      1,
      `cd /root && printf '[Service]\\nExecStart=/bin/sleep infinity\\n' > good.service &&
       printf '[Service]\\nExecStart=/bin/true\\nnonsense\\n' > bad.service`,
    );
    await cluster.launch([sleeper('other.service')]);
  });
  afterAll(() => cluster.destroy(['other.service']));

  test('1: a file that does not parse is named with its line, and nothing is stored', async () => {
    const before = await unitFiles();
    expect(before).toContain('other.service');
    expect(await musterctl('start good.service bad.service')).toEqual({
      status: 1,
      stdout: '',
      stderr: 'bad.service:3: "nonsense" is no option: it has no "="\nerror: nothing was stored\n',
    });
    expect(await unitFiles()).toBe(before);
  });

  test('0: it was done', async () => {
    expect(await musterctl('start good.service')).toMatchObject({ status: 0, stderr: '' });
    expect(await musterctl('destroy good.service')).toMatchObject({ status: 0, stderr: '' });
  });

  test.each([
    ['2: a verb that is none', 'lanch good.service', 2, /lanch/],
    ['2: an option that is none', 'list-units --frobnicate', 2, /--frobnicate/],
    ['1: a unit that the cluster does not have', 'stop nobody.service', 1, /nobody\.service/],
    ['3: nobody at the endpoint', '--endpoint unix:/run/nobody.sock list-units', 3, /nobody\.sock/],
  ])('%s', async (_, command, status, message) => {
    const ran = await musterctl(command);
    expect(ran).toMatchObject({ status, stdout: '' });
    expect(ran.stderr).toMatch(message);
  });

  test('3: its store does not answer', async () => {
    await cluster.lab.etcd('kill');
    expect(await musterctl('cat other')).toMatchObject({ status: 3, stdout: '' });
    await cluster.lab.etcd('start');
    await cluster.waitForMembers(2);
  });
});
