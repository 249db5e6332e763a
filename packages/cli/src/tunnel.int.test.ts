// needs: sshd
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { makeTls } from '../../api/src/testing/make-tls.ts';
import { m1, simple, useCliCluster } from './testing/cli-cluster.ts';
import type { Ended } from './testing/cli-cluster.ts';
import { freePort, TestSshd, waitUntil } from './testing/sshd.ts';

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
  offer('musterctl');
});
afterEach(() => {
  for (const name of ['musterctl', 'fleetctl'])
    rmSync(path.join(sshd.remoteBin, name), { force: true });
});

/** Puts this musterctl in PATH of who logs in. */
function offer(name: string, before = ''): void {
  const program = current().program('musterctl');
  sshd.program(`remote-bin/${name}`, `${before}\nexec ${process.execPath} ${program} "$@"`);
}

function environment(): Record<string, string> {
  return { MUSTER_TUNNEL: 'bastion', MUSTER_ENDPOINT: current().socket, PATH: sshd.path };
}

function musterctl(...args: string[]): Promise<Ended> {
  return current().run('musterctl', args, environment());
}

const ok = (out: string, err = ''): Ended => ({ status: 0, out, err });

const noSsh = (): Promise<void> =>
  waitUntil('no ssh to be left', () => sshd.running().join('\n') || null);

describe('a socket of the other host', () => {
  test('is reached over one connection for each command', async () => {
    const { cluster, socket } = current();
    current().unitFile('web@.service', simple);
    expect(await musterctl('start', 'web@1')).toEqual(
      ok('Unit web@1.service launched on 1234abcd.../10.0.0.1\n'),
    );
    expect(sshd.logins).toBe(1);
    // Two requests at once.
    expect((await musterctl('list-units', '--no-legend')).out).toMatch(/^web@1\.service/);
    expect(sshd.logins).toBe(2);
    expect(await musterctl('metadata', 'set', '1234abcd', 'rack=7')).toEqual(
      ok('Machine 1234abcd...: rack=7\n'),
    );
    expect(await musterctl('cat', 'web@1')).toEqual(ok(simple));
    expect((await musterctl('journal', 'web@1')).out).toContain('web@1.service');
    expect((await musterctl('status', 'web@1', 'web@1')).out).toContain('active (running)');
    expect(await musterctl('destroy', 'web@1')).toEqual(ok('Destroyed web@1.service\n'));
    expect(sshd.logins).toBe(7);
    expect(await cluster.unitNames()).toEqual(['web@.service']);
    expect(sshd.running()).toEqual([]);
    expect(
      await current().run(
        'musterctl',
        [
          '--endpoint',
          socket,
          '--tunnel',
          `${sshd.user}@127.0.0.1:${sshd.port}`,
          'list-machines',
          '-o',
          'name',
        ],
        { PATH: sshd.path },
      ),
    ).toMatchObject({ status: 0 });
  });

  test('by the default path when none is given', async () => {
    const { err } = await current().run('musterctl', ['list-units'], {
      PATH: sshd.path,
      MUSTER_TUNNEL: 'bastion',
    });
    expect(err).toMatch(
      /^error: cannot reach .* unix:\/run\/muster\/muster\.sock through bastion: /,
    );
  });

  test('also where the program is still called fleetctl, and logging in says something', async () => {
    rmSync(path.join(sshd.remoteBin, 'musterctl'));
    offer('fleetctl', 'echo Welcome; echo to you');
    expect((await musterctl('list-machines', '-o', 'name')).out).toContain(m1);
  });

  test('a journal is followed until Ctrl-C', async () => {
    current().unitFile('web.service', simple);
    await current().musterctl('start', 'web.service');
    const child = startMusterctl('journal', '-f', 'web');
    await once(child.stdout, 'data');
    expect(sshd.running()).not.toEqual([]);
    // The terminal sends it to ssh as well.
    process.kill(-(child.pid ?? 0), 'SIGINT');
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(sshd.running()).toEqual([]);
  });

  test('over a connection that ssh keeps for all, as it is configured to', async () => {
    const keep = ['--tunnel', 'persistent'];
    for (let i = 0; i < 2; i += 1) {
      expect(await musterctl(...keep, 'list-units', '--no-legend')).toEqual(ok(''));
    }
    expect((await musterctl(...keep, '--endpoint', 'unix:/nope.sock', 'list-units')).err).toBe(
      'error: cannot reach musterd at unix:/nope.sock through persistent: there is no such socket (is musterd running?)\n',
    );
    expect(sshd.logins).toBe(1);
    execFileSync(path.join(sshd.dir, 'bin/ssh'), ['-O', 'exit', 'persistent'], { stdio: 'pipe' });
    await noSsh();
  });

  test('a wait ends in time', async () => {
    current().unitFile('far.service', `${simple}[X-Fleet]\nMachineMetadata=at=nowhere\n`);
    expect(await musterctl('start', 'far.service', '--timeout', '2')).toMatchObject({
      status: 1,
      err: expect.stringContaining('timed out waiting for unit far.service'),
    });
    expect(sshd.running()).toEqual([]);
  });

  test('is asked in the middle of a line, in silence', async () => {
    current().unitFile('web.service', simple);
    await current().musterctl('start', 'web.service');
    const line = ['__complete', 'zsh', '--', '--tunnel', 'bastion', 'stop', ''];
    const where = { MUSTER_ENDPOINT: current().socket, PATH: sshd.path };
    const offered = (): Promise<Ended> => current().run('musterctl', line, where);
    expect(await offered()).toEqual(ok('-\nweb.service\tlaunched\n'));
    sshd.trust(null);
    expect(await offered()).toEqual(ok('-\n'));
  });

  test('much is fetched', async () => {
    for (let i = 0; i < 3000; i += 1)
      current().cluster.addMachine(String(i).padStart(32, '0'), null);
    const { out } = await musterctl('list-machines', '-o', 'json');
    const machines: unknown[] = JSON.parse(out);
    expect(machines).toHaveLength(3002);
  });

  test('much is handed over', async () => {
    const filler = `# ${'x'.repeat(2000)}\n`.repeat(4);
    for (let i = 0; i < 60; i += 1) current().unitFile(`units/u${i}.service`, `${simple}${filler}`);
    expect((await musterctl('submit', 'units')).out.split('\n')).toHaveLength(61);
  });
});

