import { clock, m1, m2, simple, useCliCluster } from './testing/cli-cluster.ts';
import { Following } from './testing/following.ts';

const cli = useCliCluster();
const watch = (...args: string[]): Following => new Following(cli(), ['list-units', '-w', ...args]);
const running = 'web.service  1234abcd.../10.0.0.1  active  running  -\n';
const failed = { activeState: 'failed', subState: 'failed', result: 'exit-code' };

beforeEach(async () => {
  await cli().musterctl('start', cli().unitFile('web.service', simple));
});

test('the table once, then the rows that change, those that come and those that go', async () => {
  const { cluster } = cli();
  const watching = watch();
  await watching.until(running);
  cluster.report(await cluster.assign('web.service', m1), failed);
  await watching.until('failed  failed');
  await cli().musterctl('start', cli().unitFile('other.service', simple));
  await watching.until('other.service');
  await cluster.withdraw('web.service', m1);
  await watching.until('gone');
  expect(await watching.interrupt()).toBe(0);
  expect(watching.err).toBe('');
  expect(watching.out).toBe(`UNIT         MACHINE               ACTIVE  SUB      FAILURE
${running}web.service  1234abcd.../10.0.0.1  failed  failed  exit-code
other.service  5678abcd.../10.0.0.2  active  running  -
web.service    -                     pending  -        there is no leader, and nothing is placed until there is one
web.service    1234abcd.../10.0.0.1  -        gone     -
`);
});

test('only what is asked for', async () => {
  const { cluster } = cli();
  await cli().musterctl('start', cli().unitFile('other.service', simple));
  const watching = watch('--no-legend', '--state', 'failed', '--all');
  cluster.report(await cluster.assign('other.service', m2));
  cluster.report(await cluster.assign('web.service', m1), failed);
  await watching.until('web.service');
  cluster.report(await cluster.assign('web.service', m1));
  await watching.until('gone');
  expect(await watching.interrupt()).toBe(0);
  expect(watching.out).not.toContain('other');
});

test('-o json: an object a line, and of one that is gone its names', async () => {
  const { cluster } = cli();
  const watching = watch('-o', 'json');
  await watching.until('"running"');
  cluster.report(await cluster.assign('web.service', m1), failed);
  await watching.until('"exit-code"');
  await cluster.withdraw('web.service', m1);
  await watching.until('gone');
  expect(await watching.interrupt()).toBe(0);
  const objects = watching.out
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  const web = { unit: 'web.service', machine: m1 };
  expect(objects).toMatchObject([
    { ...web, activeState: 'active' },
    { ...web, activeState: 'failed' },
    { ...web, activeState: null, subState: 'gone' },
  ]);
});

test('musterd is started again: it is told, and what changed meanwhile is shown', async () => {
  const { cluster } = cli();
  const watching = watch();
  await watching.until(running);
  await cli().restartServer(async () => {
    await watching.until('trying again');
    cluster.report(await cluster.assign('web.service', m1), failed);
  });
  await watching.until('failed  failed');
  expect(await watching.interrupt()).toBe(0);
  expect(watching.err).toMatch(
    /^cannot reach musterd at unix:\S+: [^\n]*; trying again\nmusterd answers again\n$/,
  );
});

test('a cluster that is not there at first is an error', async () => {
  await cli().server.close();
  expect(await cli().musterctl('list-units', '-w')).toMatchObject({ status: 3, out: '' });
});

test('nothing changes: nothing is written, and there is one request at a time', async () => {
  const watching = watch('--debug');
  await watching.until(running);
  await clock.sleep(1500, new AbortController().signal);
  const requests = watching.err.split('\n').filter((line) => line.includes('/v1/states'));
  expect(requests).toHaveLength(1);
  expect(watching.out.split('\n')).toHaveLength(3);
  expect(await watching.interrupt()).toBe(0);
});

test('on a terminal the table is written anew in place', async () => {
  const { cluster } = cli();
  const watching = new Following(cli(), ['list-units', '-w'], true);
  const active = '\x1b[32mactive\x1b[0m';
  await watching.until(active);
  cluster.report(await cluster.assign('web.service', m1), failed);
  await watching.until('\x1b[31mfailed');
  await cli().server.close();
  await watching.until('trying again');
  expect(await watching.interrupt()).toBe(0);
  const header = (sub: string): string =>
    `\r\x1b[2KUNIT         MACHINE               ACTIVE  ${sub}  FAILURE\r\n`;
  const row = (state: string): string => `\r\x1b[2Kweb.service  1234abcd.../10.0.0.1  ${state}\r\n`;
  const first = `\x1b[?7l${header('SUB    ')}${row(`${active}  running  -`)}\x1b[J\x1b[?7h`;
  const failedRow = row('\x1b[31mfailed\x1b[0m  failed  exit-code');
  const second = `\x1b[2A\x1b[?7l${header('SUB   ')}${failedRow}\x1b[J\x1b[?7h`;
  expect(watching.out.slice(0, first.length + second.length)).toBe(first + second);
  expect(watching.out.slice(first.length + second.length)).toContain('trying again\r\n');
});
