import type { ClusterSnapshot } from '@muster/core';
import { ApiGround, askAt, here } from '../testing/ground.ts';
import type { Answer, Sent } from '../testing/ground.ts';

const there = 'b'.repeat(32);
const options = [{ section: 'Service', name: 'ExecStart', value: '/bin/sleep 3000' }];
const hash = '7dc08eb00f0c705e84a61e030d98e8cc3c994954';
const everywhere = [...options, { section: 'X-Fleet', name: 'Global', value: 'true' }];
const json = 'application/json';

let ground: ApiGround;
beforeEach(async () => {
  ground = await ApiGround.open({ fleetTokenLimit: 2 });
});
afterEach(() => ground.close());

async function get(path: string): Promise<unknown> {
  const answer = await ground.ask('GET', path);
  expect(answer).toMatchObject({ status: 200, headers: { 'content-type': json } });
  return JSON.parse(answer.text);
}

const put = (name: string, body: object): Promise<Answer> =>
  ground.ask('PUT', `/fleet/v1/units/${encodeURIComponent(name)}`, { body });

async function refused(method: string, path: string, sent?: Sent): Promise<unknown> {
  const before = ground.cluster.store.revision;
  const answer = await ground.ask(method, path, sent);
  expect(ground.cluster.store.revision).toBe(before);
  if (method === 'HEAD') return answer.status;
  const { error } = JSON.parse(answer.text);
  expect(error.code).toBe(answer.status);
  return [answer.status, error.message];
}

/** Follows the pages of a list to its end. @returns the items of each page */
async function pages(
  path: string,
  field: string,
  between?: () => Promise<void>,
): Promise<unknown[][]> {
  const all: unknown[][] = [];
  let token: string | undefined;
  for (;;) {
    const glue = path.includes('?') ? '&' : '?';
    const page = await get(token === undefined ? path : `${path}${glue}nextPageToken=${token}`);
    const { nextPageToken, [field]: items = [] } = page as Record<string, unknown[]> & {
      nextPageToken?: string;
    };
    all.push(items);
    if (nextPageToken === undefined) return all;
    token = encodeURIComponent(nextPageToken);
    await between?.();
  }
}

describe.each(['/fleet/v1', '/v1-alpha'])('under %s', (prefix) => {
  test.each<[string, string, number, string]>([
    ['GET', '', 405, ''],
    ['PUT', '', 405, ''],
    ['GET', '/', 404, ''],
    ['GET', '/nothing', 404, ''],
    ['GET', '/units/', 404, ''],
    ['GET', '/units/a/b', 404, ''],
    ['GET', '/units/a%2Fb', 404, ''],
    ['GET', '/state/', 404, ''],
    ['GET', '/machines/x', 404, ''],
    ['GET', '/discovery/', 404, ''],
    ['POST', '/discovery', 400, 'only HTTP GET supported against this resource'],
    ['POST', '/machines', 405, 'only GET and PATCH supported against this resource'],
    ['DELETE', '/units', 405, 'only GET supported against this resource'],
    ['POST', '/units/a.service', 405, 'only GET, PUT and DELETE supported against this resource'],
    ['PUT', '/state', 405, 'only GET supported against this resource'],
    ['DELETE', '/state/a.service', 405, 'only GET supported against this resource'],
    ['GET', '/units/a.service', 404, 'unit does not exist'],
    ['GET', '/units/no-name', 404, 'unit does not exist'],
    ['DELETE', '/units/a.service', 404, 'unit does not exist'],
    ['DELETE', '/units/no-name', 404, 'unit does not exist'],
    ['GET', '/units/%zz', 400, `"${prefix}/units/%zz" is not properly percent-encoded`],
    ['GET', '/units?nextPageToken=', 400, 'EOF'],
    ['GET', '/units?nextPageToken=ZA==', 400, 'unexpected EOF'],
    ['GET', '/units?nextPageToken=AgA', 400, 'illegal base64 data at input byte 3'],
    ['GET', '/state?nextPageToken=ZAABAA==', 400, 'token limit must be 2'],
    ['GET', '/machines?nextPageToken=AgAAAA==', 400, 'token page must be greater than zero'],
    ['GET', '/units?nextPageToken=A&nextPageToken=B', 400, 'too many values for page token'],
  ])('%s %s is answered with %d %j', async (method, path, status, message) => {
    expect(await refused(method, `${prefix}${path}`)).toEqual([status, message]);
  });

  test.each(['/machines', '/units', '/units/a.service', '/state', '/state/a.service'])(
    'HEAD %s is not supported',
    async (path) => {
      expect(await refused('HEAD', `${prefix}${path}`)).toBe(405);
    },
  );

  test('the same resources are served', async () => {
    expect((await put('a.service', { options })).status).toBe(201);
    expect(await get(`${prefix}/units?alt=json`)).toEqual({
      units: [{ name: 'a.service', desiredState: 'inactive', currentState: 'inactive', options }],
    });
    expect(await get(`${prefix}/discovery`)).toMatchObject({ id: 'fleet:v1' });
  });

  test('a path with another spelling is sent on to the plain one', async () => {
    const { status, headers } = await ground.ask('GET', `${prefix}//x/../units/a%40%3f.b?alt=json`);
    expect([status, headers.location]).toEqual([301, `${prefix}/units/a%40%3F.b?alt=json`]);
  });
});

