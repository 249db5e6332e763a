import { fit } from './live-screen.ts';
import { m1, m2, simple, useCliCluster } from './testing/cli-cluster.ts';
import type { Ended } from './testing/cli-cluster.ts';

const cli = useCliCluster();
const musterctl = (...args: string[]): Promise<Ended> => cli().musterctl(...args);
const ok = (out: string, err = ''): Ended => ({ status: 0, out, err });
const lines = (...each: string[]): string => each.map((line) => `${line}\n`).join('');

/** `all` runs on m1 and failed on m2, `web@1` runs on m1, `idle` is loaded on m2. */
beforeEach(async () => {
  const { cluster } = cli();
  cli().unitFile('all.service', `${simple}[X-Fleet]\nGlobal=true\n`);
  cli().unitFile('web@.service', simple);
  cli().unitFile('idle.service', simple);
  await musterctl('start', 'all.service', 'web@1');
  await musterctl('load', 'idle.service');
  cluster.report(await cluster.assign('all.service', m2), {
    activeState: 'failed',
    subState: 'failed',
    result: 'exit-code',
  });
});

const rows = async (...args: string[]): Promise<string> => {
  const fields = '--fields=unit,machine,active,sub';
  const { status, out, err } = await musterctl('list-units', '--no-legend', fields, ...args);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  return out.replace(/\.\.\.\/10\.0\.0\.\d/g, '').replace(/ +/g, ' ');
};

const allOn1 = 'all.service 1234abcd active running';
const allOn2 = 'all.service 5678abcd failed failed';
const far = 'far.service - pending -';
const idle = 'idle.service 5678abcd inactive dead';
const web = 'web@1.service 1234abcd active running';

describe('list-units', () => {
  test.each<[string[], string[]]>([
    [[], [allOn1, allOn2, idle, web]],
    [
      ['--machine', '1234'],
      [allOn1, web],
    ],
    [
      ['--machine', 'host-56'],
      [allOn2, idle],
    ],
    [
      ['--machine', '10.0.0.2', '--machine', m1],
      [allOn1, allOn2, idle, web],
    ],
    [['--machine', '9'.repeat(32)], []],
    [['--state', 'failed'], [allOn2]],
    [
      ['--state', 'running'],
      [allOn1, web],
    ],
    [
      ['--state', 'loaded'],
      [allOn1, allOn2, idle, web],
    ],
    [
      ['--state', 'failed,inactive'],
      [allOn2, idle],
    ],
    [
      ['--state', 'failed', '--state=dead'],
      [allOn2, idle],
    ],
    [['--state', 'nonsense'], []],
    [['--state', 'active', '--machine', m2], []],
    [['web@*', '--state', 'active'], [web]],
    [['--all'], [allOn1, allOn2, idle, web]],
  ])('%j', async (args, expected) => {
    expect(await rows(...args)).toBe(lines(...expected));
  });

  test('what is wrong is a column of its own, as long as something is', async () => {
    const { cluster } = cli();
    const shown = async (...args: string[]): Promise<string> =>
      (await musterctl('list-units', ...args)).out
        .replace(/\.\.\.\/10\.0\.0\.\d/g, '')
        .replace(/ +/g, ' ');
    expect(await shown('web@*', 'idle*')).toBe(lines('UNIT MACHINE ACTIVE SUB', idle, web));
    const bad = { activeState: 'failed', subState: 'failed', result: 'exit-code' };
    const assignment = await cluster.assign('all.service', m2);
    cluster.report(assignment, { ...bad, exit: { code: 'exited', status: 203 } });
    expect(await shown('all*')).toBe(
      lines('UNIT MACHINE ACTIVE SUB FAILURE', `${allOn1} -`, `${allOn2} 203/EXEC`),
    );
    cluster.report(assignment, {
      ...bad,
      result: 'start-limit-hit',
      exit: { code: 'exited', status: 1 },
    });
    expect(await shown('all*', '--state=failed', '--no-legend')).toBe(
      lines(`${allOn2} start-limit-hit, 1/FAILURE`),
    );
    cluster.report(assignment, { flapping: 12 });
    expect(await shown('all*', '--fields=unit,sub,exit,failure', '--no-legend')).toBe(
      lines('all.service running - -', 'all.service running - flapping, 12 restarts in 10 min'),
    );
    const { out } = await musterctl('list-units', '-o', 'json', 'all*');
    expect(JSON.parse(out)).toMatchObject([
      { machine: m1, failure: null, flapping: null, exit: null },
      { machine: m2, failure: 'flapping, 12 restarts in 10 min', flapping: 12 },
    ]);
  });

  test('a machine need not be shown to be chosen', async () => {
    const { out } = await musterctl(
      'list-units',
      '--fields=unit',
      '--no-legend',
      '--machine',
      '1234',
    );
    expect(out).toBe(lines('all.service', 'web@1.service'));
  });

  test('--all shows what has no state yet, with its machine where it has one', async () => {
    const { cluster } = cli();
    cluster.behaviour = () => 'hangs';
    cli().unitFile('far.service', `${simple}[X-Fleet]\nMachineMetadata=at=nowhere\n`);
    cli().unitFile('new.service', simple);
    await musterctl('start', '--no-block', 'new.service');
    cluster.behaviour = () => 'is-unplaced';
    await musterctl('start', '--no-block', 'far.service');
    await musterctl('submit', cli().unitFile('unwanted.service', simple));
    expect(await rows('*.service')).toBe(lines(allOn1, allOn2, far, idle, web));
    expect(await rows('-a', '[fnu]*')).toBe(lines(far, 'new.service 1234abcd - -'));
    expect(await rows('-a', '--machine', m1)).toBe(lines(allOn1, 'new.service 1234abcd - -', web));
    expect(await rows('-a', '--state', 'active')).toBe(lines(allOn1, web));
    const { out } = await musterctl('list-units', '-a', '-o', 'json', 'far');
    expect(JSON.parse(out)).toEqual([
      expect.objectContaining({ unit: 'far.service', machine: null, activeState: null }),
    ]);
    expect((await musterctl('list-units', '-a', '-o', 'wide', 'far')).out).toMatch(
      /^far\.service(?:  +-){2}  +pending(?:  +-){4}  +no machine can take it/m,
    );
  });

  test.each(['json', 'yaml', 'name', 'wide'])('-o %s is filtered as well', async (format) => {
    const { out } = await musterctl('list-units', '-o', format, '--state', 'failed');
    expect(out).toContain('all.service');
    expect(out).not.toContain('web@1.service');
  });

  test.each<[string[], number, string]>([
    [['list-units', '--machine', 'zzzz'], 1, 'no machine is "zzzz"'],
    [['list-units', '--state', 'a,,b'], 2, '--state "" is no state'],
    [
      ['list-unit-files', '--state', 'active'],
      2,
      '--state "active" is no state; there are inactive, loaded, launched',
    ],
    [
      ['list-machines', '--state', 'gone'],
      2,
      '--state "gone" is no state; there are present, away, absent',
    ],
    [['list-machines', '--metadata', 'x'], 2, '--metadata "x" must be of the form key=value'],
    [
      ['list-units', '-w', '-o', 'yaml'],
      2,
      '--watch shows a table, or with -o json an object a line',
    ],
    [['list-units', '-w', '--machine', 'zzzz'], 1, 'no machine is "zzzz"'],
  ])('%j ends with %d', async (args, status, message) => {
    expect(await musterctl(...args)).toEqual({ status, out: '', err: `error: ${message}\n` });
  });
});

