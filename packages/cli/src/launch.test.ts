import { m1, m2, simple, useCliCluster } from './testing/cli-cluster.ts';
import type { Ended } from './testing/cli-cluster.ts';

const cli = useCliCluster();
const musterctl = (...args: string[]): Promise<Ended> => cli().musterctl(...args);
const unitFile = (name: string, text: string): string => cli().unitFile(name, text);
const ok = (out: string, err = ''): Ended => ({ status: 0, out, err });
const changed = `${simple}Restart=always\n`;

const startsOf = async (unit: string): Promise<unknown> =>
  (await cli().cluster.unit(unit))?.perMachine ?? null;

describe('start of a unit that is launched already', () => {
  test('one that failed is started again, once for each that asks', async () => {
    const { cluster } = cli();
    unitFile('web.service', simple);
    cluster.behaviour = () => 'fails';
    expect((await musterctl('start', 'web.service')).status).toBe(1);
    expect(await startsOf('web.service')).toBeNull();
    expect((await musterctl('start', 'web')).status).toBe(1);
    expect(await startsOf('web.service')).toEqual({ [m1]: { restarts: 0, starts: 1 } });
    cluster.behaviour = () => 'runs';
    expect(await musterctl('start', 'web')).toEqual(
      ok('Unit web.service launched on 1234abcd.../10.0.0.1\n'),
    );
    expect(await startsOf('web.service')).toEqual({ [m1]: { restarts: 0, starts: 2 } });
    expect((await musterctl('start', 'web')).status).toBe(0);
    expect(await startsOf('web.service')).toEqual({ [m1]: { restarts: 0, starts: 2 } });
  });

  test('a global one only where it failed', async () => {
    const { cluster } = cli();
    unitFile('all.service', `${simple}[X-Fleet]\nGlobal=true\n`);
    await musterctl('start', 'all.service');
    cluster.report(await cluster.assign('all.service', m2), {
      activeState: 'failed',
      subState: 'failed',
      result: 'exit-code',
    });
    expect(await musterctl('start', 'all')).toEqual(
      ok('Unit all.service launched on 2 machines\n'),
    );
    expect(await startsOf('all.service')).toEqual({ [m2]: { restarts: 0, starts: 1 } });
  });

  test('one that has run to its end is not run again, which is told', async () => {
    unitFile('once.service', '[Service]\nType=oneshot\nExecStart=/bin/true\n');
    expect(await musterctl('start', 'once.service')).toEqual(
      ok('Unit once.service launched on 1234abcd.../10.0.0.1\n'),
    );
    expect(await musterctl('start', 'once')).toEqual(
      ok(
        'Unit once.service launched on 1234abcd.../10.0.0.1 (it has run already; restart runs it again)\n',
      ),
    );
    expect(await startsOf('once.service')).toBeNull();
  });

  test('patterns stand for what can be started: a template cannot', async () => {
    unitFile('web@.service', simple);
    await musterctl('submit', 'web@.service');
    expect(await musterctl('start', 'web@*')).toEqual({
      status: 1,
      out: '',
      err: 'error: no unit matches "web@*"\n',
    });
    await musterctl('start', 'web@1');
    expect(await musterctl('start', 'web@*')).toEqual(
      ok('Unit web@1.service launched on 1234abcd.../10.0.0.1\n'),
    );
  });
});

