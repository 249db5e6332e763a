import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { clock, m1, m2, simple, useCliCluster } from './testing/cli-cluster.ts';
import type { CliCluster, Ended } from './testing/cli-cluster.ts';

const cli = useCliCluster();
let cluster: CliCluster['cluster'];
let server: CliCluster['server'];
let dir: string;
let socket: string;
let program: string;

beforeEach(() => {
  ({ cluster, server, dir, socket } = cli());
  program = cli().program('musterctl');
});

const musterctl = (...args: string[]): Promise<Ended> => cli().musterctl(...args);
const run = (args: string[], environment: Record<string, string>): Promise<Ended> =>
  cli().run('musterctl', args, environment);
const unitFile = (name: string, text: string): string => cli().unitFile(name, text);
const ok = (out: string, err = ''): Ended => ({ status: 0, out, err });

describe('start', () => {
  test('a file runs on a machine', async () => {
    unitFile('web.service', simple);
    expect(await musterctl('start', 'web.service')).toEqual(
      ok('Unit web.service launched on 1234abcd.../10.0.0.1\n'),
    );
    expect((await cluster.unit('web.service'))?.origin.by).toBe('tester@box');
    expect(await musterctl('start', 'web')).toEqual(
      ok('Unit web.service launched on 1234abcd.../10.0.0.1\n'),
    );
  });

  test('instances find their template beside them, and later in the cluster', async () => {
    unitFile('units/web@.service', simple);
    const first = await musterctl('start', 'units/web@{1..3}');
    expect(first.out.split('\n').sort()).toEqual([
      '',
      'Unit web@1.service launched on 1234abcd.../10.0.0.1',
      'Unit web@2.service launched on 5678abcd.../10.0.0.2',
      'Unit web@3.service launched on 1234abcd.../10.0.0.1',
    ]);
    expect(cluster.calls).toEqual(['units 4', 'write 4']);
    expect(await musterctl('load', 'web@4')).toMatchObject({ status: 0 });
    expect((await cluster.unit('web@.service'))?.desiredState).toBe('inactive');
  });

  test('a directory is everything in it; its templates are only submitted', async () => {
    unitFile('units/a.service', simple);
    unitFile('units/b.timer', '[Timer]\nOnCalendar=daily\n');
    unitFile('units/c@.service', simple);
    unitFile('units/README.md', 'hm');
    expect((await musterctl('start', 'units')).status).toBe(0);
    const names = ['a.service', 'b.timer', 'c@.service'];
    expect(await cluster.unitNames()).toEqual(names);
    const states = await Promise.all(
      names.map(async (name) => (await cluster.unit(name))?.desiredState),
    );
    expect(states).toEqual(['launched', 'launched', 'inactive']);
  });

  test('a unit that fails is told with its reason', async () => {
    unitFile('bad.service', '[Service]\nExecStart=/bin/false\n');
    unitFile('once.service', '[Service]\nType=oneshot\nExecStart=/bin/true\n');
    expect(await musterctl('start', 'bad.service', 'once.service')).toEqual({
      status: 1,
      out: 'Unit once.service launched on 5678abcd.../10.0.0.2\n',
      err: `Unit bad.service did not become launched on 1234abcd...: it failed (exit-code)
error: 1 of 2 units did not become launched
`,
    });
  });

  test('the wait has an end when one is given', async () => {
    unitFile('far.service', `${simple}# \n[X-Fleet]\nMachineMetadata=at=nowhere\n`);
    expect(await musterctl('start', 'far.service', '--timeout', '0.2')).toEqual({
      status: 1,
      out: '',
      err: `timed out waiting for unit far.service to report state launched: no machine can take it: 2 machines: MachineMetadata wants at=nowhere, the machine has no at
error: 1 of 1 unit did not become launched
`,
    });
    expect(await musterctl('start', '--no-block', 'far.service')).toEqual(
      ok('Triggered unit far.service start\n'),
    );
    expect(await musterctl('stop', 'far')).toEqual(
      ok('Triggered unit far.service stop\n', 'Successfully stopped units [].\n'),
    );
    expect((await cluster.unit('far.service'))?.desiredState).toBe('loaded');
  });

  test('a global unit is on all machines', async () => {
    unitFile('all.service', `${simple}[X-Fleet]\nGlobal=true\n`);
    expect(await musterctl('start', 'all.service')).toEqual(
      ok('Unit all.service launched on 2 machines\n'),
    );
  });
});

