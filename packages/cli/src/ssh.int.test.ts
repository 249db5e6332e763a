// needs: sshd
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { m1, simple, useCliCluster } from './testing/cli-cluster.ts';
import type { Ended } from './testing/cli-cluster.ts';
import { TestSshd, waitUntil } from './testing/sshd.ts';

jest.setTimeout(30_000);

const current = useCliCluster();
let sshd: TestSshd;

beforeAll(async () => {
  sshd = new TestSshd();
  await sshd.start();
});
afterAll(() => sshd.stop());
beforeEach(() => {
  sshd.log = '';
  sshd.trust();
  current().cluster.addMachine(m1, '127.0.0.1');
});

function environment(): Record<string, string> {
  return { MUSTER_ENDPOINT: current().socket, PATH: sshd.path };
}

/** `musterctl ssh` to the port of the test's sshd. */
function ssh(...args: string[]): Promise<Ended> {
  const all = ['ssh', '--ssh-port', String(sshd.port), ...args];
  return current().run('musterctl', all, environment());
}

const ok = (out: string): Ended => ({ status: 0, out, err: '' });

describe('the machine', () => {
  test.each([
    ['the beginning of its id', ['1234a']],
    ['its host name', ['host-12']],
    ['its address', ['127.0.0.1']],
    ['an option', ['--machine=1234abcd']],
  ])('is named by %s', async (_, target) => {
    expect(await ssh(...target, 'echo here')).toEqual(ok('here\n'));
  });

  test('is the one that has a unit', async () => {
    current().unitFile('web@.service', simple);
    current().unitFile('all.service', `${simple}[X-Fleet]\nGlobal=true\n`);
    await current().musterctl('start', 'web@1', 'all.service');
    expect((await current().cluster.unit('web@1.service'))?.desiredState).toBe('launched');
    expect(await ssh('web@1', 'echo here')).toEqual(ok('here\n'));
    expect(await ssh('--unit', 'web@1.service', 'echo here')).toEqual(ok('here\n'));
    expect(await ssh('all', 'true')).toEqual({
      status: 1,
      out: '',
      err: 'error: unit all.service is global and on 2 machines: 1234abcd.../127.0.0.1 (host-12), 5678abcd.../10.0.0.2 (host-56); choose one with --machine\n',
    });
    expect(await ssh('web@', 'true')).toEqual({
      status: 1,
      out: '',
      err: 'error: unit web@.service is not on any machine\n',
    });
  });

  test('is not guessed', async () => {
    current().unitFile('1234.service', simple);
    await current().musterctl('start', '1234.service');
    current().cluster.addMachine(`1234efab${'3'.repeat(24)}`, null);
    const is = '1234abcd.../127.0.0.1 (host-12), 1234efab... (host-12)';
    expect([
      (await ssh('1234', 'true')).err,
      (await ssh('--machine', '1234', 'true')).err,
      (await ssh('--machine', '1234efab', 'true')).err,
      (await ssh('nothing', 'true')).err,
      (await ssh('--unit', '1234abcd', 'true')).err,
      (await ssh('a b', 'true')).err,
    ]).toEqual([
      `error: "1234" is machine ${is} and unit 1234.service: choose with --machine or --unit\n`,
      `error: several machines are "1234": ${is}\n`,
      'error: machine 1234efab... (host-12) says no address of its own; machine.address in its configuration sets one\n',
      'error: no machine and no unit is "nothing"\n',
      'error: no unit is "1234abcd"\n',
      'error: no machine and no unit is "a b"\n',
    ]);
    expect(await ssh('--unit', '1234', 'echo here')).toEqual(ok('here\n'));
    expect(sshd.logins).toBe(1);
  });

  test.each([
    [[], 'error: name a machine or a unit to log in to\n'],
    [['--unit', 'a', '--machine', 'b'], 'error: --machine and --unit exclude each other\n'],
    [
      ['--ssh-port', '70000', 'x'],
      "error: option '--ssh-port <port>' argument '70000' is invalid. It must be a port, 1 to 65535.\n",
    ],
    [
      ['--tunnel', 'a:b', 'x'],
      "error: option '--tunnel <host>' argument 'a:b' is invalid. It must be [user@]host[:port].\n",
    ],
    [
      ['--strict-host-key-checking=maybe', 'x'],
      "error: option '--strict-host-key-checking [value]' argument 'maybe' is invalid. It must be true or false.\n",
    ],
  ])('%j makes no sense', async (args, err) => {
    expect(await ssh(...args)).toEqual({ status: 2, out: '', err });
  });
});