describe('--replace', () => {
  test('submit: the unit stays as wanted as it was', async () => {
    unitFile('web.service', simple);
    await musterctl('submit', 'web.service');
    expect(await musterctl('submit', '--replace', 'web.service')).toEqual(
      ok('Unit web.service unchanged\n'),
    );
    unitFile('web.service', changed);
    expect(await musterctl('submit', '--replace', 'web.service')).toEqual(
      ok('Unit web.service replaced\n'),
    );
    await musterctl('start', 'web.service');
    unitFile('web.service', simple);
    expect(await musterctl('submit', '--replace', 'web.service')).toEqual(
      ok('Unit web.service replaced; it is launched, and restarted with the new content\n'),
    );
    expect(await cli().cluster.unit('web.service')).toMatchObject({ desiredState: 'launched' });
  });

  test('start: content that is there already is told', async () => {
    unitFile('web.service', simple);
    const launched = 'Unit web.service launched on 1234abcd.../10.0.0.1\n';
    expect(await musterctl('start', '--replace', 'web.service')).toEqual(ok(launched));
    expect(await musterctl('start', '--replace', 'web.service')).toEqual(
      ok(`Unit web.service has this content already\n${launched}`),
    );
    unitFile('web.service', changed);
    expect(await musterctl('start', '--replace', 'web.service')).toEqual(ok(launched));
    expect(await musterctl('cat', 'web')).toEqual(ok(changed));
  });

  test('load does not stop what is launched on the way', async () => {
    unitFile('web.service', simple);
    unitFile('other.service', simple);
    await musterctl('start', 'web.service');
    unitFile('web.service', changed);
    expect(await musterctl('load', '--replace', 'web.service', 'other.service')).toEqual({
      status: 1,
      out: '',
      err: `Unit web.service is launched, and load would stop it: use start --replace, or stop it first
error: nothing was stored
`,
    });
    expect(await cli().cluster.unitNames()).toEqual(['web.service']);
    expect(await musterctl('cat', 'web')).toEqual(ok(simple));
    await musterctl('stop', 'web');
    expect(await musterctl('load', '--replace', 'web.service')).toEqual(
      ok('Unit web.service loaded on 1234abcd.../10.0.0.1\n'),
    );
    expect(await musterctl('cat', 'web')).toEqual(ok(changed));
  });

  test('instances follow the template beside the path that names them', async () => {
    unitFile('units/web@.service', simple);
    await musterctl('start', 'units/web@1');
    unitFile('units/web@.service', changed);
    expect((await musterctl('start', 'units/web@1')).err).toContain(
      '"web@.service" exists with other content',
    );
    expect((await musterctl('start', '--replace', 'units/web@1')).status).toBe(0);
    expect(await musterctl('cat', 'web@1')).toEqual(ok(changed));
    expect(await musterctl('cat', 'web@')).toEqual(ok(changed));
  });

  test('without a path they follow the template of the cluster, when told so', async () => {
    unitFile('web@.service', simple);
    await musterctl('start', 'web@1');
    unitFile('web@.service', changed);
    await musterctl('submit', '--replace', 'web@.service');
    cli().unitFile('elsewhere/x', '');
    const inCluster = (...args: string[]) => musterctl(...args);
    expect(await inCluster('cat', 'web@1')).toEqual(ok(simple));
    expect((await inCluster('start', '--replace', 'web@1')).status).toBe(0);
    expect(await inCluster('cat', 'web@1')).toEqual(ok(changed));
  });

  test.each<[string[], string]>([
    [
      ['start', '--replace', 'none'],
      '--replace: there is no file none.service to replace the unit with',
    ],
    [
      ['submit', 'a/web.service', 'b/web.service'],
      'a/web.service and b/web.service are both the unit web.service',
    ],
    [
      ['start', 'a/web@1', 'b/web@2'],
      'a/web@.service and b/web@.service are both the unit web@.service',
    ],
  ])('%j is refused', async (args, message) => {
    for (const directory of ['a', 'b']) {
      unitFile(`${directory}/web.service`, simple);
      unitFile(`${directory}/web@.service`, simple);
    }
    expect(await musterctl(...args)).toEqual({ status: 2, out: '', err: `error: ${message}\n` });
    expect(await cli().cluster.unitNames()).toEqual([]);
  });
});

test('of several units one that others keep changing does not hold up the rest', async () => {
  const { cluster } = cli();
  unitFile('busy.service', simple);
  unitFile('web.service', simple);
  await musterctl('submit', 'busy.service', 'web.service');
  cluster.beforeWrite = () => cluster.touch('busy.service');
  expect(await musterctl('start', 'busy', 'web')).toEqual({
    status: 1,
    out: 'Unit web.service launched on 1234abcd.../10.0.0.1\n',
    err: 'error: others are changing busy.service; try again\n',
  });
  expect(await musterctl('restart', 'busy', 'web')).toEqual({
    status: 1,
    out: 'Unit web.service launched on 1234abcd.../10.0.0.1\n',
    err: `Unable to restart unit busy.service in state inactive
error: 1 of the arguments could not be done
`,
  });
});
