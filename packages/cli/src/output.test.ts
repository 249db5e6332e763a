import { m1, simple, useCliCluster } from './testing/cli-cluster.ts';
import type { Ended } from './testing/cli-cluster.ts';

const cli = useCliCluster();
const musterctl = (...args: string[]): Promise<Ended> => cli().musterctl(...args);
const ok = (out: string, err = ''): Ended => ({ status: 0, out, err });
const first = [{ id: m1, address: '10.0.0.1' }];

function lines(text: string): unknown[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
}

beforeEach(() => {
  cli().unitFile('web.service', simple);
});

test('verbs that change units print an object for each as json', async () => {
  const submitted = await musterctl('submit', '-o', 'json', 'web.service');
  expect(lines(submitted.out)).toEqual([{ unit: 'web.service', result: 'created' }]);
  const started = await musterctl('start', '-o', 'json', 'web.service');
  expect(started).toMatchObject({ status: 0, err: '' });
  expect(lines(started.out)).toEqual([
    { unit: 'web.service', result: 'launched', machines: first },
  ]);
  const stopped = await musterctl('stop', '--no-block', '-o', 'json', 'web', 'none');
  expect(stopped).toMatchObject({
    status: 1,
    err: 'error: 1 of the arguments could not be done\n',
  });
  expect(lines(stopped.out)).toEqual([
    { unit: 'none.service', result: 'missing' },
    { unit: 'web.service', result: 'triggered' },
  ]);
  const destroyed = await musterctl('destroy', '-o', 'json', 'web');
  expect(lines(destroyed.out)).toEqual([
    { unit: 'web.service', result: 'destroyed', machines: [] },
  ]);
});

test('what went wrong is told as json as well', async () => {
  cli().unitFile('bad.service', '[Service]\nExecStart=/bin/false\n');
  cli().unitFile('far.service', `${simple}[X-Fleet]\nMachineMetadata=at=nowhere\n`);
  const started = await musterctl(
    'start',
    '-o',
    'json',
    '--timeout',
    '0.2',
    'bad.service',
    'far.service',
  );
  expect(started.status).toBe(1);
  expect(lines(started.out)).toEqual([
    { unit: 'bad.service', result: 'failed', machine: m1, reason: 'it failed (exit-code)' },
    {
      unit: 'far.service',
      result: 'pending',
      reason:
        'no machine can take it: 2 machines: MachineMetadata wants at=nowhere, the machine has no at',
    },
  ]);
  await musterctl('unload', 'bad');
  const stopped = await musterctl('stop', '-o', 'json', 'bad');
  expect(lines(stopped.out)).toEqual([
    { unit: 'bad.service', result: 'refused', reason: 'it is inactive' },
  ]);
});

test('as yaml and as names', async () => {
  cli().unitFile('api.service', simple);
  expect(await musterctl('submit', '-o', 'yaml', 'web.service', 'api.service')).toEqual(
    ok('- unit: web.service\n  result: created\n- unit: api.service\n  result: created\n'),
  );
  expect(await musterctl('start', '-o', 'name', 'web')).toEqual(ok('web.service\n'));
  expect(await musterctl('stop', '-o', 'name', 'web', 'none')).toEqual({
    status: 1,
    out: 'web.service\n',
    err: 'Unit none.service does not exist.\nerror: 1 of the arguments could not be done\n',
  });
});

test('a unit file as data', async () => {
  await musterctl('submit', 'web.service');
  expect(JSON.parse((await musterctl('cat', '-o', 'json', 'web')).out)).toEqual({
    name: 'web.service',
    hash: expect.stringMatching(/^[0-9a-f]{40}$/),
    options: [{ section: 'Service', name: 'ExecStart', value: '/bin/sleep 1' }],
  });
  expect((await musterctl('cat', '-o', 'yaml', 'web')).out).toMatch(/^name: web\.service\nhash: /);
});

test('status as data', async () => {
  await musterctl('start', 'web.service');
  const cluster = await musterctl('status', '-o', 'json');
  expect(JSON.parse(cluster.out)).toMatchObject({ counts: { machines: 2 } });
  const unit = await musterctl('status', '-o', 'json', 'web', 'none');
  expect({ status: unit.status, err: unit.err }).toEqual({
    status: 4,
    err: 'Unit none.service does not exist.\n',
  });
  expect(JSON.parse(unit.out)).toMatchObject([
    { name: 'web.service', states: [{ machine: m1, activeState: 'active' }] },
  ]);
});

test('the version as data', async () => {
  expect(await musterctl('version', '-o', 'json')).toEqual(ok('{\n  "version": "1.2.3"\n}\n'));
});
