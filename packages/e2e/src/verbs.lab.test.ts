import { Cluster } from './cluster.ts';
import { waitFor } from './lab.ts';
import type { Ran } from './lab.ts';

// musterctl's verbs as a user types them, on machines with a real systemd.

jest.setTimeout(120_000);

let cluster: Cluster;
let ids: readonly string[];

beforeAll(async () => {
  cluster = await Cluster.up(2);
  ids = await Promise.all([1, 2].map(async (n) => (await cluster.lab.machine(n)).id));
});
afterAll(() => cluster?.lab.down());

const musterctl = (command: string): Promise<Ran> =>
  cluster.lab.try(1, `cd /root && musterctl ${command}`);
const mainPid = (machine: number, unit: string): Promise<string> =>
  cluster.lab.sh(machine, `systemctl show -P MainPID ${unit}`);
const pids = (unit: string): Promise<string[]> =>
  Promise.all([1, 2].map((machine) => mainPid(machine, unit)));

async function unitFile(name: string, text: string): Promise<void> {
  const { status, stderr } = await cluster.lab.try(1, `cat > /root/${name}`, text);
  if (status !== 0) throw new Error(`${name} was not written: ${stderr}`);
}

/** Says in a file of its machine each time that it is started. */
const counting = (name: string, more = ''): string =>
  `[Service]\nExecStartPre=/bin/sh -c 'echo started >> /run/${name}.starts'\nExecStart=/bin/sleep infinity\n${more}`;
const starts = (name: string): Promise<string[]> =>
  Promise.all(
    [1, 2].map((machine) => cluster.lab.sh(machine, `wc -l < /run/${name}.starts || echo 0`)),
  );

async function untilState(unit: string, activeState: string): Promise<void> {
  await waitFor(
    `${unit} to be ${activeState}`,
    async () => {
      const states = (await cluster.states()).filter((state) => state.unit === unit);
      const saw = states.map((state) => state.activeState).join();
      return saw === activeState ? { done: true, value: undefined } : { done: false, saw };
    },
    15_000,
  );
}

describe('restart of a global unit', () => {
  beforeAll(async () => {
    await unitFile('all.service', counting('all', '[X-Fleet]\nGlobal=true\n'));
    await musterctl('start all.service');
  });
  afterAll(() => cluster.destroy(['all.service']));

  test('on one machine leaves the other alone', async () => {
    const before = await pids('all.service');
    const ran = await musterctl(`restart all --machine ${ids[1]}`);
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toMatch(new RegExp(`^Unit all.service launched on ${ids[1]?.slice(0, 8)}`));
    const after = await pids('all.service');
    expect(after[0]).toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
    expect(await starts('all')).toEqual(['1', '2']);
  });

  test('on all machines restarts each once', async () => {
    const before = await pids('all.service');
    expect(await musterctl('restart all')).toMatchObject({
      status: 0,
      stdout: 'Unit all.service launched on 2 machines\n',
    });
    const after = await pids('all.service');
    expect(after.filter((pid, i) => pid === before[i])).toEqual([]);
    expect(await starts('all')).toEqual(['2', '3']);
  });

  test('where it is not is refused', async () => {
    await unitFile('one.service', counting('one', `[X-Fleet]\nMachineID=${ids[0]}\n`));
    await musterctl('start one.service');
    const pid = await mainPid(1, 'one.service');
    expect(await musterctl(`restart one --machine ${ids[1]}`)).toEqual({
      status: 1,
      stdout: '',
      stderr: `Unit one.service is not on ${ids[1]}\nerror: 1 of the arguments could not be done\n`,
    });
    expect(await mainPid(1, 'one.service')).toBe(pid);
    await cluster.destroy(['one.service']);
  });
});

describe('start of a unit that is launched', () => {
  test('one that died is started again; one that runs keeps its process', async () => {
    await unitFile('dies.service', counting('dies', `[X-Fleet]\nMachineID=${ids[0]}\n`));
    const started = await musterctl('start dies.service');
    expect(started.status).toBe(0);
    const first = await mainPid(1, 'dies.service');
    await cluster.lab.sh(1, `kill -9 ${first}`);
    await untilState('dies.service', 'failed');
    expect(await musterctl('start dies')).toEqual(started);
    const second = await mainPid(1, 'dies.service');
    expect(Number(second)).toBeGreaterThan(0);
    expect(await musterctl('start dies')).toEqual(started);
    expect(await mainPid(1, 'dies.service')).toBe(second);
    expect((await starts('dies'))[0]).toBe('2');
    await cluster.destroy(['dies.service']);
  });

  test('two who ask at once have it started once', async () => {
    await unitFile('twice.service', counting('twice', `[X-Fleet]\nMachineID=${ids[0]}\n`));
    await musterctl('start twice.service');
    await cluster.lab.sh(1, `kill -9 ${await mainPid(1, 'twice.service')}`);
    await untilState('twice.service', 'failed');
    const both = await Promise.all([musterctl('start twice'), musterctl('start twice')]);
    expect(both.map(({ status }) => status)).toEqual([0, 0]);
    expect((await starts('twice'))[0]).toBe('2');
    await cluster.destroy(['twice.service']);
  });

  test('a oneshot that has finished is not run again by start, and is by restart', async () => {
    await unitFile(
      'once.service',
      `[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo started >> /run/once.starts'\n[X-Fleet]\nMachineID=${ids[0]}\n`,
    );
    await musterctl('start once.service');
    const again = await musterctl('start once');
    expect(again).toMatchObject({ status: 0, stderr: '' });
    expect(again.stdout).toContain('(it has run already; restart runs it again)');
    expect((await starts('once'))[0]).toBe('1');
    expect((await musterctl('restart once')).status).toBe(0);
    expect((await starts('once'))[0]).toBe('2');
    await cluster.destroy(['once.service']);
  });
});

