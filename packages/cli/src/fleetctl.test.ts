import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { makeTls } from '../../api/src/testing/make-tls.ts';
import { unitStatusOf } from './commands/status.ts';
import { m1, m2, simple, useCliCluster } from './testing/cli-cluster.ts';
import type { Ended } from './testing/cli-cluster.ts';

const cli = useCliCluster();
const fleetctl = (...args: string[]): Promise<Ended> => cli().fleetctl(...args);
const run = (args: string[], environment: Record<string, string>): Promise<Ended> =>
  cli().run('fleetctl', args, environment);
const ok = (out: string, err = ''): Ended => ({ status: 0, out, err });
const ids = `${m1}\n${m2}\n`;
const names = ['list-machines', '-o', 'name'];

describe('the environment', () => {
  test('FLEETCTL_ENDPOINT goes before MUSTER_ENDPOINT, the command line before both', async () => {
    const { socket } = cli();
    const away = 'unix:/nowhere.sock';
    expect(await run(names, { MUSTER_ENDPOINT: socket })).toEqual(ok(ids));
    expect(await run(names, { MUSTER_ENDPOINT: away, FLEETCTL_ENDPOINT: socket })).toEqual(ok(ids));
    expect(await run(['--endpoint', socket, ...names], { FLEETCTL_ENDPOINT: away })).toEqual(
      ok(ids),
    );
    expect((await cli().run('musterctl', names, { FLEETCTL_ENDPOINT: socket })).status).toBe(3);
  });

  test('file:// is unix://, and of a list the first counts', async () => {
    const file = cli().socket.replace('unix:', 'file://');
    expect(await run(names, { FLEETCTL_ENDPOINT: file })).toEqual(ok(ids));
    expect(await run(names, { FLEETCTL_ENDPOINT: `${file},http://127.0.0.1:1` })).toEqual(
      ok(ids, `warning: of the endpoints only the first is used: ${file}\n`),
    );
  });

  test('a value that an option does not take is told and left alone', async () => {
    expect(
      await run(names, {
        FLEETCTL_ENDPOINT: cli().socket,
        FLEETCTL_DEBUG: 'perhaps',
        FLEETCTL_TIMEOUT: 'soon',
        FLEETCTL_EXPERIMENTAL_API: 'false',
        FLEETCTL_NONSENSE: 'x',
      }),
    ).toEqual(
      ok(
        ids,
        `warning: FLEETCTL_TIMEOUT is left alone: It must be a number of seconds.
warning: FLEETCTL_DEBUG is left alone: --debug must be true or false, not "perhaps"
`,
      ),
    );
  });

  test('FLEETCTL_DEBUG tells of each request', async () => {
    const { status, err } = await run(names, {
      FLEETCTL_ENDPOINT: cli().socket,
      FLEETCTL_DEBUG: 'true',
    });
    expect(status).toBe(0);
    expect(err).toMatch(/^DEBUG unix:\S+: GET \/v1\/machines 200 after \d+ ms\n$/);
  });

  test("musterctl's own default where fleet's socket does not exist", async () => {
    mkdirSync(path.join(cli().dir, 'muster'));
    await cli().server.listen([`unix:${path.join(cli().dir, 'muster', 'muster.sock')}`]);
    expect(await run(names, { XDG_RUNTIME_DIR: cli().dir })).toEqual(ok(ids));
  });
});

test('https with a certificate, and the authorities of the system or those that are named', async () => {
  const { dir } = cli();
  const [, bound = ''] = await cli().server.listen([cli().socket, 'tcp:127.0.0.1:0'], {
    tls: makeTls(dir, 'alice'),
  });
  const endpoint = bound.replace('tcp:', 'https://');
  const certificate = {
    FLEETCTL_ENDPOINT: endpoint,
    FLEETCTL_CERT_FILE: 'alice.crt',
    FLEETCTL_ETCD_KEYFILE: 'alice.key',
  };
  expect(await run(names, { ...certificate, FLEETCTL_CA_FILE: 'alice.ca' })).toEqual(ok(ids));
  const ofSystem = { NODE_EXTRA_CA_CERTS: path.join(dir, 'alice.ca') };
  expect(await run(names, { ...certificate, ...ofSystem })).toEqual(ok(ids));
  // fleetctl did not look at the server's certificate unless it had all three files.
  const { status, err } = await run(names, certificate);
  expect(status).toBe(1);
  expect(err).toMatch(
    /^cannot reach musterd at https:\S+: self-signed certificate in certificate chain/,
  );
});