test('the root is not for anything', async () => {
  expect(await refused('GET', '/')).toEqual([405, '']);
});

test('an empty cluster has empty lists', async () => {
  await ground.cluster.removeMachine(here);
  for (const list of ['units', 'state', 'machines']) {
    expect(await get(`/fleet/v1/${list}`)).toEqual({});
  }
});

describe('PUT', () => {
  test('creates, updates and replaces', async () => {
    const made = await put('a.service', { name: 'a.service', options });
    expect(made).toMatchObject({ status: 201, text: '' });
    expect(made.headers['content-type']).toBeUndefined();
    expect(made.headers['server']).toBe('musterd/0.1.0');
    expect(await ground.cluster.fileHashes()).toEqual([hash]);
    const updated = await put('a.service', { desiredState: 'launched' });
    expect(updated).toMatchObject({ status: 204, text: '' });
    expect(updated.headers['content-type']).toBeUndefined();
    expect(await ground.cluster.unit('a.service')).toMatchObject({ desiredState: 'launched' });
    const before = await ground.cluster.unit('a.service');
    const more = [...options, { section: 'Service', name: 'Restart', value: 'always' }];
    expect((await put('a.service', { options: more })).status).toBe(201);
    expect(await ground.cluster.unit('a.service')).toMatchObject({
      desiredState: 'inactive',
      createRevision: before?.createRevision,
    });
    expect(await get('/fleet/v1/units/a.service')).toMatchObject({ options: more });
  });

  test('writes nothing when it is like that already', async () => {
    await put('a.service', { options, desiredState: 'loaded' });
    const before = ground.cluster.store.revision;
    expect((await put('a.service', { options, desiredState: 'loaded' })).status).toBe(204);
    expect(ground.cluster.store.revision).toBe(before);
  });

  test.each<[string, Sent, number, string]>([
    ['no content type', { body: '{}' }, 415, 'expected 1 Content-Type, got 0'],
    [
      'two content types',
      { body: '{}', headers: { 'content-type': [json, json] } },
      415,
      'expected 1 Content-Type, got 2',
    ],
    [
      'another content type',
      { body: '{}', headers: { 'content-type': 'text/json' } },
      415,
      'only acceptable Content-Type is application/json',
    ],
    ['no body', { headers: { 'content-type': json } }, 400, 'unable to decode body: EOF'],
    [
      'a body that is too large',
      { headers: { 'content-type': json, 'content-length': '99999999' } },
      413,
      'the body is larger than 8388608 bytes',
    ],
    ['a list', { body: [] }, 400, 'unable to decode body: the body must be an object'],
    [
      'a null option',
      { body: { options: [null] } },
      400,
      'unable to decode body: options[0] must be an object',
    ],
    [
      'another name',
      { body: { name: 'b.service', options } },
      400,
      'name in URL "a.service" differs from unit name in request body "b.service"',
    ],
    ['no options', { body: {} }, 409, 'unit does not exist and options field empty'],
    [
      'a desired state that is none',
      { body: { options, desiredState: 'running' } },
      400,
      'invalid desiredState "running": must be inactive, loaded, launched',
    ],
  ])('%s is refused', async (_what, sent, status, message) => {
    expect(await refused('PUT', '/fleet/v1/units/a.service', sent)).toEqual([status, message]);
  });

  test('parameters of the content type and the case of keys do not matter, nor do unknown keys', async () => {
    const headers = { 'content-type': 'Application/JSON; charset=utf-8' };
    const body = JSON.stringify({
      Name: 'a.service',
      OPTIONS: options,
      kind: 'x',
      desiredState: null,
    });
    const answer = await ground.ask('PUT', '/fleet/v1/units/a.service?alt=json', { headers, body });
    expect(answer.status).toBe(201);
  });

  test('what somebody else changes meanwhile is decided anew', async () => {
    await put('a.service', { options });
    let times = 2;
    ground.cluster.beforeWrite = async () => {
      if (times-- > 0) await ground.cluster.touch('a.service', { restart: true });
    };
    expect((await put('a.service', { desiredState: 'loaded' })).status).toBe(204);
    expect(await ground.cluster.unit('a.service')).toMatchObject({
      desiredState: 'loaded',
      restarts: 2,
    });
    ground.cluster.beforeWrite = () => ground.cluster.touch('a.service');
    const busy = await put('a.service', { desiredState: 'launched' });
    expect([busy.status, JSON.parse(busy.text).error.message]).toEqual([
      409,
      'unit "a.service" is being changed by others, try again',
    ]);
  });

  test('two that create the same unit at once: one does, the other finds it there', async () => {
    const answers = await Promise.all([
      put('a.service', { options }),
      put('a.service', { options }),
    ]);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201, 409]));
  });
});