describe('fleetctl', () => {
  test('takes its own variables', async () => {
    const { socket, cluster } = current();
    cluster.addMachine(m1, '10.0.0.9');
    const where = {
      FLEETCTL_ENDPOINT: socket,
      FLEETCTL_TUNNEL: `${sshd.user}@127.0.0.1:${sshd.port}`,
    };
    const lax = { FLEETCTL_STRICT_HOST_KEY_CHECKING: 'false', PATH: sshd.path };
    sshd.trust('user_key');
    const list = ['list-machines', '--no-legend', '--fields=ip'];
    const { status, out } = await current().run('fleetctl', list, { ...where, ...lax });
    expect({ status, out }).toEqual({ status: 0, out: '10.0.0.9\n10.0.0.2\n' });
    expect(sshd.logins).toBe(1);
  });

  test('of old, elsewhere, finds here what it runs on the other host', async () => {
    rmSync(path.join(sshd.remoteBin, 'musterctl'));
    offer('fleetctl');
    // As it does: one session, in which requests follow each other, and which it closes.
    const session = spawn(path.join(sshd.dir, 'bin/ssh'), [
      'bastion',
      `fleetctl fd-forward ${current().socket.slice('unix:'.length)}`,
    ]);
    let answers = '';
    session.stdout.on('data', (piece: Buffer) => (answers += piece.toString()));
    const ask = async (route: string, times: number): Promise<void> => {
      session.stdin.write(`GET /fleet/v1/${route}?alt=json HTTP/1.1\r\nHost: domain-sock\r\n\r\n`);
      await waitUntil(`answer ${times}`, () =>
        answers.split('HTTP/1.1 200 OK').length > times && /\}\s*$/.test(answers) ? null : answers,
      );
    };
    await ask('machines', 1);
    expect(answers).toContain(m1);
    await ask('units', 2);
    session.stdin.end();
    expect(await once(session, 'close')).toEqual([0, null]);
  });
});

describe('a port that the other host reaches', () => {
  test('without TLS', async () => {
    const [bound = ''] = await current().server.listen(['tcp:127.0.0.1:0'], { insecure: true });
    rmSync(path.join(sshd.remoteBin, 'musterctl'));
    const endpoint = bound.replace('tcp:', 'http://');
    expect(await musterctl('--endpoint', endpoint, 'list-machines', '-o', 'name')).toMatchObject({
      status: 0,
      out: expect.stringContaining(m1),
    });
    expect(sshd.logins).toBe(1);
  });

  test('with TLS, by its own name', async () => {
    const dir = path.join(current().dir, 'tls');
    mkdirSync(dir);
    const tls = makeTls(dir, 'alice');
    for (const [name, pem] of Object.entries(tls)) writeFileSync(path.join(dir, name), pem);
    const [bound = ''] = await current().server.listen(['tcp:127.0.0.1:0'], { tls });
    const files = ['ca', 'cert', 'key'].flatMap((each) => [`--${each}-file`, path.join(dir, each)]);
    const list = (endpoint: string): Promise<Ended> =>
      musterctl('--endpoint', endpoint, ...files, 'list-machines', '-o', 'name');
    expect(await list(bound.replace('tcp:', 'https://'))).toMatchObject({
      status: 0,
      out: expect.stringContaining(m1),
    });
    const { status, err } = await list(bound.replace('tcp:127.0.0.1', 'https://localhost'));
    expect(status).toBe(3);
    expect(err).toMatch(/through bastion: Hostname\/IP does not match .*localhost/);
    expect(sshd.running()).toEqual([]);
  });

  test('where nobody listens', async () => {
    const port = await freePort();
    expect(await musterctl('--endpoint', `http://127.0.0.1:${port}`, 'list-units')).toEqual({
      status: 3,
      out: '',
      err: `error: cannot reach musterd at http://127.0.0.1:${port} through bastion: connect failed: Connection refused\n`,
    });
  });
});