describe('list-units --group', () => {
  const shown = async (...args: string[]): Promise<string[]> => {
    const { status, out, err } = await musterctl('list-units', '--group', ...args);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    return out.replace(/ +/g, ' ').split('\n').slice(0, -1);
  };

  beforeEach(async () => {
    await musterctl('start', 'web@{2..4}.service');
    const { cluster } = cli();
    cluster.report(await cluster.assign('web@2.service', m2), {
      activeState: 'failed',
      result: 'exit-code',
      exit: { code: 'exited', status: 203 },
    });
    cluster.behaviour = () => 'is-unplaced';
    cli().unitFile('far@.service', `${simple}[X-Fleet]\nMachineMetadata=at=nowhere\n`);
    await musterctl('start', '--no-block', 'far@1.service', 'far@2.service');
  });

  test('is a line for each template, and for each unit that is no instance', async () => {
    expect(await shown()).toEqual([
      'GROUP WANTED ACTIVE FAILED PENDING MACHINES FAILURE',
      'all.service 1 0 1 0 0 exit-code',
      'far@.service 2 0 0 2 0 no machine can take it: 2 machines: MachineMetadata wants at=nowhere, the machine has no at',
      'idle.service 1 0 0 0 0 -',
      'web@.service 4 3 1 0 2 203/EXEC',
    ]);
    expect(await shown('-o', 'wide', '--no-legend', 'web@')).toEqual([
      'web@.service 4 3 1 0 2 0 0 1234abcd.../10.0.0.1,5678abcd.../10.0.0.2 203/EXEC',
    ]);
    expect(await shown('-o', 'name')).toEqual([
      'all.service',
      'far@.service',
      'idle.service',
      'web@.service',
    ]);
  });

  test('as data it says which machines these are', async () => {
    const { out } = await musterctl('list-units', '-g', '-o', 'json', 'web@*');
    expect(JSON.parse(out)).toEqual([
      {
        group: 'web@.service',
        wanted: 4,
        active: 3,
        failed: 1,
        pending: 0,
        other: 0,
        inactive: 0,
        machines: [m1, m2],
        failure: '203/EXEC',
      },
    ]);
  });

  test.each<[string[], string[]]>([
    [['web@3.service'], ['web@.service']],
    [['web@'], ['web@.service']],
    [['*e.service', 'far@9'], ['idle.service']],
    [
      ['--state', 'failed'],
      ['all.service', 'web@.service'],
    ],
    [['--state', 'pending'], ['far@.service']],
    [['--state', 'failed', 'web@*'], ['web@.service']],
    [['--state', 'failed', 'idle'], []],
    [
      ['--machine', m2],
      ['all.service', 'idle.service', 'web@.service'],
    ],
  ])('%j', async (args, expected) => {
    expect(await shown('--no-legend', '--fields=group', ...args)).toEqual(expected);
  });

  test('has fields of its own', async () => {
    expect(await musterctl('list-units', '--group', '--fields=unit')).toEqual({
      status: 2,
      out: '',
      err: 'error: unknown field "unit" in --fields; known are active, failed, failure, group, inactive, machines, other, pending, places, wanted\n',
    });
  });
});