test('DELETE destroys', async () => {
  await put('a.service', { options });
  expect(await ground.ask('DELETE', '/fleet/v1/units/a.service')).toMatchObject({
    status: 204,
    text: '',
  });
  expect(await ground.cluster.unitNames()).toEqual([]);
  expect(await get('/fleet/v1/units')).toEqual({});
});

test('names are percent-encoded', async () => {
  await put('a@1.service', { options });
  await ground.ask('PUT', '/fleet/v1/units/b%5Cx2d.service', { body: { options } });
  expect(await ground.cluster.unitNames()).toEqual(['a@1.service', 'b\\x2d.service']);
  expect(await get('/fleet/v1/units/a%401.service')).toMatchObject({ name: 'a@1.service' });
  expect(await get('/fleet/v1/units/a@1.service')).toMatchObject({ name: 'a@1.service' });
});

describe('what is shown', () => {
  beforeEach(() => ground.cluster.addMachine(there, null, { awaySince: 5 }));

  test('a unit: where it is and what has been reached', async () => {
    await put('a.service', { options, desiredState: 'launched' });
    const unit = { name: 'a.service', desiredState: 'launched', options };
    expect(await get('/fleet/v1/units/a.service')).toEqual({ ...unit, currentState: 'inactive' });
    expect(await get('/fleet/v1/state/a.service')).toEqual({});
    const assignment = await ground.cluster.assign('a.service', here);
    expect(await get('/fleet/v1/units/a.service')).toEqual({
      ...unit,
      currentState: 'inactive',
      machineID: here,
    });
    ground.cluster.report(assignment);
    const there_ = { ...unit, currentState: 'launched', machineID: here };
    expect(await get('/fleet/v1/units/a.service')).toEqual(there_);
    expect(await get('/fleet/v1/units')).toEqual({ units: [there_] });
    const state = {
      name: 'a.service',
      hash,
      machineID: here,
      systemdActiveState: 'active',
      systemdLoadState: 'loaded',
      systemdSubState: 'running',
    };
    expect(await get('/fleet/v1/state/a.service')).toEqual(state);
    expect(await get('/fleet/v1/state')).toEqual({ states: [state] });
  });

  test('a global unit has no current state by itself, and is inactive in the list', async () => {
    ground.cluster.behaviour = () => 'runs';
    await put('g.service', { options: everywhere, desiredState: 'launched' });
    const unit = { name: 'g.service', desiredState: 'launched', options: everywhere };
    expect(await get('/fleet/v1/units/g.service')).toEqual(unit);
    expect(await get('/fleet/v1/units')).toEqual({
      units: [{ ...unit, currentState: 'inactive' }],
    });
  });

  test('states by unit and machine, filtered by exact match', async () => {
    ground.cluster.behaviour = () => 'runs';
    await put('b.service', { options: everywhere, desiredState: 'launched' });
    await put('a.service', { options, desiredState: 'launched' });
    const seen = async (query: string): Promise<unknown[]> => {
      const all = (await pages(`/fleet/v1/state${query}`, 'states')).flat();
      return all.map((state) => Object(state)).map(({ name, machineID }) => [name, machineID[0]]);
    };
    expect(await seen('')).toEqual([
      ['a.service', 'a'],
      ['b.service', 'a'],
      ['b.service', 'b'],
    ]);
    expect(await seen(`?machineID=${there}&machineID=${here}`)).toEqual([['b.service', 'b']]);
    expect(await seen('?unitName=b.service')).toHaveLength(2);
    expect(await seen(`?unitName=a.service&machineID=${there}`)).toEqual([]);
    expect(await seen('?unitName=b')).toEqual([]);
    expect(await seen('?unitName=&machineID=')).toHaveLength(3);
  });

  test('a state with a hash that is none does without it', async () => {
    await put('a.service', { options, desiredState: 'launched' });
    ground.cluster.report(await ground.cluster.assign('a.service', here), { hash: '' });
    expect(await get('/fleet/v1/state/a.service')).not.toHaveProperty('hash');
  });

  test('of several states that of the holder counts', async () => {
    await put('a.service', { options, desiredState: 'launched' });
    const old = await ground.cluster.assign('a.service', here);
    ground.cluster.report(old, { activeState: 'failed' });
    ground.cluster.report(await ground.cluster.assign('a.service', there));
    await ground.cluster.assign('a.service', here);
    expect(await get('/fleet/v1/state/a.service')).toMatchObject({ machineID: there });
  });

  test('machines, also those that are away in order', async () => {
    expect(await get('/fleet/v1/machines')).toEqual({
      machines: [{ id: here, primaryIP: '10.0.0.1', metadata: { region: 'eu' } }, { id: there }],
    });
  });

  test('a unit whose content is missing is listed without options', async () => {
    ground.cluster.store.put(
      '/muster/unit/x.service',
      JSON.stringify({ hash, desiredState: 'loaded', restarts: 0, origin: { by: 'x' }, nonce: '' }),
    );
    const unit = { name: 'x.service', desiredState: 'loaded', currentState: 'inactive' };
    expect(await get('/fleet/v1/units/x.service')).toEqual(unit);
    expect(await get('/fleet/v1/units')).toEqual({ units: [unit] });
    expect((await put('x.service', { options, desiredState: 'loaded' })).status).toBe(204);
    expect(await get('/fleet/v1/units/x.service')).toEqual({ ...unit, options });
  });
});