describe('options that only fleetctl had', () => {
  test.each([
    [['--driver=API']],
    [['--etcd-key-prefix=/x/', '--request-timeout=3.0', '--experimental-api=true']],
    [['-debug=false']],
  ])('%j is accepted', async (options) => {
    expect(await fleetctl(...options, ...names)).toEqual(ok(ids));
  });

  test('--sign changes nothing', async () => {
    cli().unitFile('web.service', simple);
    expect((await fleetctl('submit', '--sign', 'web.service')).status).toBe(0);
    expect((await cli().musterctl('submit', '--sign', 'web.service')).status).toBe(2);
  });

  test.each<[string[], string]>([
    [
      ['--driver=etcd'],
      '--driver=etcd is not possible: muster keeps its data in another form; leave it away, and name the API with --endpoint\n',
    ],
    [['--driver=x'], 'unrecognized driver "x"\n'],
    [['--etcd-keyfile=x'], '--cert-file and --key-file belong together\n'],
  ])('%j is refused', async (options, message) => {
    expect(await fleetctl(...options, ...names)).toEqual({
      status: 2,
      out: '',
      err: `error: ${message}`,
    });
  });
});

describe('what fleet printed', () => {
  const on = { first: '1234abcd.../10.0.0.1', second: '5678abcd.../10.0.0.2' };

  test('start stores a file, then runs it; a second start has nothing to say', async () => {
    cli().unitFile('web.service', simple);
    expect(await fleetctl('start', 'web.service')).toEqual(
      ok(`Unit web.service inactive\nUnit web.service launched on ${on.first}\n`),
    );
    expect(await fleetctl('start', 'web.service')).toEqual(ok(''));
    expect(await fleetctl('load', 'web')).toEqual(ok(`Unit web.service loaded on ${on.first}\n`));
    expect(await fleetctl('start', '--no-block', 'web')).toEqual(
      ok('Triggered unit web.service start\n'),
    );
  });

  test('a global unit is not waited for', async () => {
    cli().unitFile('all.service', `${simple}[X-Fleet]\nGlobal=true\n`);
    expect(await fleetctl('start', 'all.service')).toEqual(
      ok('Unit all.service inactive\nTriggered global unit all.service start\n'),
    );
    expect(await fleetctl('stop', 'all')).toEqual(
      ok('Triggered global unit all.service stop\n', 'Successfully stopped units [].\n'),
    );
  });

  test('an instance gets a copy of its template, which is not stored along', async () => {
    cli().unitFile('units/web@.service', simple);
    expect((await fleetctl('start', 'units/web@1')).out).toBe(
      `Unit web@1.service inactive\nUnit web@1.service launched on ${on.first}\n`,
    );
    expect(await cli().cluster.unitNames()).toEqual(['web@1.service']);
    cli().unitFile('units/web@.service', `${simple}Restart=always\n`);
    expect(await fleetctl('submit', 'units/web@2')).toEqual(ok('Unit web@2.service inactive\n'));
    expect((await fleetctl('cat', 'web@2')).out).toContain('Restart=always');
  });

  test('the template in the cluster goes before the one beside', async () => {
    cli().unitFile('web@.service', simple);
    await fleetctl('submit', 'web@.service');
    cli().unitFile('web@.service', `${simple}Restart=always\n`);
    expect(await fleetctl('submit', 'web@1')).toEqual(ok('Unit web@1.service inactive\n'));
    expect((await fleetctl('cat', 'web@1')).out).toBe(simple);
    expect(await fleetctl('start', 'web@1')).toEqual(
      ok(
        `Unit web@1.service launched on ${on.first}\n`,
        'WARNING: Unit web@1.service in registry differs from local template unit file web@.service. Add --replace to override.\n',
      ),
    );
    expect(await fleetctl('submit', '--replace', 'web@1')).toEqual(
      ok('Unit web@1.service inactive\n'),
    );
    expect((await fleetctl('cat', 'web@1')).out).toContain('Restart=always');
  });

  test('other content is told and not used; --replace uses it', async () => {
    cli().unitFile('web.service', simple);
    await fleetctl('submit', 'web.service');
    expect(await fleetctl('submit', '--replace', 'web.service')).toEqual(
      ok('Found same Unit(web.service) in Registry, nothing to do\n'),
    );
    cli().unitFile('web.service', `${simple}Restart=always\n`);
    cli().unitFile('new.service', simple);
    expect(await fleetctl('start', 'new.service', 'web.service')).toEqual({
      status: 0,
      out: expect.stringContaining('Unit new.service inactive\n'),
      err: 'WARNING: Unit web.service in registry differs from local unit file web.service. Add --replace to override.\n',
    });
    expect((await fleetctl('cat', 'web')).out).toBe(simple);
    expect((await fleetctl('start', '--replace', 'web.service')).status).toBe(0);
    expect((await fleetctl('cat', 'web')).out).toContain('Restart=always');
  });

  test('stop, unload, destroy', async () => {
    cli().unitFile('web.service', simple);
    await fleetctl('start', 'web.service');
    expect(await fleetctl('stop', 'web', 'none')).toEqual(
      ok(`Unit web.service loaded on ${on.first}\n`, 'Successfully stopped units [web.service].\n'),
    );
    expect(await fleetctl('stop', 'web')).toEqual(ok('', 'Successfully stopped units [].\n'));
    expect(await fleetctl('unload', 'web')).toEqual(
      ok('Unit web.service inactive\n', 'Successfully unloaded units [web.service].\n'),
    );
    expect(await fleetctl('stop', 'web')).toEqual({
      status: 1,
      out: '',
      err: 'Unable to stop unit web.service in state inactive\n1 of the arguments could not be done\n',
    });
    expect(await fleetctl('destroy', '--no-block', 'web')).toEqual(ok('Destroyed web.service\n'));
    expect(await fleetctl('destroy', 'web')).toEqual(ok('', 'Units not found in registry\n'));
  });

  test.each(['submit', 'load', 'start', 'stop', 'unload', 'restart', 'destroy'])(
    '%s without a unit is no failure',
    async (verb) => {
      expect(await fleetctl(verb)).toEqual(ok('', 'No units given\n'));
    },
  );

  test('the wait has an end when one is given', async () => {
    cli().unitFile('far.service', `${simple}[X-Fleet]\nMachineMetadata=at=nowhere\n`);
    expect(await fleetctl('start', '--timeout=0.2', 'far.service')).toEqual({
      status: 1,
      out: 'Unit far.service inactive\n',
      err: `Error waiting for units: timed out waiting for unit far.service to report state launched: no machine can take it: 2 machines: MachineMetadata wants at=nowhere, the machine has no at
1 of 1 unit did not become launched
`,
    });
    expect(await fleetctl('stop', 'far')).toEqual({
      status: 1,
      out: '',
      err: `Unable to stop unit far.service in state inactive
1 of the arguments could not be done
`,
    });
  });

  test.each<[string[], number, string]>([
    [
      ['start', 'none'],
      1,
      'Error creating units: unable to find Unit(none.service) in Registry or on filesystem\nnothing was stored\n',
    ],
    [
      ['start', 'none@1'],
      1,
      'Error creating units: failed getting Unit(none@1.service) from template: unable to find template Unit(none@.service) in Registry or on filesystem\nnothing was stored\n',
    ],
    [
      ['submit', 'bad.service'],
      1,
      'Error creating units: failed getting Unit(bad.service) from file: bad.service:1: "nonsense" stands before the first section\nnothing was stored\n',
    ],
    [['cat', 'none'], 1, 'Unit none.service not found\n'],
    [['status', 'none'], 1, 'Unit none.service does not exist.\n'],
    [['journal', 'none'], 1, 'Unit none.service does not exist.\n'],
    [['journal', 'idle'], 1, 'Unit idle.service does not appear to be running.\n'],
    [['status', 'idle'], 1, 'Unit idle.service does not appear to be loaded.\n'],
  ])('%j ends with %d', async (args, status, err) => {
    cli().unitFile('idle.service', simple);
    cli().unitFile('bad.service', 'nonsense\n');
    await fleetctl('submit', 'idle.service');
    expect(await fleetctl(...args)).toEqual({ status, out: '', err });
  });
});

