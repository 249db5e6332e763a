import { until } from '../../registry/src/testing/ground.ts';
import { clock, m1, m2, simple, useCliCluster } from './testing/cli-cluster.ts';
import type { Ended } from './testing/cli-cluster.ts';
import { Following } from './testing/following.ts';

const cli = useCliCluster();
const musterctl = (...args: string[]): Promise<Ended> => cli().musterctl(...args);
const ok = (out: string, err = ''): Ended => ({ status: 0, out, err });
const global = `${simple}[X-Fleet]\nGlobal=true\n`;

beforeEach(() => musterctl('start', cli().unitFile('web.service', simple)));

/** The API of the second machine. */
async function openSecond(): Promise<() => Promise<void>> {
  const { cluster } = cli();
  const second = cli().createServer(m2, {
    status: async (unit) => `● ${unit} on m2\n   Active: active (running)\n`,
    use: async () => [],
    journal: async function* (unit, query, signal) {
      yield Buffer.from(`${unit} on m2 ${query.lines} ${query.since}\n`);
      if (query.follow) await clock.sleep(60_000, signal);
    },
  });
  const [bound = ''] = await second.listen(['tcp:127.0.0.1:0'], { insecure: true });
  cluster.addMachine(m2, '10.0.0.2', { apiUrl: bound.replace('tcp:', 'http://') });
  return () => second.close();
}

describe('status', () => {
  const shown = (unit: string): string => `● ${unit}\n   Active: active (running)\n`;

  test('of one that is up', async () => {
    expect(await musterctl('status', 'web')).toEqual(ok(shown('web.service')));
  });

  test.each([
    ['inactive (dead)', 3],
    ['failed (Result: exit-code)', 3],
    ['activating (auto-restart)', 3],
    ['deactivating (stop)', 3],
    ['reloading (reload)', 0],
  ])('of one that is %s ends with %d', async (active, status) => {
    cli().actives.set('web.service', active);
    const out = `● web.service\n   Active: ${active}\n`;
    expect(await musterctl('status', 'web')).toEqual({ status, out, err: '' });
    expect(await musterctl('status', 'w*')).toEqual({ status, out, err: '' });
  });

  test('of one for which something is kept says what', async () => {
    const name = 'big.service';
    const limits = 'MemoryMax=1G\nMemoryHigh=512M\nCPUQuota=50%\n';
    await musterctl('start', cli().unitFile(name, `${simple}${limits}`));
    await cli().cluster.withdraw(name, m2);
    await cli().cluster.assign(name, m1);
    const muster = '   Muster: its machine keeps for it: MemoryHigh=512M, CPUQuota=50%\n';
    expect((await musterctl('status', name)).out).toBe(`${shown(name)}${muster}`);
  });

  test('of one that flaps, and was tried elsewhere before, says so', async () => {
    const { cluster } = cli();
    const name = 'weak.service';
    await musterctl('start', cli().unitFile(name, `${simple}[X-Fleet]\nReschedule=on-failure\n`));
    await cluster.withdraw(name, m2);
    cluster.report(await cluster.assign(name, m1), { flapping: 12 });
    await cluster.noteFailures(name, { attempts: 2, machines: [m1, m2] });
    const muster = [
      '   Muster: flapping, restarted 12 times in 10 min\n',
      '   Muster: attempt 2 of 5 after it failed on 1234abcd, 5678abcd\n',
    ].join('');
    expect((await musterctl('status', name)).out).toBe(`${shown(name)}${muster}`);
    expect((await cli().fleetctl('status', name)).out).toBe(shown(name));
    const { out } = await musterctl('status', '-o', 'json', name);
    const failures = { attempts: 2, limit: 5, isExhausted: false, machines: [m1, m2] };
    expect(JSON.parse(out)).toMatchObject([{ failures }]);
  });

  test('of several the worst counts', async () => {
    await musterctl(
      'start',
      cli().unitFile('bad.service', `${simple}[X-Fleet]\nMachineID=${m1}\n`),
    );
    const { cluster } = cli();
    await cluster.withdraw('bad.service', m2);
    await cluster.assign('bad.service', m1);
    cli().actives.set('bad.service', 'failed');
    const both = `${shown('web.service')}\n● bad.service\n   Active: failed\n`;
    expect(await musterctl('status', 'web', 'bad')).toEqual({ status: 3, out: both, err: '' });
    const err = 'Unit none.service does not exist.\n';
    expect(await musterctl('status', 'bad', 'none', 'web')).toMatchObject({ status: 4, err });
  });

  test('of one that is nowhere', async () => {
    await musterctl('unload', 'web');
    const err = 'Unit web.service does not appear to be loaded.\n';
    expect(await musterctl('status', 'web')).toEqual({ status: 3, out: '', err });
    expect(await cli().fleetctl('status', 'web')).toEqual({ status: 1, out: '', err });
    expect((await cli().fleetctl('status', 'none')).status).toBe(1);
  });

  test('of a global unit, on all machines or on one', async () => {
    await musterctl('start', cli().unitFile('all.service', global));
    expect(await musterctl('status', 'all')).toEqual({
      status: 4,
      out: shown('all.service'),
      err: `Unit all.service: machine ${m2} (host-56) has no TCP listener, so it can only be asked there\n`,
    });
    const close = await openSecond();
    expect(await musterctl('status', 'all')).toEqual(
      ok(`${shown('all.service')}\n● all.service on m2\n   Active: active (running)\n`),
    );
    expect(await musterctl('status', 'all', '--machine', 'host-56')).toEqual(
      ok('● all.service on m2\n   Active: active (running)\n'),
    );
    await close();
  });

  test('of a cluster that is not known: the machine that was asked says how it stands', async () => {
    cli().cluster.store.wipe();
    const said = await until('the store to be distrusted', async () => {
      const ended = await musterctl('status');
      return ended.status !== 0 && ended;
    });
    expect(said).toMatchObject({ status: 3, out: '' });
    expect(said.err).toMatch(/^Machine 1234abcd: as it stands\nerror: the store is not trusted: /);
  });

  test('of a cluster that cannot be reached is not known: 4 for a unit, 3 for the cluster', async () => {
    cli().cluster.store.outage(true);
    const err = 'error: the store does not answer (an outage was asked for)\n';
    expect(await musterctl('status', 'web')).toEqual({ status: 4, out: '', err });
    await cli().server.close();
    expect((await musterctl('status', 'web')).status).toBe(4);
    expect((await musterctl('status', 'web', '-o', 'json')).status).toBe(4);
    expect((await musterctl('status')).status).toBe(3);
  });
});