describe('PATCH /machines', () => {
  const patch = (body: unknown): Promise<Answer> =>
    ground.ask('PATCH', '/fleet/v1/machines', { body: JSON.stringify(body) });

  test('sets and removes metadata, in either shape of a value', async () => {
    const answer = await patch([
      { op: 'add', path: `/${here}/metadata/disk`, value: 'ssd' },
      { op: 'replace', path: `/${here}/metadata/zone`, value: { value: 'z1' } },
      { op: 'remove', path: `/${here}/metadata/region` },
      { op: 'add', path: `/${there}/metadata/disk`, value: 'hdd' },
    ]);
    expect(answer).toMatchObject({ status: 204, text: '', headers: { 'content-type': json } });
    const machine = { id: here, primaryIP: '10.0.0.1', metadata: { disk: 'ssd', zone: 'z1' } };
    expect(await get('/fleet/v1/machines')).toEqual({ machines: [machine] });
    ground.cluster.addMachine(there, null);
    await pages('/fleet/v1/machines', 'machines');
    const view = await ground.cluster.units.cluster();
    const { machines } = (await get('/fleet/v1/machines')) as { machines: unknown[] };
    expect(view.snapshot().settings.get(there)?.metadata).toEqual({ disk: 'hdd' });
    expect(machines).toContainEqual(machine);
  });

  test.each<[unknown, string]>([
    [{}, 'unable to decode body: the body must be an array'],
    [[1], 'unable to decode body: [0] must be an object'],
    [[{ op: 1 }], 'unable to decode body: [0].op must be a string'],
    [[null], 'invalid op: expect add, remove, or replace'],
    [[{ op: 'move' }], 'invalid op: expect add, remove, or replace'],
    [[{ op: 'add', path: '/x' }], 'machine metadata path invalid'],
    [
      [
        { op: 'add', path: `/${here}/metadata/good`, value: 'x' },
        { op: 'add', path: `/${here}/metadata/bad` },
      ],
      'invalid value: add and replace require a value',
    ],
  ])('%j stores nothing', async (body, message) => {
    const sent = { body: JSON.stringify(body) };
    expect(await refused('PATCH', '/fleet/v1/machines', sent)).toEqual([400, message]);
  });

  test('too much for one machine is refused, and nothing of it stored for the others', async () => {
    const value = 'x'.repeat(1000);
    const many = Array.from({ length: 300 }, (_, i) => {
      return { op: 'add', path: `/${there}/metadata/k${i}`, value };
    });
    const body = JSON.stringify([{ op: 'add', path: `/${here}/metadata/k`, value }, ...many]);
    const message = `the metadata set for machine ${there} would take 302891 bytes, more than the 262144 that are kept`;
    expect(await refused('PATCH', '/fleet/v1/machines', { body })).toEqual([400, message]);
    const url = `/v1/machines/${there}/metadata`;
    const ours = Object.fromEntries(many.map((_op, i) => [`k${i}`, value]));
    const answer = await ground.ask('PATCH', url, { body: ours });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text).error).toEqual({ code: 'invalid-input', message });
  });

  test('nothing to do is fine', async () => {
    for (const body of [[], null]) expect((await patch(body)).status).toBe(204);
  });
});

