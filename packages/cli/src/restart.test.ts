import { clock, m1, m2, simple, useCliCluster } from './testing/cli-cluster.ts';
import type { Ended } from './testing/cli-cluster.ts';

const cli = useCliCluster();
const musterctl = (...args: string[]): Promise<Ended> => cli().musterctl(...args);
const ok = (out: string, err = ''): Ended => ({ status: 0, out, err });
const failed = (err: string): Ended => ({ status: 1, out: '', err });

beforeEach(async () => {
  cli().unitFile('all.service', `${simple}[X-Fleet]\nGlobal=true\n`);
  cli().unitFile('web@.service', simple);
  await musterctl('start', 'all.service', 'web@{1..3}');
});

/** Restarts of a unit, as each machine has been told: of `web@1` on m1 first. */
const restarts = async (unit: string): Promise<string> => {
  const found = await cli().cluster.unit(unit);
  const own = [m1, m2].map((id) => found?.perMachine?.[id]?.restarts ?? 0);
  return [found?.restarts, ...own].join(' ');
};

test('a unit is restarted wherever it is', async () => {
  expect(await musterctl('restart', 'all')).toEqual(
    ok('Unit all.service launched on 2 machines\n'),
  );
  expect(await restarts('all.service')).toBe('1 0 0');
  expect((await musterctl('restart', 'web@*')).out.split('\n')).toHaveLength(4);
});

test.each([
  ['its id', m2],
  ['the beginning of it', '5678'],
  ['its host name', 'host-56'],
  ['its address', '10.0.0.2'],
])('on one machine, named by %s', async (_, machine) => {
  expect(await musterctl('restart', 'all', '--machine', machine)).toEqual(
    ok('Unit all.service launched on 5678abcd.../10.0.0.2\n'),
  );
  expect(await restarts('all.service')).toBe('0 0 1');
});

test('on several, and of a pattern those that are there', async () => {
  const two = ['--machine', '1234', '--machine', '5678'];
  expect(await musterctl('restart', 'all', ...two)).toEqual(
    ok('Unit all.service launched on 2 machines\n'),
  );
  expect(await restarts('all.service')).toBe('0 1 1');
  const onM1 = (await cli().cluster.unit('web@1.service'))?.name;
  expect(onM1).toBe('web@1.service');
  const { status, out, err } = await musterctl('restart', 'web@*', '--machine', '1234');
  expect({ status, err }).toEqual({ status: 0, err: '' });
  const told = out.trim().split('\n');
  expect(told.length).toBeLessThan(3);
  expect(told.every((line) => line.endsWith(' launched on 1234abcd.../10.0.0.1'))).toBe(true);
});

test('a failure on another machine is not in the way', async () => {
  const { cluster } = cli();
  cluster.behaviour = null;
  cluster.report(await cluster.assign('all.service', m1), { activeState: 'failed' });
  const restarting = musterctl('restart', 'all', '--machine', m2);
  while ((await restarts('all.service')) === '0 0 0') {
    await clock.sleep(5, new AbortController().signal);
  }
  cluster.report(await cluster.assign('all.service', m2));
  expect(await restarting).toEqual(ok('Unit all.service launched on 5678abcd.../10.0.0.2\n'));
});

test('where it is not it cannot be restarted, and the others are', async () => {
  await musterctl('destroy', 'web@2', 'web@3');
  const machine = (await cli().musterctl('list-units', '-o', 'json', 'web@1')).out;
  const other = machine.includes(m1) ? m2 : m1;
  expect(await musterctl('restart', 'web@1', 'all', 'none', '--machine', other)).toEqual({
    status: 1,
    out: `Unit all.service launched on ${other.slice(0, 8)}.../${other === m1 ? '10.0.0.1' : '10.0.0.2'}\n`,
    err: `Unit none.service does not exist.
Unit web@1.service is not on ${other}
error: 2 of the arguments could not be done
`,
  });
  expect((await musterctl('restart', 'all', '--machine', '9'.repeat(32))).err).toContain(
    `Unit all.service is not on ${'9'.repeat(32)}\n`,
  );
});

test('a machine that is none', async () => {
  expect(await musterctl('restart', 'all', '--machine', 'zzzz')).toEqual(
    failed('error: no machine is "zzzz"\n'),
  );
});

test('a unit that is not launched', async () => {
  await musterctl('stop', 'all');
  const one = ['restart', 'all', '--machine', m1];
  expect(await musterctl(...one)).toEqual(
    failed(`Unable to restart unit all.service in state loaded on single machines; start runs it wherever it is
error: 1 of the arguments could not be done
`),
  );
  expect(await musterctl('restart', 'all')).toEqual(
    ok('Unit all.service launched on 2 machines\n'),
  );
  await musterctl('unload', 'all');
  for (const args of [one, ['restart', 'all']]) {
    expect(await musterctl(...args)).toEqual(
      failed(`Unable to restart unit all.service in state inactive
error: 1 of the arguments could not be done
`),
    );
  }
});