describe('the command', () => {
  test('is the rest of the line, and its exit status is ours', async () => {
    expect(await ssh('1234abcd', 'sh', '-c', '"exit 7"')).toEqual({ status: 7, out: '', err: '' });
    expect(await ssh('1234abcd', '--', 'echo', '--version', '"a  b"')).toEqual(
      ok('--version a  b\n'),
    );
    expect(await ssh('1234abcd', 'echo', '-o', 'json', '--timeout', 'x', '--', '-A')).toEqual(
      ok('-o json --timeout x -- -A\n'),
    );
    expect(await ssh('--machine', '1234abcd', 'echo', '-l')).toEqual(ok('-l\n'));
  });

  test('reads our input and writes to our output', async () => {
    const args = ['ssh', '--ssh-port', String(sshd.port), '1234abcd', 'cat; echo bad >&2'];
    const child = spawn(process.execPath, [current().program('musterctl'), ...args], {
      env: environment(),
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (piece: Buffer) => (out += piece.toString()));
    child.stderr.on('data', (piece: Buffer) => (err += piece.toString()));
    child.stdin.end('from here\n');
    expect(await once(child, 'close')).toEqual([0, null]);
    expect({ out, err }).toEqual({ out: 'from here\n', err: 'bad\n' });
  });

  test('ends with us', async () => {
    const args = ['ssh', '--ssh-port', String(sshd.port), '1234abcd', 'echo here; sleep 60'];
    const child = spawn(process.execPath, [current().program('musterctl'), ...args], {
      env: environment(),
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await once(child.stdout, 'data');
    expect(sshd.running()).toHaveLength(1);
    child.kill('SIGTERM');
    const [status] = await once(child, 'exit');
    expect(status).toBe(255);
    expect(sshd.running()).toEqual([]);
  });
});

describe('ssh itself', () => {
  test('checks the key of the machine as it is configured to', async () => {
    sshd.trust('user_key');
    const { status, err } = await ssh('1234abcd', 'true');
    expect(status).toBe(255);
    expect(err).toContain('REMOTE HOST IDENTIFICATION HAS CHANGED');
    expect(await ssh('--strict-host-key-checking=false', '1234abcd', 'echo in')).toEqual(
      ok('in\n'),
    );
    sshd.trust();
    const other = `${sshd.dir}/other known hosts`;
    expect((await ssh('--known-hosts-file', other, '1234abcd', 'true')).err).toContain(
      'Host key verification failed',
    );
    sshd.copyKnownHosts(other);
    sshd.trust(null);
    expect(await ssh('--known-hosts-file', other, '1234abcd', 'echo in')).toEqual(ok('in\n'));
  });

  test('takes the name of the user', async () => {
    const { status, err } = await ssh('--ssh-username', 'nobody-here', '1234abcd', 'true');
    expect(status).toBe(255);
    expect(err).toContain('nobody-here@127.0.0.1: Permission denied');
  });

  test('may be missing', async () => {
    const alone = { ...environment(), PATH: sshd.remoteBin };
    expect(await current().run('musterctl', ['ssh', '1234abcd'], alone)).toEqual({
      status: 1,
      out: '',
      err: 'error: cannot run ssh: there is no program ssh in PATH\n',
    });
  });

  test('goes by way of another host', async () => {
    sshd.program(
      'remote-bin/musterctl',
      `exec ${process.execPath} ${current().program('musterctl')} "$@"`,
    );
    const { socket } = current();
    const tunnel = ['--tunnel', `${sshd.user}@127.0.0.1:${sshd.port}`];
    expect(await ssh(...tunnel, '--endpoint', socket, 'host-12', 'echo $SSH_CONNECTION')).toEqual(
      ok(
        expect.stringMatching(new RegExp(`^127\\.0\\.0\\.1 \\d+ 127\\.0\\.0\\.1 ${sshd.port}\\n$`)),
      ),
    );
    // For the API, for the way, and at its end.
    expect(sshd.logins).toBe(3);
    sshd.trust(null);
    expect((await ssh(...tunnel, 'host-12', 'true')).status).toBe(3);
    expect(await ssh('--strict-host-key-checking=false', ...tunnel, 'host-12', 'echo in')).toEqual(
      ok('in\n'),
    );
    await waitUntil('no ssh', () => (sshd.running().length === 0 ? null : sshd.running().join()));
  });
});