test.each<[string[], string[]]>([
  [
    ['--state', 'launched'],
    ['all.service', 'web@1.service'],
  ],
  [['--state', 'inactive'], ['web@.service']],
  [
    ['--state', 'loaded,inactive'],
    ['idle.service', 'web@.service'],
  ],
  [
    ['--machine', '5678'],
    ['all.service', 'idle.service'],
  ],
  [['--machine', '5678', 'i*'], ['idle.service']],
])('list-unit-files %j', async (args, expected) => {
  expect(await musterctl('list-unit-files', '-o', 'name', ...args)).toEqual(ok(lines(...expected)));
});

test('restarts of single machines are shown beside those of all', async () => {
  await musterctl('restart', 'all');
  await musterctl('restart', 'all', '--machine', m2);
  const fields = ['list-unit-files', '--no-legend', '--fields=restarts'];
  expect(await musterctl(...fields, 'all', 'web@1')).toEqual(
    ok(lines('1 (1 more on 5678abcd...)', '0')),
  );
});

test.each<[string[], string[]]>([
  [['--state', 'present'], [m1]],
  [['--state', 'away'], [m2]],
  [
    ['--state', 'away,present'],
    [m1, m2],
  ],
  [['--metadata', 'region=eu'], [m1]],
  [['--metadata', 'region=eu', '--metadata', 'disk=hdd'], []],
  [['--metadata', 'region=us', '--metadata', 'region=eu', '--metadata', 'disk=ssd'], [m1]],
  [['--metadata', 'constructor=x'], []],
])('list-machines %j', async (args, expected) => {
  cli().cluster.addMachine(m2, '10.0.0.2', { awaySince: 5 });
  expect(await musterctl('list-machines', '-o', 'name', ...args)).toEqual(ok(lines(...expected)));
});

test('what is promised on a machine is shown beside what is used there', async () => {
  const { cluster } = cli();
  cluster.addMachine(m1, '10.0.0.1', { capacity: { cpus: 4, memoryBytes: 8 * 1024 ** 3 } });
  const file = '[Service]\nExecStart=/x\nMemoryMax=25%\nCPUQuota=150%\n';
  cli().unitFile('big.service', file);
  await musterctl('submit', 'big.service');
  await cluster.assign('big.service', m1);
  const fields = 'cpus,promised-cpus,used-cpus,memory,promised-memory,used-memory,used-tasks';
  const shown = await musterctl('list-machines', '--no-legend', `--fields=${fields}`);
  // The second machine has no listener that could be asked.
  expect(shown.out.split('\n').map((line) => line.split(/ +/))).toEqual([
    ['4', '1.5', '0', '8.0G', '2G', '6M', '4'],
    ['2', '0', '-', '1.0G', '0', '-', '-'],
    [''],
  ]);
});

test('what does not fit on a screen is counted', () => {
  const five = ['a', 'b', 'c', 'd', 'e'];
  expect(fit(five, 6)).toEqual(five);
  expect(fit(five, 5)).toEqual(['a', 'b', 'c', '... and 2 more']);
  expect(fit(five, 1)).toEqual(['a', '... and 4 more']);
  expect(fit(five, 0)).toEqual(five);
});