describe('what is refused', () => {
  test('a file that does not parse is named with its line, and nothing is stored', async () => {
    unitFile('good.service', simple);
    unitFile('units/bad.service', '[Service]\nExecStart=/bin/sleep 1\nnonsense\n');
    expect(await musterctl('submit', 'good.service', 'units/bad.service')).toEqual({
      status: 1,
      out: '',
      err: `units/bad.service:3: "nonsense" is no option: it has no "="
error: nothing was stored
`,
    });
    expect(await cluster.unitNames()).toEqual([]);
  });

  test('other content needs --replace', async () => {
    unitFile('web.service', simple);
    await musterctl('submit', 'web.service');
    unitFile('web.service', `${simple}Restart=always\n`);
    expect(await musterctl('start', 'web.service')).toEqual({
      status: 1,
      out: '',
      err: `unit "web.service" exists with other content; add --replace to overwrite it
error: nothing was stored
`,
    });
    expect(await musterctl('submit', '--replace', 'web.service')).toEqual(
      ok('Unit web.service replaced\n'),
    );
    expect(await musterctl('cat', 'web')).toEqual(ok(`${simple}Restart=always\n`));
  });

  test('a warning does not hold anything up', async () => {
    unitFile('odd.service', `${simple}[X-Fleet]\nConflict=x\n`);
    const { status, out, err } = await musterctl('submit', 'odd.service');
    expect({ status, out }).toEqual({ status: 0, out: 'Unit odd.service inactive\n' });
    expect(err).toMatch(/^warning: odd.service: Conflict in \[X-Fleet\] is not known/);
  });

  test.each<[string[], number, string]>([
    [
      ['start', 'none.service'],
      1,
      'unit "none.service" does not exist, and no unit file was given\nerror: nothing was stored\n',
    ],
    [['start', './none.service'], 2, 'error: there is no file none.service\n'],
    [['start', 'web@{1..999999}'], 2, 'error: "{1..999999}" stands for more than 100000 names\n'],
    [['start', 'no*'], 1, 'error: no unit matches "no*"\n'],
    [
      ['stop', 'none'],
      1,
      'Unit none.service does not exist.\nerror: 1 of the arguments could not be done\n',
    ],
    [
      ['destroy', 'x*'],
      1,
      'Unit x* does not exist.\nerror: 1 of the arguments could not be done\n',
    ],
    [['cat', 'none'], 1, 'error: Unit none.service not found\n'],
    [['strat', 'x'], 2, "error: unknown command 'strat'\n(Did you mean start?)\n"],
    [['brake', 'relase'], 2, "error: unknown command 'relase'\n(Did you mean release?)\n"],
    [['cluster', 'ste', 'a=b'], 2, "error: unknown command 'ste'\n(Did you mean set?)\n"],
    [['machine', 'forgt', 'x'], 2, "error: unknown command 'forgt'\n(Did you mean forget?)\n"],
    [['metadata', 'st', 'x'], 2, "error: unknown command 'st'\n(Did you mean set?)\n"],
    [['brake', '-o', 'json', 'quickly'], 2, "error: unknown command 'quickly'\n"],
    [['help', 'brake', 'relase'], 2, "error: unknown command 'relase'\n(Did you mean release?)\n"],
    [['start'], 2, "error: missing required argument 'unit'\n"],
    [['list-units', '--nope'], 2, "error: unknown option '--nope'\n"],
    [
      ['list-units', '--fields', 'unit,foo'],
      2,
      'error: unknown field "foo" in --fields; known are active, exit, failure, hash, load, machine, problem, result, since, sub, unit\n',
    ],
    [
      ['list-units', '-o', 'xml'],
      2,
      "error: option '-o, --output <format>' argument 'xml' is invalid. Allowed choices are table, wide, json, yaml, name.\n",
    ],
    [
      ['--endpoint', 'nope', 'list-units'],
      2,
      'error: endpoint "nope" must be unix:/path/of/socket, http://host:port or https://host:port\n',
    ],
    [
      ['--endpoint', 'unix:/nope.sock', 'list-units'],
      3,
      'error: cannot reach musterd at unix:/nope.sock: there is no such socket (is musterd running?)\n',
    ],
    [
      ['--endpoint', 'http://127.0.0.1:1', 'list-units'],
      3,
      'error: cannot reach musterd at http://127.0.0.1:1: nobody listens there (is musterd running?)\n',
    ],
    [['metadata', 'set', 'zzzz', 'a=b'], 1, 'error: no machine is "zzzz"\n'],
    [['metadata', 'set', m1, 'ab'], 2, 'error: "ab" must be of the form key=value\n'],
    [['--cert-file', 'x', 'list-units'], 2, 'error: --cert-file and --key-file belong together\n'],
  ])('%j ends with %d', async (args, status, err) => {
    expect(await musterctl(...args)).toEqual({ status, out: '', err });
  });

  test('a store that is away is told apart', async () => {
    cluster.store.outage(true);
    expect(await musterctl('cat', 'web')).toEqual({
      status: 3,
      out: '',
      err: 'error: the store does not answer (an outage was asked for)\n',
    });
  });
});

