// needs: etcd
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { startUserManager, whyNoUserManager } from '@muster/systemd/testing';
import type { UserManager } from '@muster/systemd/testing';
import { makeTls } from '../../api/src/testing/make-tls.ts';
import { EtcdStore } from '../../registry/src/client.ts';
import { startEtcd } from '../../registry/src/testing/etcd.ts';
import type { TestEtcd } from '../../registry/src/testing/etcd.ts';
import { bundleMusterd, freePort, TestDaemon } from './test-daemon.ts';

jest.setTimeout(60_000);

const machineId = readFileSync('/etc/machine-id', 'utf8').trim();
const refused = 'the configuration was not reloaded; everything is as it was';

function suite(): void {
  let manager: UserManager;
  let etcd: TestEtcd;
  let store: EtcdStore;
  let script: string;
  let directory: string;
  let daemon: TestDaemon;
  let prefix: string;
  const others: Server[] = [];

  beforeAll(async () => {
    [manager, etcd] = await Promise.all([startUserManager(), startEtcd()]);
    store = new EtcdStore({ endpoints: [etcd.endpoint] });
    script = bundleMusterd(manager.scratch);
  });
  afterAll(async () => {
    await store.close();
    await etcd.stop();
    await manager.stop();
  });

  /** Each test has a daemon and a cluster of its own. */
  beforeEach(async () => {
    directory = mkdtempSync(join(manager.scratch, 'd-'));
    prefix = `/${directory.split('/').at(-1)}`;
    daemon = new TestDaemon({ script, directory, env: manager.env, args: ['--user'] });
  });
  afterEach(async () => {
    await daemon.stop();
    await Promise.all(others.splice(0).map((server) => new Promise((done) => server.close(done))));
  });

  const configure = (more = '', store = ''): void =>
    daemon.configure(
      `etcd: { endpoints: ["${etcd.endpoint}"], prefix: ${prefix}${store} }\n${more}`,
    );

  async function start(more = ''): Promise<void> {
    configure(more);
    await daemon.start();
    await until('it is registered', async () => (await presence()) !== null);
  }

  /** The machine's record in etcd, with its lease. */
  async function presence(): Promise<{ lease: string; metadata: object; apiUrl: string } | null> {
    const range = { key: `${prefix}/machine/${machineId}`, end: null };
    const { gets } = await store.txn({ success: [{ type: 'get', range }] });
    const stored = gets[0]?.keys[0];
    return stored === undefined ? null : { ...JSON.parse(stored.value), lease: stored.lease };
  }

  async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + 10_000;
    while (!(await holds())) {
      if (performance.now() > end) throw new Error(`waited 10 s until ${what}`);
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  const metric = async (name: string): Promise<number> => {
    const page = await daemon.get('/metrics');
    const line = page.split('\n').find((each) => each.startsWith(`${name} `));
    return Number(line?.split(' ')[1]);
  };

  async function post(path: string, body: object): Promise<IncomingMessage> {
    const headers = { 'content-type': 'application/json' };
    const { socket: socketPath } = daemon;
    const asked = request({ socketPath, method: 'POST', path, headers, agent: false });
    const [answer]: IncomingMessage[] = await once(asked.end(JSON.stringify(body)), 'response');
    if (answer === undefined) throw new Error('no answer');
    return answer;
  }

  /** An answer that says something every two seconds: it waits for a unit that can run nowhere. */
  async function stream(): Promise<{ lines: () => number; end: () => void }> {
    const name = 'nowhere.service';
    const file = '[Service]\nExecStart=/bin/true\n[X-Fleet]\nMachineMetadata=no=where\n';
    const written = await post('/v1/units', { units: [{ name, file, desiredState: 'launched' }] });
    await once(written.resume(), 'end');
    const answer = await post('/v1/wait', { units: [name], until: 'launched', timeoutMs: 50_000 });
    let lines = 0;
    answer.on('data', () => (lines += 1)).on('error', () => (lines = Number.NaN));
    return { lines: () => lines, end: () => answer.destroy() };
  }

  test('what can be is taken over; the registration, listeners and connections stay', async () => {
    await start('machine: { metadata: { region: eu } }');
    const before = await presence();
    // A token of fleet's: 100 rows a page, page 1.
    const page = '/fleet/v1/units?nextPageToken=ZAABAA==';
    expect(await daemon.get(page)).not.toContain('error');
    const open = await stream();
    await until('the stream speaks', async () => open.lines() > 0);
    configure(
      `machine: { metadata: { region: us, disk: ssd }, address: 10.9.8.7 }
agent: { poll: 200ms, away: 1h }
log: { level: debug }
api: { listen: ["unix:${directory}/run/muster.sock", "unix:${directory}/second.sock"], tokenlimit: 3 }`,
      ', compact: 2h',
    );
    const [said] = await daemon.reload();
    expect(said).toMatchObject({
      changed: [
        'etcd.compact',
        'machine.address',
        'machine.metadata',
        'agent.poll',
        'agent.away',
        'api.listen',
        'api.tokenlimit',
        'log.level',
      ],
    });
    expect(await presence()).toMatchObject({
      lease: before?.lease,
      address: '10.9.8.7',
      metadata: { region: 'us', disk: 'ssd' },
    });
    const machines: unknown = JSON.parse(await daemon.get('/v1/machines'));
    expect(machines).toMatchObject({ machines: [{ metadata: { region: 'us', disk: 'ssd' } }] });
    const environment = readFileSync(join(directory, 'run/machine.env'), 'utf8');
    expect(environment).toContain('MUSTER_METADATA_REGION="us"');
    expect(environment).toContain('MUSTER_MACHINE_ADDRESS="10.9.8.7"');
    expect(await daemon.get(page)).toContain('token limit must be 3');
    const second = { socketPath: join(directory, 'second.sock') };
    expect(JSON.parse(await daemon.get('/v1/version', second))).toMatchObject({
      machine: machineId,
    });
    const seen = open.lines();
    await until('the stream goes on', async () => open.lines() > seen);
    open.end();
    const passes = await metric('muster_loop_passes_total{loop="agent",result="ok"}');
    await until('it polls as often as it was told', async () => {
      // Ten passes at 200 ms; at 1 s they would take longer than is waited.
      return (await metric('muster_loop_passes_total{loop="agent",result="ok"}')) > passes + 15;
    });

    configure('machine: { metadata: { region: eu } }\nagent: { away: 2h }');
    await daemon.reload();
    expect(existsSync(join(directory, 'second.sock'))).toBe(false);
    expect((await presence())?.lease).toBe(before?.lease);
    expect(await metric('muster_config_reloads_total{result="applied"}')).toBe(2);

    configure('log: { level: error }\nagent: { away: 2h }');
    const lines = daemon.lines.length;
    daemon.signal('SIGHUP');
    await until('it is taken over', async () => {
      return (await metric('muster_config_reloads_total{result="applied"}')) === 3;
    });
    await daemon.stop();
    // Neither of the reload nor of the stop: nothing of it is an error.
    expect(daemon.lines.slice(lines)).toEqual([]);
    const parked = await presence();
    expect(await store.leaseLeft(parked?.lease ?? '')).toMatchObject({ grantedSeconds: 7200 });
  });

  test('a configuration that is wrong changes nothing, and each problem is said', async () => {
    await start('machine: { metadata: { region: eu } }');
    const before = await presence();
    configure('machine: { metadata: { region: us }, tll: 8s }\nlog: { level: loud }');
    expect(await daemon.reload()).toMatchObject([
      { level: 'error', problem: expect.stringContaining('unknown key machine.tll') },
      { level: 'error', problem: expect.stringContaining('log.level is "loud"') },
      { level: 'error', problems: 2, msg: refused },
    ]);
    expect(await presence()).toEqual(before);
    expect(await metric('muster_config_last_reload_successful')).toBe(0);
    configure('machine: { metadata: { region: us } }');
    await daemon.reload();
    expect(await presence()).toMatchObject({ metadata: { region: 'us' } });
    expect(await metric('muster_config_last_reload_successful')).toBe(1);
  });

  test('a listener that cannot be had changes nothing', async () => {
    await start();
    const taken = createServer().listen(0, '127.0.0.1');
    others.push(taken);
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const before = await presence();
    configure(
      `machine: { metadata: { region: us } }
api: { listen: ["unix:${directory}/new.sock", "tcp:127.0.0.1:${port}"], insecure: true }`,
    );
    expect(await daemon.reload()).toMatchObject([
      { level: 'error', err: { message: expect.stringContaining('EADDRINUSE') }, msg: refused },
    ]);
    expect(existsSync(join(directory, 'new.sock'))).toBe(false);
    expect(await presence()).toEqual(before);
    expect(JSON.parse(await daemon.get('/v1/version'))).toMatchObject({ machine: machineId });
  });

  test('what needs a restart is said, key by key, and does not hold', async () => {
    await start();
    const before = await presence();
    configure(`machine: { ttl: 30s, metadata: { a: b } }\nscheduler: { enabled: false }`);
    const waits = 'another value in the configuration waits for a restart of musterd';
    for (const changed of [['machine.metadata'], []]) {
      expect(await daemon.reload()).toMatchObject([
        { level: 'warn', key: 'machine.ttl', msg: waits },
        { level: 'warn', key: 'scheduler.enabled', msg: waits },
        { level: 'info', changed },
      ]);
    }
    expect(await presence()).toMatchObject({ lease: before?.lease, metadata: { a: 'b' } });
    expect(await metric('muster_scheduler_leading')).toBe(1);
    expect(await metric('muster_config_keys_awaiting_restart')).toBe(2);
  });

  test('certificates are read anew, also when only the files have changed', async () => {
    const port = await freePort();
    const pki = join(directory, 'pki');
    mkdirSync(pki);
    const [first, second] = [makeTls(pki, 'first'), makeTls(pki, 'second')];
    const put = (tls: typeof first): void => {
      for (const name of ['ca', 'cert', 'key'] as const) writeFileSync(join(pki, name), tls[name]);
    };
    const shown = async (tls: typeof first): Promise<string> => {
      const socket = tlsConnect({ host: '127.0.0.1', port, ...tls });
      await once(socket, 'secureConnect');
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      return String(subject.CN);
    };
    put(first);
    const api = `api: { listen: ["unix:${directory}/run/muster.sock", "tcp:127.0.0.1:${port}"], tls: { ca: ${pki}/ca, cert: ${pki}/cert, key: ${pki}/key } }`;
    await start(api);
    expect((await presence())?.apiUrl).toBe(`https://127.0.0.1:${port}`);
    expect(await shown(first)).toBe('first');
    put(second);
    expect(await daemon.reload()).toMatchObject([{ level: 'info', changed: [] }]);
    expect(await shown(second)).toBe('second');

    writeFileSync(join(pki, 'key'), first.key);
    expect(await daemon.reload()).toMatchObject([
      { level: 'error', err: { message: expect.stringContaining('certificates cannot be used') } },
    ]);
    expect(await shown(second)).toBe('second');

    configure(api.replace(/tls: \{.*?\}/, 'insecure: true'));
    await daemon.reload();
    expect((await presence())?.apiUrl).toBe(`http://127.0.0.1:${port}`);
    const tcp = { host: '127.0.0.1', port };
    expect(JSON.parse(await daemon.get('/v1/version', tcp))).toMatchObject({ machine: machineId });
  });

  test('many signals at once are few reloads, and the last one sees everything', async () => {
    await start();
    for (let i = 1; i <= 20; i += 1) {
      configure(`machine: { metadata: { round: r${i} } }`);
      daemon.signal('SIGHUP');
    }
    await until('the last is taken over', async () => {
      return JSON.stringify((await presence())?.metadata) === '{"round":"r20"}';
    });
    await daemon.reload();
    const reloads = await metric('muster_config_reloads_total{result="applied"}');
    expect(reloads).toBeLessThan(20);
  });

  test('told to stop during a reload, it stops in order though the store hangs', async () => {
    await start();
    etcd.signal('SIGSTOP');
    try {
      configure('machine: { metadata: { region: us } }');
      daemon.signal('SIGHUP');
      await until('the reload is under way', async () => {
        return readFileSync(join(directory, 'run/machine.env'), 'utf8').includes('REGION');
      });
      daemon.signal('SIGTERM');
      expect(await daemon.exit()).toBe(0);
    } finally {
      etcd.signal('SIGCONT');
    }
    expect(daemon.stderr).toBe('');
  });

  test('told to stop during a reload, it says last that it stops', async () => {
    const told = join(directory, 'told');
    const go = join(directory, 'go');
    // Stands for systemd's, and takes its time with the first word of a reload.
    const notify = `#!/bin/sh
echo "$1" >>${told}
case $1 in RELOADING=1) until [ -e ${go} ]; do sleep 0.02; done ;; esac
`;
    writeFileSync(join(directory, 'systemd-notify'), notify, { mode: 0o755 });
    const PATH = `${directory}:${manager.env['PATH']}`;
    const env = { ...manager.env, PATH, NOTIFY_SOCKET: join(directory, 'notify') };
    daemon = new TestDaemon({ script, directory, env, args: ['--user'] });
    configure('agent: { enabled: false }\nscheduler: { enabled: false }');
    await daemon.start();
    daemon.signal('SIGHUP');
    await until('it reloads', async () => readFileSync(told, 'utf8').includes('RELOADING'));
    daemon.signal('SIGTERM');
    await daemon.says(({ msg }) => msg === 'stopping; units run on');
    writeFileSync(go, '');
    expect(await daemon.exit()).toBe(0);
    const words = readFileSync(told, 'utf8').trim().split('\n');
    // A line on how it stands may come at any time.
    expect(words.filter((word) => !word.startsWith('STATUS='))).toEqual([
      'READY=1',
      'RELOADING=1',
      'READY=1',
      'STOPPING=1',
    ]);
  });

  test('SIGUSR1, with which fleet told how it stood, opens no debugger', async () => {
    await start();
    daemon.signal('SIGUSR1');
    await daemon.reload();
    await daemon.stop();
    expect(daemon.stderr).toBe('');
  });

  test('a signal before it is ready is served when it is', async () => {
    configure();
    daemon.launch();
    await until('it has begun', async () => existsSync(join(directory, 'state')));
    daemon.signal('SIGHUP');
    await daemon.says(({ msg }) => msg === 'the configuration was reloaded');
    const messages = daemon.lines.map(({ msg }) => msg);
    expect(messages.indexOf('musterd runs')).toBeLessThan(
      messages.indexOf('the configuration was reloaded'),
    );
  });
}

const reason = whyNoUserManager();
if (reason === null)
  describe('a running musterd that gets SIGHUP', () => {
    suite();
  });
// oxlint-disable-next-line jest/no-disabled-tests -- it says what this machine lacks
else test.skip(`reload.int.test.ts: left out, because ${reason}`, () => undefined);