describe('pages', () => {
  const names = (items: unknown[]): string[] => items.map((item) => Object(item).name);
  const letters = ['a', 'b', 'c', 'd', 'e'].map((letter) => `${letter}.service`);
  beforeEach(async () => {
    for (const name of letters) await put(name, { options });
  });

  test('hold what is asked for, with none that is empty', async () => {
    const all = await pages('/fleet/v1/units', 'units');
    expect(all.map(names)).toEqual([letters.slice(0, 2), letters.slice(2, 4), letters.slice(4)]);
    await ground.ask('DELETE', '/fleet/v1/units/e.service');
    expect((await pages('/fleet/v1/units', 'units')).map(names)).toEqual([
      letters.slice(0, 2),
      letters.slice(2, 4),
    ]);
  });

  test('are of one moment', async () => {
    const all = await pages('/fleet/v1/units', 'units', async () => {
      await ground.ask('DELETE', '/fleet/v1/units/d.service');
      await put('c.service', { desiredState: 'launched' });
      await put('aa.service', { options });
      await put('dd.service', { options });
    });
    expect(names(all.flat())).toEqual(letters);
    expect(all.flat().map((item) => Object(item).desiredState)).toEqual(
      letters.map(() => 'inactive'),
    );
    const now = ['a', 'aa', 'b', 'c', 'dd', 'e'].map((name) => `${name}.service`);
    expect(names((await pages('/fleet/v1/units', 'units')).flat())).toEqual(now);
  });

  test('go on elsewhere, after the last one that was seen', async () => {
    const other = `${ground.socketPath}2`;
    await ground.serve(other, { fleetTokenLimit: 2 });
    const first = (await get('/fleet/v1/units')) as { nextPageToken: string };
    await ground.ask('DELETE', '/fleet/v1/units/b.service');
    await put('aa.service', { options });
    const token = encodeURIComponent(first.nextPageToken);
    const second = await askAt(other, 'GET', `/fleet/v1/units?nextPageToken=${token}`);
    expect(names(JSON.parse(second.text).units)).toEqual(['c.service', 'd.service']);
  });

  test('go on elsewhere from nothing older than the first', async () => {
    const view = await ground.cluster.units.cluster();
    const asked: number[] = [];
    const atLeast = (revision: number, timeoutMs: number): Promise<ClusterSnapshot> => {
      asked.push(revision);
      return view.atLeast(revision, timeoutMs);
    };
    const units = { ...ground.cluster.units, cluster: async () => ({ ...view, atLeast }) };
    const other = `${ground.socketPath}2`;
    await ground.serve(other, { units, fleetTokenLimit: 2 });
    const first = (await get('/fleet/v1/units')) as { nextPageToken: string };
    const { revision } = ground.cluster.store;
    const token = encodeURIComponent(first.nextPageToken);
    await askAt(other, 'GET', `/fleet/v1/units?nextPageToken=${token}`);
    expect(asked).toEqual([revision]);
  });

  test('fleet’s own tokens are taken, and begin like ours', async () => {
    const { nextPageToken } = (await get('/fleet/v1/units')) as { nextPageToken: string };
    expect(Buffer.from(nextPageToken, 'base64').subarray(0, 4)).toEqual(Buffer.from([2, 0, 2, 0]));
    const third = (await get('/fleet/v1/units?nextPageToken=AgADAA==')) as { units: unknown[] };
    expect(names(third.units)).toEqual(['e.service']);
    expect(await get('/fleet/v1/units?nextPageToken=AgAEAA==')).toEqual({});
    expect(await get('/fleet/v1/units?nextPageToken=AgD__w==')).toEqual({});
  });

  test('a token of another list is none of this one', async () => {
    const { nextPageToken } = (await get('/fleet/v1/units')) as { nextPageToken: string };
    const path = `/fleet/v1/machines?nextPageToken=${encodeURIComponent(nextPageToken)}`;
    expect(await get(path)).toEqual({});
  });
});

