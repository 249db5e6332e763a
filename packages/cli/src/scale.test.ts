import { m1, m2, simple, useCliCluster } from './testing/cli-cluster.ts';
import type { Ended } from './testing/cli-cluster.ts';

const cli = useCliCluster();
const musterctl = (...args: string[]): Promise<Ended> => cli().musterctl(...args);
const lines = (...each: string[]): string => each.map((line) => `${line}\n`).join('');
const on1 = 'launched on 1234abcd.../10.0.0.1';
const on2 = 'launched on 5678abcd.../10.0.0.2';

beforeEach(() => {
  cli().unitFile('units/web@.service', simple);
});
const scaled = async (): Promise<string[]> =>
  (await cli().cluster.unitNames()).filter((name) => name !== 'web@.service');

test('starts what is missing, from a file and by name, and then nothing', async () => {
  expect(await musterctl('scale', 'units/web@', '2')).toEqual({
    status: 0,
    out: lines(`Unit web@1.service ${on1}`, `Unit web@2.service ${on2}`),
    err: '',
  });
  expect(await musterctl('scale', 'web@.service', '3')).toEqual({
    status: 0,
    out: lines(`Unit web@3.service ${on1}`),
    err: '',
  });
  expect(await musterctl('scale', 'web@', '3')).toEqual({
    status: 0,
    out: '',
    err: 'web@.service has 3 instances already\n',
  });
});

test('removes the highest first, and not without being told to', async () => {
  await musterctl('scale', 'units/web@', '3');
  await musterctl('start', 'web@blue');
  const refused = await musterctl('scale', 'web@', '1');
  expect(refused).toEqual({
    status: 2,
    out: '',
    err: lines(
      'Unit web@3.service is one too many',
      'Unit web@2.service is one too many',
      'error: there is no terminal to ask on: say --yes if you mean it',
    ),
  });
  expect(await scaled()).toHaveLength(4);
  expect(await musterctl('scale', '--yes', 'web@', '1')).toMatchObject({
    status: 0,
    out: lines('Destroyed web@3.service', 'Destroyed web@2.service'),
  });
  expect(await scaled()).toEqual(['web@1.service', 'web@blue.service']);
});

test('--dry-run says what would become of it, and changes nothing', async () => {
  await musterctl('scale', 'units/web@', '2');
  const before = cli().cluster.store.revision;
  expect(await musterctl('scale', '--dry-run', 'web@', '3')).toEqual({
    status: 0,
    out: lines('Unit web@3.service would go to 1234abcd.../10.0.0.1: least loaded'),
    err: '',
  });
  expect(await musterctl('scale', '--dry-run', 'web@', '1')).toEqual({
    status: 0,
    out: lines('Unit web@2.service would be destroyed'),
    err: '',
  });
  expect(cli().cluster.store.revision).toBe(before);
});

test('new ones may need the places of old ones', async () => {
  const alone = `${simple}[X-Fleet]\nConflicts=one@*\nMachineMetadata=region=eu\n`;
  cli().unitFile('one@.service', alone);
  await musterctl('start', 'one@2');
  expect(await musterctl('scale', '--dry-run', 'one@', '1')).toMatchObject({
    status: 0,
    out: lines(
      'Unit one@2.service would be destroyed',
      'Unit one@1.service would go to 1234abcd.../10.0.0.1: least loaded',
    ),
  });
  expect(await musterctl('scale', '--yes', 'one@', '1')).toMatchObject({
    status: 0,
    out: lines('Destroyed one@2.service', `Unit one@1.service ${on2}`),
  });
});

test.each([
  [['web.service', '2'], 2, 'error: "web.service" is no template: scale takes one such as web@\n'],
  [['web@', 'two'], 2, 'whole number'],
  [['web@', '-1'], 2, 'error'],
  [['nowhere@', '1'], 1, 'nowhere@1.service'],
])('scale %j makes no sense', async (args, status, message) => {
  const ended = await musterctl('scale', ...args);
  expect(ended).toMatchObject({ status, out: '', err: expect.stringContaining(message) });
});

describe('status of a template', () => {
  test('is one line for all its instances', async () => {
    await musterctl('scale', 'units/web@', '2');
    expect(await musterctl('status', 'web@')).toEqual({
      status: 0,
      out: 'web@.service: 2 of 2 instances are active, on 2 machines\n',
      err: '',
    });
    const { cluster } = cli();
    await cluster.withdraw('web@1.service', m1);
    cluster.report(await cluster.assign('web@2.service', m2), {
      activeState: 'failed',
      result: 'exit-code',
    });
    expect(await musterctl('status', 'web@')).toEqual({
      status: 3,
      out: 'web@.service: 0 of 2 instances are active; 1 failed; 1 pending (there is no leader, and nothing is placed until there is one)\n',
      err: '',
    });
  });
});