describe('stop, unload, restart, destroy', () => {
  beforeEach(async () => {
    unitFile('web@.service', simple);
    await musterctl('start', 'web@1', 'web@2');
  });

  test('stop keeps units loaded', async () => {
    const { status, out, err } = await musterctl('stop', 'web@[12]');
    expect({ status, err }).toEqual({
      status: 0,
      err: 'Successfully stopped units [web@1.service web@2.service].\n',
    });
    expect(out).toContain('Unit web@1.service loaded on 1234abcd.../10.0.0.1\n');
    await musterctl('unload', 'web@1');
    expect(await musterctl('stop', 'web@1')).toEqual({
      status: 1,
      out: '',
      err: `Unable to stop unit web@1.service in state inactive
error: 1 of the arguments could not be done
`,
    });
  });

  test('unload takes them off their machines', async () => {
    expect(await musterctl('unload', 'web@1.service')).toEqual(
      ok('Unit web@1.service inactive\n', 'Successfully unloaded units [web@1.service].\n'),
    );
  });

  test('restart is counted and waited for', async () => {
    expect(await musterctl('restart', 'web@1')).toEqual(
      ok('Unit web@1.service launched on 1234abcd.../10.0.0.1\n'),
    );
    expect((await cluster.unit('web@1.service'))?.restarts).toBe(1);
  });

  test('destroy waits until they are gone, and does what it can', async () => {
    const { status, out, err } = await musterctl('destroy', 'web@*', 'none');
    expect({ status, err }).toEqual({
      status: 1,
      err: 'Unit none.service does not exist.\nerror: 1 of the arguments could not be done\n',
    });
    expect(out.split('\n').sort()).toEqual([
      '',
      'Destroyed web@.service',
      'Destroyed web@1.service',
      'Destroyed web@2.service',
    ]);
    expect(await cluster.unitNames()).toEqual([]);
  });
});

