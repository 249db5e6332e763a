import { mkdirSync } from 'node:fs';
import path from 'node:path';
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
