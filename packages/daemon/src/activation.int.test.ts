import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleMusterd, freePort, TestDaemon } from './test-daemon.ts';

jest.setTimeout(60_000);

const activator = 'systemd-socket-activate';
/** No etcd and no systemd are needed to answer. */
const alone = 'agent: { enabled: false }\nscheduler: { enabled: false }';

function suite(): void {
  let top: string;
  let script: string;
  let directory: string;
  let daemon: TestDaemon;
  const sockets: Socket[] = [];

  beforeAll(() => {
    top = mkdtempSync(join(tmpdir(), 'muster-activation-'));
    script = bundleMusterd(top);
  });
  afterAll(() => rmSync(top, { recursive: true }));
  beforeEach(() => {
    directory = mkdtempSync(join(top, 'd-'));
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await daemon.stop();
  });

  const at = (name: string): string => join(directory, name);

  /** musterd with sockets that somebody else listens on; it begins with the first connection. */
  function activated(sockets: readonly string[], config: string): void {
    const path = `${directory}:${process.env['PATH']}`;
    const command = [
      activator,
      ...sockets.map((address) => `--listen=${address}`),
      `--fdname=${sockets.map((_, i) => `socket-${i}`).join(':')}`,
      ...['NODE_PATH', 'PATH'].map((name) => `--setenv=${name}`),
    ];
    daemon = new TestDaemon({ script, directory, env: { PATH: path }, command });
    daemon.configure(`${alone}\n${config}`);
    daemon.launch();
  }

  /** Connects as soon as somebody listens, which makes the activator start musterd. The file is there before. */
  async function knock(path: string): Promise<void> {
    for (;;) {
      const socket = connect(path);
      sockets.push(socket);
      const isConnected = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true));
        socket.on('error', () => resolve(false));
      });
      if (isConnected) return;
      await new Promise((done) => setTimeout(done, 10));
    }
  }

  const bound = (): unknown =>
    daemon.lines.find(({ msg }) => msg === 'the API listens')?.['listen'];
  const answers = async (where: object): Promise<boolean> =>
    (await daemon.get('/v1/version', where)).includes('"machine"');

  test('they are served beside what is configured, and outlive a reload and the end', async () => {
    const port = await freePort();
    activated([at('fleet.sock'), `127.0.0.1:${port}`], 'api: { insecure: true }');
    await knock(at('fleet.sock'));
    await daemon.says(({ msg }) => msg === 'musterd runs');
    const own = `unix:${daemon.socket}`;
    expect(bound()).toEqual([own, `unix:${at('fleet.sock')}`, `tcp:127.0.0.1:${port}`]);
    const places = [
      { socketPath: at('fleet.sock') },
      { host: '127.0.0.1', port },
      { socketPath: daemon.socket },
    ];
    expect(await Promise.all(places.map(answers))).toEqual([true, true, true]);

    const kept = connect(at('fleet.sock'));
    sockets.push(kept);
    await once(kept, 'connect');
    daemon.configure(`${alone}\napi: { insecure: true, listen: ["unix:${at('other.sock')}"] }`);
    await daemon.reload();
    const after = [...places.slice(0, 2), { socketPath: at('other.sock') }];
    expect(await Promise.all(after.map(answers))).toEqual([true, true, true]);
    kept.write('GET /v1/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(String((await once(kept, 'data'))[0])).toContain('HTTP/1.1 200 OK');

    await daemon.stop();
    // The socket is the activator's: what it made is not taken away by who got it.
    expect(existsSync(at('fleet.sock'))).toBe(true);
    expect(existsSync(at('other.sock'))).toBe(false);
  });

  test('a configured address that one of them has is taken from it', async () => {
    const port = await freePort();
    mkdirSync(at('run'));
    activated(
      [at('run/muster.sock'), `[::]:${port}`],
      `api: { insecure: true, listen: ["unix:${at('run/muster.sock')}", "tcp:127.0.0.1:${port}"] }`,
    );
    const { ino } = await knock(at('run/muster.sock')).then(() => statSync(at('run/muster.sock')));
    await daemon.says(({ msg }) => msg === 'musterd runs');
    expect(bound()).toEqual([`unix:${at('run/muster.sock')}`, `tcp:[::]:${port}`]);
    expect(await answers({ socketPath: at('run/muster.sock') })).toBe(true);
    expect(await answers({ host: '127.0.0.1', port })).toBe(true);
    expect(statSync(at('run/muster.sock')).ino).toBe(ino);
  });

  test('TCP needs TLS or insecure: true, as always', async () => {
    const port = await freePort();
    activated([at('a.sock'), `127.0.0.1:${port}`], '');
    await knock(at('a.sock'));
    expect(await daemon.exit()).toBe(1);
    expect(daemon.stderr).toContain(
      `musterd: tcp:127.0.0.1:${port}, the inherited socket-1, needs tls (ca, cert and key), or insecure: true to let everybody in who reaches it\n`,
    );
  });

  test('a reload that would leave TCP unprotected is refused', async () => {
    const port = await freePort();
    activated([at('a.sock'), `127.0.0.1:${port}`], 'api: { insecure: true }');
    await knock(at('a.sock'));
    await daemon.says(({ msg }) => msg === 'musterd runs');
    daemon.configure(alone);
    expect(await daemon.reload()).toMatchObject([
      {
        level: 'error',
        err: { message: expect.stringContaining('the inherited socket-1, needs') },
      },
    ]);
    expect(await answers({ host: '127.0.0.1', port })).toBe(true);
  });

  test('programs that musterd runs know nothing of them', async () => {
    const dump = at('dump');
    // Stands for systemctl, which is asked for the status of a unit.
    writeFileSync(
      at('systemctl'),
      `#!/bin/sh\nenv >${dump}\nexec ls -l /proc/self/fd >>${dump}\n`,
      {
        mode: 0o755,
      },
    );
    activated([at('a.sock')], '');
    await knock(at('a.sock'));
    await daemon.says(({ msg }) => msg === 'musterd runs');
    await daemon.get('/v1/local/units/a.service/status');
    const seen = readFileSync(dump, 'utf8');
    expect(seen).toContain('PATH=');
    expect(seen).not.toContain('LISTEN_');
    const descriptors = [...seen.matchAll(/ (\d+) -> socket:/g)].map(([, fd]) => Number(fd));
    expect(descriptors.filter((fd) => fd >= 3)).toEqual([]);
  });

  test.each([
    [
      'a file',
      '3</etc/passwd',
      1,
      /handed over descriptor 3 \(unknown\), which is no socket but \/etc\/passwd$/,
    ],
    ['nothing', '', 1, /handed over descriptor 3 \(unknown\), which is (not open|no socket)/],
    ['no number', '', 'many', /LISTEN_FDS is "many" where the number of sockets belongs$/],
  ])('a descriptor that is %s ends it with one sentence', async (_, redirect, count, sentence) => {
    const shell = `LISTEN_PID=$$ LISTEN_FDS=${count} exec "$@" ${redirect}`;
    daemon = new TestDaemon({ script, directory, env: {}, command: ['sh', '-c', shell, 'sh'] });
    daemon.configure(alone);
    daemon.launch();
    expect(await daemon.exit()).toBe(1);
    expect(daemon.stderr.trim()).toMatch(sentence);
    expect(daemon.stderr.trim()).not.toContain('\n');
  });

  test('a socket that is no stream ends it with one sentence', async () => {
    const port = await freePort();
    const listen = `--listen=127.0.0.1:${port}`;
    const command = [activator, '--datagram', listen, '--setenv=NODE_PATH'];
    daemon = new TestDaemon({ script, directory, env: { PATH: process.env['PATH'] }, command });
    daemon.configure(alone);
    daemon.launch();
    const sender = createSocket('udp4');
    // Until somebody listens nothing comes of it.
    const knocking = setInterval(() => sender.send('x', port, '127.0.0.1'), 20);
    expect(await daemon.exit()).toBe(1);
    clearInterval(knocking);
    sender.close();
    expect(daemon.stderr).toMatch(
      /^musterd: cannot listen on the inherited socket unknown \(descriptor 3\): listen EINVAL/m,
    );
  });
}

if (spawnSync(activator, ['--version']).status === 0)
  describe('sockets that somebody else opened', () => {
    suite();
  });
// oxlint-disable-next-line jest/no-disabled-tests -- it says what this machine lacks
else test.skip(`activation.int.test.ts: left out, for lack of ${activator}`, () => undefined);