describe('lists', () => {
  beforeEach(async () => {
    unitFile('web@.service', simple);
    unitFile('all.service', `${simple}[X-Fleet]\nGlobal=true\n`);
    unitFile('bad.timer', '[Timer]\nOnCalendar=/bin/false\n');
    await musterctl('start', 'web@1', 'all.service', 'bad.timer');
  });

  test('units', async () => {
    expect((await musterctl('list-units')).out).toBe(
      `UNIT           MACHINE               ACTIVE  SUB      FAILURE
all.service    1234abcd.../10.0.0.1  active  running  -
all.service    5678abcd.../10.0.0.2  active  running  -
bad.timer      5678abcd.../10.0.0.2  failed  failed   exit-code
web@1.service  1234abcd.../10.0.0.1  active  running  -
`,
    );
    expect((await musterctl('list-units', '--no-legend', '--fields=unit,hash', 'web@*')).out).toBe(
      'web@1.service  0291f12\n',
    );
    expect((await musterctl('list-units', '-o', 'name')).out).toBe(
      'all.service\nbad.timer\nweb@1.service\n',
    );
    expect((await musterctl('list-units', '-o', 'wide', 'bad.timer')).out).toBe(
      `UNIT       MACHINE               LOAD    ACTIVE  SUB     RESULT     HASH     SINCE                     FAILURE
bad.timer  5678abcd.../10.0.0.2  loaded  failed  failed  exit-code  0745353  2023-11-14T22:13:20.000Z  exit-code
`,
    );
  });

  test('unit files', async () => {
    expect((await musterctl('list-unit-files')).out).toBe(
      `UNIT           HASH     DSTATE    STATE     TARGET
all.service    db8384a  launched  -         global
bad.timer      0745353  launched  launched  5678abcd.../10.0.0.2
web@.service   0291f12  inactive  inactive  -
web@1.service  0291f12  launched  launched  1234abcd.../10.0.0.1
`,
    );
  });

  test('machines', async () => {
    expect((await musterctl('list-machines')).out).toBe(
      `MACHINE      IP        METADATA
1234abcd...  10.0.0.1  disk=ssd,region=eu
5678abcd...  10.0.0.2  -
`,
    );
    expect((await musterctl('list-machines', '-l', '--no-legend', '--fields=machine')).out).toBe(
      `${m1}\n${m2}\n`,
    );
  });

  test('as data', async () => {
    const json = await musterctl('list-unit-files', '-o', 'json', 'web@1');
    expect(JSON.parse(json.out)).toMatchObject([{ name: 'web@1.service', isGlobal: false }]);
    const yaml = await musterctl('list-machines', '-o', 'yaml');
    expect(yaml.out).toContain(`- id: ${m1}\n  hostname: host-12\n`);
  });
});

test('metadata of a machine', async () => {
  expect(await musterctl('metadata', 'set', '1234abcd', 'rack=7', 'region=us')).toEqual(
    ok('Machine 1234abcd...: rack=7, region=us\n'),
  );
  expect(await musterctl('metadata', 'remove', 'host-12', 'disk', 'rack')).toEqual(
    ok('Machine 1234abcd...: disk removed, region=us\n'),
  );
  expect((await musterctl('list-machines', '--fields', 'metadata', '--no-legend')).out).toBe(
    'region=us\n-\n',
  );
});

test('version and help', async () => {
  expect(await musterctl('version')).toEqual(ok('musterctl version 1.2.3\n'));
  expect(await musterctl('--version')).toEqual(ok('musterctl version 1.2.3\n'));
  expect((await musterctl('--help')).out).toContain('3  the cluster cannot be reached');
});

test("the user's own daemon is found where the system has none", async () => {
  mkdirSync(path.join(dir, 'muster'));
  await server.listen([`unix:${path.join(dir, 'muster', 'muster.sock')}`]);
  expect(await run(['list-machines', '-o', 'name'], { XDG_RUNTIME_DIR: dir })).toEqual(
    ok(`${m1}\n${m2}\n`),
  );
});

test('Ctrl-C ends a wait, and what was asked for goes on', async () => {
  unitFile('far.service', `${simple}[X-Fleet]\nMachineMetadata=at=nowhere\n`);
  const child = spawn(process.execPath, [program, 'start', path.join(dir, 'far.service')], {
    env: { MUSTER_ENDPOINT: socket },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let err = '';
  child.stderr.on('data', (piece: Buffer) => (err += piece.toString()));
  const ended = new Promise((resolve) => {
    child.once('close', (code) => resolve({ code, err }));
  });
  while (cluster.views === 0 && child.exitCode === null) {
    await clock.sleep(5, new AbortController().signal);
  }
  child.kill('SIGINT');
  expect(await ended).toEqual({ code: 130, err: 'interrupted; what was asked for goes on\n' });
  expect((await cluster.unit('far.service'))?.desiredState).toBe('launched');
});

test('a reader that goes away is no error', async () => {
  for (let i = 0; i < 3000; i += 1) {
    cluster.addMachine(String(i).padStart(32, '0'), null);
  }
  const child = spawn(process.execPath, [program, 'list-machines', '-o', 'json'], {
    env: { MUSTER_ENDPOINT: socket },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let err = '';
  child.stderr.on('data', (piece: Buffer) => (err += piece.toString()));
  const ended = new Promise((resolve) => {
    child.once('close', (code) => resolve({ code, err }));
  });
  child.stdout.once('data', () => child.stdout.destroy());
  expect(await ended).toEqual({ code: 0, err: '' });
});