test('a list is never older than what was told before, by whatever answer', async () => {
  const view = await ground.cluster.units.cluster();
  let asked = 0;
  const atLeast = (revision: number, timeoutMs: number): Promise<ClusterSnapshot> => {
    asked = revision;
    return view.atLeast(revision, timeoutMs);
  };
  const units = { ...ground.cluster.units, cluster: async () => ({ ...view, atLeast }) };
  const socketPath = `${ground.socketPath}2`;
  await ground.serve(socketPath, { units });
  const ask = async (method: string, path: string, body?: unknown): Promise<void> => {
    const { status } = await askAt(socketPath, method, `/fleet/v1/${path}`, { body });
    expect(status).toBeLessThan(300);
  };
  const { store } = ground.cluster;
  const listed = async (): Promise<number> => {
    await ask('GET', 'units');
    return asked;
  };
  await ask('PUT', 'units/a.service', { options, desiredState: 'launched' });
  expect(await listed()).toBe(store.revision);
  await ask('PATCH', 'machines', [{ op: 'add', path: `/${here}/metadata/k`, value: 'v' }]);
  expect(await listed()).toBe(store.revision);
  ground.cluster.report(await ground.cluster.assign('a.service', here));
  expect(await listed()).toBeLessThan(store.revision);
  await ask('GET', 'units/a.service');
  expect(await listed()).toBe(store.revision);
  await ground.ask('PUT', '/fleet/v1/units/b.service', { body: { options } });
  expect(await listed()).toBeLessThan(store.revision);
  await ask('PUT', 'units/b.service', { options, desiredState: 'inactive' });
  expect(await listed()).toBe(store.revision);
  await ask('DELETE', 'units/a.service');
  expect(await listed()).toBe(store.revision);
});

test('the token limit has bounds', async () => {
  for (const fleetTokenLimit of [0, 65_536, 1.5]) {
    await expect(ApiGround.open({ fleetTokenLimit })).rejects.toThrow('the token limit must be');
  }
});

test('while the store does not answer every path says so', async () => {
  await put('a.service', { options });
  ground.cluster.store.outage(true);
  for (const [method, path] of [
    ['GET', '/'],
    ['GET', '/fleet/v1/units'],
    ['GET', '/fleet/v1/units/a.service'],
    ['PUT', '/fleet/v1/units/a.service'],
    ['DELETE', '/v1-alpha/units/a.service'],
    ['GET', '/fleet/v1/state/a.service'],
    ['PATCH', '/fleet/v1/machines'],
    ['GET', '/fleet/v1/discovery'],
    ['GET', '/fleet/v1/nothing'],
  ] as const) {
    expect(await refused(method, path)).toEqual([
      503,
      'fleet server unable to communicate with etcd',
    ]);
  }
});

test('a store that is not trusted is none to communicate with', async () => {
  await put('a.service', { options });
  await get('/fleet/v1/units');
  ground.cluster.store.wipe();
  let answer = await ground.ask('GET', '/fleet/v1/units/a.service');
  // The watch has to notice it first.
  while (answer.status !== 503) answer = await ground.ask('GET', '/fleet/v1/units/a.service');
  expect(await refused('GET', '/fleet/v1/units/a.service')).toEqual([
    503,
    'fleet server unable to communicate with etcd',
  ]);
});