describe('journal', () => {
  test('of a unit, wherever it is', async () => {
    expect(await musterctl('journal', 'web')).toEqual(
      ok('web.service {"lines":10,"follow":false,"since":null,"output":"short"}\n'),
    );
    const times = ['--since', '1 hour ago', '--until=2026-01-02 03:04:05.5'];
    expect(await musterctl('journal', '-n', 'all', ...times, 'web')).toEqual(
      ok(
        'web.service {"lines":null,"follow":false,"since":"1 hour ago","until":"2026-01-02 03:04:05.5","output":"short"}\n',
      ),
    );
    expect(await musterctl('journal', '--grep', 'a|b c', '--since=@5', '-o', 'cat', 'web')).toEqual(
      ok('web.service {"lines":null,"follow":false,"since":"@5","grep":"a|b c","output":"cat"}\n'),
    );
    expect((await musterctl('journal', '-g', 'x', '-n', '3', 'web')).out).toContain('"lines":3,');
  });

  test.each<[string[], number, string]>([
    [['none'], 1, 'error: unit "none.service" does not exist\n'],
    [
      ['-n', 'x', 'web'],
      2,
      "error: option '-n, --lines <n>' argument 'x' is invalid. It must be a whole number, 0 or more.\n",
    ],
    [
      ['--since', '$(x)', 'web'],
      1,
      'error: since "$(x)" is not a time as journalctl(1) takes it\n',
    ],
    [['--until', '\n', 'web'], 1, 'error: until "\\n" is not a time as journalctl(1) takes it\n'],
    [['--grep', '', 'web'], 1, 'error: grep must be 1 to 512 printable characters\n'],
    [['-f', 'none'], 1, 'error: unit "none.service" does not exist\n'],
    [['--machine', 'zzzz', 'web'], 1, 'error: no machine is "zzzz"\n'],
  ])('%j ends with %d', async (args, status, err) => {
    expect(await musterctl('journal', ...args)).toEqual({ status, out: '', err });
  });

  test('of a unit on several machines wants one named', async () => {
    await musterctl('start', cli().unitFile('all.service', global));
    const err = `error: unit all.service is on 2 machines, choose one with --machine:
  ${m1}  host-12  10.0.0.1
  ${m2}  host-56  10.0.0.2
`;
    expect(await musterctl('journal', 'all')).toEqual({ status: 1, out: '', err });
    expect(await musterctl('journal', '-f', 'all')).toEqual({ status: 1, out: '', err });
    expect((await musterctl('journal', 'all', '--machine', '10.0.0.1')).status).toBe(0);
  });
});

describe('journal -f', () => {
  const follow = (...args: string[]): Following => new Following(cli(), ['journal', '-f', ...args]);

  test('ends with Ctrl-C', async () => {
    const following = follow('web');
    await following.until('web.service');
    expect(await following.interrupt()).toBe(0);
    expect(following.err).toBe('');
  });

  test('goes along when the unit moves, and shows what was logged meanwhile', async () => {
    const { cluster } = cli();
    const close = await openSecond();
    const following = follow('-n', '3', 'web');
    await following.until('"lines":3');
    await cluster.withdraw('web.service', m1);
    await cluster.assign('web.service', m2);
    await following.until('on m2');
    expect(await following.interrupt()).toBe(0);
    expect(following.err).toBe(`-- web.service is on ${m2} now --\n`);
    expect(following.out).toMatch(/^web\.service .*\nweb\.service on m2 null -\d+s\n$/);
    await close();
  });

  test('goes on when musterd comes back, and says so once', async () => {
    const following = follow('-n', '3', 'web', '--machine', m1);
    await following.until('"lines":3');
    await cli().restartServer(() => following.until('trying again'));
    await following.until('"lines":null');
    expect(await following.interrupt()).toBe(0);
    // How the end looks depends on which part of musterd ends first.
    expect(following.err).toMatch(/^-- .*(?:was cut|ended); trying again --\n$/);
    expect(following.out).toMatch(/^web\.service .*\nweb\.service {"lines":null,.*"since":"-\d+s"/);
  });
});