test.each([
  ['● web.service\n     Loaded: loaded (/run/…)\n     Active: active (running) since …\n', 0],
  ['● web.service\n     Active: activating (auto-restart)\n', 3],
  ['● web.service\n     Active: reloading (reload)\n', 0],
  ['○ web.service\n     Active: inactive (dead)\n', 3],
  ['× web.service - Active: yes\n     Active: failed (Result: exit-code)\n', 3],
  ['○ web.service\n     Loaded: not-found (Reason: …)\n     Active: inactive (dead)\n', 4],
  ['Unit web.service could not be found.\n', 4],
])('%j has the status %d', (text, status) => {
  expect(unitStatusOf(text)).toBe(status);
});

describe('lists', () => {
  beforeEach(async () => {
    cli().unitFile('web@.service', `[Unit]\nDescription=Web server %i\n${simple}`);
    cli().unitFile('all.service', `${simple}[X-Fleet]\nGlobal=true\n`);
    await cli().musterctl('start', 'web@1', 'all.service');
  });

  test('units', async () => {
    const out = `UNIT\t\tMACHINE\t\t\tACTIVE\tSUB
all.service\t1234abcd.../10.0.0.1\tactive\trunning
all.service\t5678abcd.../10.0.0.2\tactive\trunning
web@1.service\t1234abcd.../10.0.0.1\tactive\trunning
`;
    expect(await fleetctl('list-units')).toEqual(ok(out));
    expect(
      (await fleetctl('list-units', '--no-legend', '--full=true', '--fields=machine', 'web@1')).out,
    ).toBe(`${m1}/10.0.0.1\n`);
  });

  test('unit files', async () => {
    expect(await fleetctl('list-unit-files')).toEqual(
      ok(`UNIT\t\tHASH\tDSTATE\t\tSTATE\t\tTARGET
all.service\tdb8384a\tlaunched\t-\t\tglobal
web@.service\t2fb5f52\tinactive\tinactive\t-
web@1.service\t2fb5f52\tlaunched\tlaunched\t1234abcd.../10.0.0.1
`),
    );
    const fields = '--fields=unit,desc,global,tmachine';
    expect(await fleetctl('list-unit-files', '--no-legend', fields)).toEqual(
      ok(
        `all.service\t-\t\ttrue\t1234abcd.../10.0.0.1,5678abcd.../10.0.0.2
web@.service\tWeb server %i\tfalse\t-
web@1.service\tWeb server 1\tfalse\t1234abcd.../10.0.0.1
`,
        'WARNING: The "tmachine" field is deprecated. Use "target" instead\n',
      ),
    );
  });

  test('machines', async () => {
    expect(await fleetctl('list-machines')).toEqual(
      ok(`MACHINE\t\tIP\t\tMETADATA
1234abcd...\t10.0.0.1\tdisk=ssd,region=eu
5678abcd...\t10.0.0.2\t-
`),
    );
  });

  test('only a machine that holds a unit is its target', async () => {
    await cli().cluster.assign('web@1.service', m2, 'released');
    const target = ['list-unit-files', '--no-legend', '--fields=target', 'web@1'];
    expect((await fleetctl(...target)).out).toBe('1234abcd.../10.0.0.1\n');
    expect((await cli().musterctl(...target)).out).toBe(
      '1234abcd.../10.0.0.1,5678abcd.../10.0.0.2(released)\n',
    );
  });

  test.each([
    ['--fields=unit,foo', 'Invalid key in output format: "foo"\n'],
    ['--fields=', 'Must define output format\n'],
  ])('%s is refused', async (fields, err) => {
    expect(await fleetctl('list-units', fields)).toEqual({ status: 1, out: '', err });
  });
});

test('version names the release whose behaviour it has', async () => {
  const line = 'fleetctl version 1.0.0 (muster 1.2.3)\n';
  for (const word of ['version', '--version', '-v']) expect(await fleetctl(word)).toEqual(ok(line));
});

test('no arguments show help', async () => {
  const { status, out, err } = await fleetctl();
  expect({ status, err }).toEqual({ status: 0, err: '' });
  expect(out).toContain('Usage: fleetctl [options] VERB');
  for (const words of [['help'], ['--help'], ['-h'], ['--h']]) {
    expect(await fleetctl(...words)).toEqual(ok(out));
  }
  const { out: ofVerb } = await fleetctl('help', 'start');
  expect(ofVerb).toContain('  fleetctl start units/web.service\n');
  expect(await fleetctl('start', '--help')).toEqual(ok(ofVerb));
});

test('a cluster that cannot be reached is a plain failure', async () => {
  expect(await run(names, { FLEETCTL_ENDPOINT: 'unix:/nope.sock' })).toEqual({
    status: 1,
    out: '',
    err: 'cannot reach musterd at unix:/nope.sock: there is no such socket (is musterd running?)\n',
  });
});