test('start waits for what takes its time, and for every kind of unit', async () => {
  const here = `[X-Fleet]\nMachineID=${ids[0]}\n`;
  const files = {
    'long.service': `[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sleep 4\n${here}`,
    'slow.service': `[Service]\nExecStartPre=/bin/sleep 3\nExecStart=/bin/sleep infinity\n${here}`,
    'listen.service': `[Service]\nExecStart=/bin/sleep infinity\n${here}`,
    'listen.socket': `[Socket]\nListenStream=127.0.0.1:7171\n${here}`,
    'tick.service': `[Service]\nType=oneshot\nExecStart=/bin/true\n${here}`,
    'tick.timer': `[Timer]\nOnCalendar=yearly\n${here}`,
    'group.target': `[Unit]\nDescription=A group\n${here}`,
  };
  for (const [name, text] of Object.entries(files)) await unitFile(name, text);
  expect((await musterctl('load listen.service tick.service')).status).toBe(0);
  const started = 'long.service slow.service listen.socket tick.timer group.target'.split(' ');
  const { status, stdout, stderr } = await musterctl(`start ${started.join(' ')}`);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout.match(/^Unit \S+ launched/gm)).toHaveLength(started.length);
  const states = await cluster.lab.sh(1, `systemctl is-active ${started.join(' ')}`);
  expect(states.split('\n')).toEqual(started.map(() => 'active'));
  await cluster.destroy(Object.keys(files));
});

test.each([
  ['active', '[Service]\nExecStart=/bin/sleep infinity\n'],
  ['failed', '[Service]\nType=oneshot\nExecStart=/bin/false\n'],
  ['inactive', '[Service]\nType=oneshot\nExecStart=/bin/true\n'],
  ['activating', '[Service]\nType=oneshot\nExecStart=/bin/sleep infinity\n'],
])('status of a unit that is %s ends as systemctl does', async (activeState, text) => {
  await unitFile('shown.service', `${text}[X-Fleet]\nMachineID=${ids[1]}\n`);
  await musterctl('start --no-block shown.service');
  await untilState('shown.service', activeState);
  const systemctl = await cluster.lab.try(2, 'systemctl status shown.service');
  const shown = await musterctl('status shown');
  expect({ activeState, status: shown.status }).toEqual({ activeState, status: systemctl.status });
  expect(shown.stdout).toContain(`Active: ${activeState}`);
  await cluster.destroy(['shown.service']);
});

/** A verb that goes on until Ctrl-C, on machine 1. */
class Following {
  readonly #pid: string;
  readonly #file: string;

  private constructor(pid: string, file: string) {
    this.#pid = pid;
    this.#file = file;
  }

  static async begin(name: string, command: string): Promise<Following> {
    const file = `/run/${name}`;
    const pid = await cluster.lab.sh(1, `musterctl ${command} > ${file} 2>&1 & echo $!`);
    return new Following(pid, file);
  }

  /** Resolves when it has written something like this. */
  until(what: RegExp): Promise<void> {
    return waitFor(
      `it to write ${what.source}`,
      async () => {
        const saw = await cluster.lab.sh(1, `cat ${this.#file}`);
        return what.test(saw) ? { done: true, value: undefined } : { done: false, saw };
      },
      20_000,
    );
  }

  async interrupt(): Promise<void> {
    await cluster.lab.sh(1, `kill -INT ${this.#pid}`);
  }
}

test('list-units --watch shows what happens, over a restart of musterd', async () => {
  await unitFile('seen.service', '[Service]\nExecStart=/bin/sleep infinity\n');
  const watching = await Following.begin('seen', 'list-units --watch --fields=unit,active,sub');
  await musterctl('start seen.service');
  await watching.until(/^seen\.service +active +running$/m);
  await cluster.lab.sh(1, 'systemctl stop musterd');
  await watching.until(/^cannot reach musterd .*; trying again$/m);
  await cluster.lab.sh(1, 'systemctl start musterd');
  await watching.until(/^musterd answers again$/m);
  await cluster.waitForMembers(2);
  await musterctl('destroy seen.service');
  await watching.until(/^seen\.service +- +gone$/m);
  await watching.interrupt();
});

test('journal -f goes along when the unit moves', async () => {
  const says = `[Service]\nExecStart=/bin/sh -c 'echo here is $(hostname); exec sleep infinity'\n`;
  await unitFile('moves.service', `${says}[X-Fleet]\nMachineMetadata=at=home\n`);
  const names = await Promise.all([1, 2].map((n) => cluster.lab.sh(n, 'hostname')));
  await musterctl(`metadata set ${ids[0]} at=home`);
  await musterctl('start moves.service');
  const following = await Following.begin('moves', 'journal -f -o cat moves');
  await following.until(new RegExp(`^here is ${names[0]}$`, 'm'));
  await musterctl(`metadata set ${ids[1]} at=home`);
  await musterctl(`metadata remove ${ids[0]} at`);
  await following.until(new RegExp(`^-- moves.service is on ${ids[1]} now --$`, 'm'));
  await following.until(new RegExp(`^here is ${names[1]}$`, 'm'));
  await following.interrupt();
  await musterctl(`metadata remove ${ids[1]} at`);
  await cluster.destroy(['moves.service']);
});