describe('what goes wrong is one sentence', () => {
  const start = (): string =>
    `error: cannot reach musterd at ${current().socket} through bastion: `;

  test('the socket', async () => {
    await current().server.close();
    expect(await musterctl('list-units')).toEqual({
      status: 3,
      out: '',
      err: `${start()}there is no such socket (is musterd running?)\n`,
    });
  });

  test('the program there', async () => {
    rmSync(path.join(sshd.remoteBin, 'musterctl'));
    expect(await musterctl('list-units')).toEqual({
      status: 3,
      out: '',
      err: `${start()}there is neither musterctl nor fleetctl in PATH there\n`,
    });
    sshd.program('remote-bin/fleetctl', 'echo This account is not available.');
    expect(await musterctl('list-units')).toMatchObject({
      status: 3,
      err: `${start()}it says "This account is not available."\n`,
    });
  });

  test('its key', async () => {
    sshd.trust('user_key');
    expect(await musterctl('list-units')).toEqual({
      status: 3,
      out: '',
      err: `${start()}Host key verification failed: connect with ssh once to see more\n`,
    });
    expect(await musterctl('--strict-host-key-checking=false', 'list-units')).toMatchObject({
      status: 0,
      err: '',
    });
  });

  test('the user', async () => {
    expect(await musterctl('--ssh-username', 'nobody-here', 'list-units')).toEqual({
      status: 3,
      out: '',
      err: `${start()}nobody-here@127.0.0.1: Permission denied (publickey)\n`,
    });
  });

  test('the port', async () => {
    const port = await freePort();
    expect((await musterctl('--tunnel', `127.0.0.1:${port}`, 'list-units')).err).toBe(
      `error: cannot reach musterd at ${current().socket} through 127.0.0.1:${port}: connect to host 127.0.0.1 port ${port}: Connection refused\n`,
    );
  });

  test('ssh', async () => {
    const alone = { ...environment(), PATH: sshd.remoteBin };
    expect(await current().run('musterctl', ['list-units'], alone)).toEqual({
      status: 3,
      out: '',
      err: `${start()}there is no program ssh in PATH\n`,
    });
  });

  test('the connection, later; what is followed goes on', async () => {
    const child = startMusterctl('journal', '-f', '--machine', m1, 'web');
    let err = '';
    child.stderr.on('data', (piece: Buffer) => (err += piece.toString()));
    await once(child.stdout, 'data');
    sshd.killSessions();
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(err).toMatch(/^-- .*through bastion: .*(closed|reset|broken).*; trying again --\n$/i);
  });
});

describe('a host that says nothing', () => {
  let silent: Server;
  beforeEach(async () => {
    silent = createServer(() => {});
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
  });
  afterEach(() => silent.close());

  const port = (): number => (silent.address() as AddressInfo).port;

  test('is given up after the time for ssh', async () => {
    const { status, err } = await musterctl(
      '--tunnel',
      `127.0.0.1:${port()}`,
      '--ssh-timeout',
      '1',
      'list-units',
    );
    expect(status).toBe(3);
    expect(err).toContain('timed out');
    expect(sshd.running()).toEqual([]);
  });

  test('is given up after the time for the API', async () => {
    const { status, err } = await musterctl(
      '--tunnel',
      `127.0.0.1:${port()}`,
      '--timeout',
      '1',
      'list-units',
    );
    expect(status).toBe(3);
    expect(err).toContain('no answer within 1 s');
    await noSsh();
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'does not keep ssh after %s',
    async (signal) => {
      const child = startMusterctl('--tunnel', `127.0.0.1:${port()}`, 'list-units');
      await once(silent, 'connection');
      expect(sshd.running()).toHaveLength(1);
      child.kill(signal);
      expect(await once(child, 'close')).toEqual([null, signal]);
      await noSsh();
    },
  );
});

/** In a process group of its own, as a shell starts it. */
function startMusterctl(...args: string[]): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, [current().program('musterctl'), ...args], {
    env: environment(),
    cwd: current().dir,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}
