import { once, setMaxListeners } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Clock, Inspector } from '@muster/core';
import { PlacedCluster } from '../../registry/src/testing/placed-cluster.ts';
import { createExplainer } from '../../scheduler/src/explainer.ts';
import { createApiClient } from './client.ts';
import type { ApiClient, WaitLine } from './client.ts';
import { createForwarder } from './forwarder.ts';
import { createApiServer } from './server.ts';
import type { ApiServer } from './server.ts';

const here = 'a'.repeat(32);
const there = 'b'.repeat(32);
const simple = '[Service]\nExecStart=/bin/sleep 1\n';

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
    }),
};
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

function inspectorOf(machine: string): Inspector {
  return {
    status: async (unit) => `● ${unit} on ${machine}\n`,
    use: async () => [],
    journal: async function* (unit, { lines, follow, since, output }, signal) {
      if (unit === 'silent.service') {
        silentBegan.abort();
        await clock.sleep(60_000, signal);
        return;
      }
      yield Buffer.from(`${unit} ${lines} ${follow} ${since} ${output} on ${machine}\n`);
      if (follow) await clock.sleep(60_000, signal);
      yield Buffer.from(signal.aborted ? 'aborted\n' : 'end\n');
    },
  };
}

/** Aborts when a journal is read that says nothing. */
let silentBegan = new AbortController();
let dir: string;
let cluster: PlacedCluster;
let server: ApiServer;
let client: ApiClient;
let endpoint: string;
const open: ApiServer[] = [];

function serverFor(machineId: string): ApiServer {
  const self = { machineId, hostname: 'box', version: '0.1.0' };
  const inspector = inspectorOf(machineId.slice(0, 1));
  const forward = createForwarder(null);
  const created = createApiServer({
    units: cluster.units,
    inspector,
    explainer: createExplainer(),
    self,
    clock,
    log,
    forward,
  });
  open.push(created);
  return created;
}

beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'muster-api-'));
  cluster = new PlacedCluster();
  cluster.addMachine(here, '10.0.0.1', { metadata: { region: 'eu' } });
  server = serverFor(here);
  endpoint = `unix:${path.join(dir, 'run', 'muster.sock')}`;
  await server.listen([endpoint]);
  client = createApiClient({ endpoint, user: 'tester' });
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
  await cluster.close();
  rmSync(dir, { recursive: true });
});

/** One raw request; resolves to what came back. */
function raw(
  method: string,
  url: string,
  body?: string | null,
  headers: Record<string, string> = { 'content-type': 'application/json' },
): Promise<{ status: number; allow: string | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const options = { socketPath: endpoint.slice(5), method, path: url, headers, agent: false };
    const req = request(options, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (piece: string) => (text += piece));
      res.on('end', () =>
        resolve({ status: res.statusCode ?? 0, allow: res.headers.allow, body: text.trim() }),
      );
    });
    req.on('error', reject);
    req.end(body ?? undefined);
  });
}

async function linesOf(lines: AsyncIterable<WaitLine>): Promise<WaitLine[]> {
  const all: WaitLine[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

describe('writing units', () => {
  test('a unit is created, shown, changed, and destroyed', async () => {
    const created = await client.writeUnits([{ name: 'web.service', file: simple }]);
    expect(created.units).toMatchObject([
      { name: 'web.service', result: 'created', desiredState: 'inactive', isGlobal: false },
    ]);
    const again = await client.writeUnits([{ name: 'web.service', file: `# hm\n${simple}` }]);
    expect(again.units[0]?.result).toBe('unchanged');
    const started = await client.writeUnits([{ name: 'web.service', desiredState: 'launched' }]);
    expect(started.units[0]?.result).toBe('updated');
    expect(await client.unit('web.service')).toMatchObject({
      desiredState: 'launched',
      currentState: 'inactive',
      file: simple,
      options: [{ section: 'Service', name: 'ExecStart', value: '/bin/sleep 1' }],
      origin: { by: 'tester@box' },
      restarts: 0,
    });
    const gone = await client.destroyUnits(['web.service', 'no.service']);
    expect(gone.units.map(({ result }) => result)).toEqual(['destroyed', 'absent']);
    expect(await client.unit('web.service')).toBeNull();
  });

  test('many units are one read and one write', async () => {
    const units = Array.from({ length: 2000 }, (_, i) => {
      return { name: `web@${i}.service`, desiredState: 'launched' as const };
    });
    const result = await client.writeUnits([{ name: 'web@.service', file: simple }, ...units]);
    expect(result.units.filter((unit) => unit.result === 'created')).toHaveLength(2001);
    expect(cluster.calls).toEqual(['units 2001', 'write 2001']);
    expect(await cluster.fileHashes()).toHaveLength(1);
  });

  test('a batch with bad units stores nothing and names each', async () => {
    const units = [
      { name: 'good.service', file: simple },
      { name: 'bad.service', file: '[Service]\nExecStart' },
      { name: 'worse.service', file: 'x=1' },
    ];
    await expect(client.writeUnits(units)).rejects.toMatchObject({
      status: 400,
      code: 'unit-file-syntax',
      message:
        'unit "bad.service": line 2: "ExecStart" is no option: it has no "=" (and 1 more; nothing was stored)',
      units: [
        { name: 'bad.service', line: 2 },
        { name: 'worse.service', line: 1 },
      ],
    });
    expect(await cluster.unitNames()).toEqual([]);
  });

  test('other content needs replace', async () => {
    await client.writeUnits([{ name: 'web.service', file: simple, desiredState: 'launched' }]);
    const file = `${simple}Restart=always\n`;
    await expect(
      client.writeUnits([
        { name: 'new.service', file: simple },
        { name: 'web.service', file },
      ]),
    ).rejects.toMatchObject({ status: 409, code: 'other-content' });
    expect(await cluster.unitNames()).toEqual(['web.service']);
    const before = await cluster.unit('web.service');
    await client.writeUnits([{ name: 'web.service', file, replace: true }]);
    expect(await cluster.unit('web.service')).toMatchObject({
      desiredState: 'launched',
      createRevision: before?.createRevision,
    });
  });

  test('what somebody else changes meanwhile is decided anew', async () => {
    await client.writeUnits([{ name: 'web.service', file: simple, desiredState: 'launched' }]);
    let times = 2;
    cluster.beforeWrite = async () => {
      if (times-- > 0) await cluster.touch('web.service', { restart: true });
    };
    await client.writeUnits([{ name: 'web.service', restart: true }]);
    expect((await cluster.unit('web.service'))?.restarts).toBe(3);
  });

  test('what never stops changing is a conflict', async () => {
    await client.writeUnits([{ name: 'web.service', file: simple }]);
    cluster.beforeWrite = () => cluster.touch('web.service');
    const batch = await client.writeUnits([
      { name: 'web.service', desiredState: 'launched' },
      { name: 'b.service', file: simple },
    ]);
    expect(batch.units.map(({ result }) => result)).toEqual(['conflict', 'created']);
    expect(await raw('DELETE', '/v1/units/web.service')).toMatchObject({ status: 409 });
  });

  test('an unknown option is a warning, a contradiction is refused', async () => {
    const odd = await client.writeUnits([
      { name: 'odd.service', file: `${simple}[X-Fleet]\nConflict=x\n` },
    ]);
    expect(odd.units[0]?.warnings).toHaveLength(1);
    const file = `${simple}[X-Fleet]\nMachineID=abcd\nGlobal=true\n`;
    await expect(client.writeUnits([{ name: 'no.service', file }])).rejects.toMatchObject({
      status: 400,
      message: 'unit "no.service": MachineID cannot be used with Global',
    });
  });
});

test.each<[string, string, string | null, number, string]>([
  ['GET', '/v1/units/web.service', null, 404, 'unit "web.service" does not exist'],
  ['GET', '/v1/nothing', null, 404, 'there is nothing at /v1/nothing'],
  ['GET', '/v1/units/', null, 404, 'there is nothing at /v1/units/'],
  ['GET', '/v1/units/%zz', null, 400, '"%zz" is not properly percent-encoded'],
  ['GET', '/v1/units/web', null, 400, 'unit name "web": unit name must contain "."'],
  ['POST', '/v1/machines', '{}', 405, 'POST is not supported here, only GET'],
  [
    'PUT',
    '/v1/units/a.service',
    '',
    400,
    'the body is not JSON in UTF-8: Unexpected end of JSON input',
  ],
  ['PUT', '/v1/units/a.service', '[]', 400, 'body must be an object'],
  [
    'PUT',
    '/v1/units/a.service',
    '{"name":"b.service"}',
    400,
    'name in the URL "a.service" differs from name in the body "b.service"',
  ],
  [
    'PUT',
    '/v1/units/a.service',
    '{"desired":"x"}',
    400,
    'body has the unknown key "desired"; known are name, file, desiredState, restart, startFailed, replace',
  ],
  [
    'PUT',
    '/v1/units/a.service',
    '{"desiredState":"launced"}',
    400,
    'desiredState must be one of inactive, loaded, launched',
  ],
  ['PUT', '/v1/units/a.service', '{"file":1}', 400, 'file must be a string'],
  [
    'PUT',
    '/v1/units/a.service',
    '{"restart":true,"desiredState":"loaded"}',
    400,
    'restart launches the unit and contradicts desiredState "loaded"',
  ],
  [
    'PUT',
    '/v1/units/dbus.service',
    '{"file":""}',
    400,
    'name "dbus.service": dbus.service belongs to D-Bus on every machine',
  ],
  [
    'PUT',
    '/v1/units/t@.service',
    `{"file":"[Service]\\nExecStart=/bin/true","desiredState":"loaded"}`,
    400,
    'cannot activate template "t@.service"',
  ],
  [
    'POST',
    '/v1/units',
    '{"units":[{"name":"a.service"},{"name":"a"}]}',
    400,
    'units[1].name "a": unit name must contain "."',
  ],
  [
    'POST',
    '/v1/units',
    '{"units":[{"name":"a.service","restart":1}]}',
    400,
    'units[0].restart must be true, false or {"machines": [id, …]}',
  ],
  [
    'POST',
    '/v1/units',
    '{"units":[{"name":"a.service"},{"name":"a.service"}]}',
    400,
    'unit "a.service" is named twice',
  ],
  [
    'POST',
    '/v1/units',
    '{"units":[{"name":"a.service"}]}',
    404,
    'unit "a.service" does not exist, and no unit file was given',
  ],
  [
    'POST',
    '/v1/wait',
    '{"units":["a.service"],"until":"running"}',
    400,
    'until must be one of launched, loaded, inactive, absent',
  ],
  [
    'POST',
    '/v1/wait',
    '{"units":["a.service"],"until":"absent","timeoutMs":-1}',
    400,
    'timeoutMs must be a whole number, 0 or more',
  ],
  ['DELETE', '/v1/units/a.service', null, 404, 'unit "a.service" does not exist'],
  [
    'PATCH',
    '/v1/machines/xyz/metadata',
    '{"a":"b"}',
    400,
    'machine id "xyz" must be 32 lower-case hexadecimal digits',
  ],
  [
    'PATCH',
    `/v1/machines/${here}/metadata`,
    '{"a b":"c"}',
    400,
    'metadata key "a b" must be 1 to 128 of A-Z a-z 0-9 _ . -',
  ],
  [
    'PATCH',
    `/v1/machines/${here}/metadata`,
    '{"a":1}',
    400,
    'a must be a string of 1 to 1024 printable characters, or null to remove it',
  ],
  ['GET', '/v1/units/a.service/status', null, 404, 'unit "a.service" does not exist'],
  [
    'GET',
    '/v1/local/units/a.service/journal?lines=x',
    null,
    400,
    'lines must be a number or "all", not "x"',
  ],
  [
    'GET',
    '/v1/local/units/a.service/journal?output=--x',
    null,
    400,
    'output "--x" is not an output format of journalctl(1)',
  ],
  [
    'GET',
    '/v1/units?afterRevision=-1',
    null,
    400,
    'afterRevision must be a whole number, 0 or more',
  ],
])('%s %s %s is answered with %d', async (method, url, body, status, message) => {
  const answer = await raw(method, url, body);
  expect({ ...answer, body: JSON.parse(answer.body).error.message }).toMatchObject({
    status,
    body: message,
  });
});

test('405 names what is allowed; HEAD is a GET', async () => {
  expect(await raw('PATCH', '/v1/units/a.service', '{}')).toMatchObject({
    status: 405,
    allow: 'GET, PUT, DELETE',
  });
  expect(await raw('HEAD', '/v1/version')).toMatchObject({ status: 200, body: '' });
});

test('a body must be JSON and of bounded size', async () => {
  const plain = await raw('PUT', '/v1/units/a.service', '{}', { 'content-type': 'text/plain' });
  expect(plain.status).toBe(415);
  const declared = { 'content-type': 'application/json', 'content-length': '99999999' };
  expect((await raw('PUT', '/v1/units/a.service', null, declared)).status).toBe(413);
});

test('a fault in something long or deep is told in a few words', async () => {
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  for (const [url, body, message] of [
    ['/v1/units/a.service', `{"name":${deep}}`, 'differs from name in the body a list'],
    ['/v1/units/a.service', `{"${'x'.repeat(5000)}":1}`, 'has the unknown key "xxx'],
    ['/v1/units/a.service', `{"file":${deep}}`, 'file must be a string'],
    [`/v1/${'x'.repeat(5000)}`, '{}', 'there is nothing at /v1/xxx'],
  ] as const) {
    const answer = await raw('PUT', url, body);
    expect([400, 404]).toContain(answer.status);
    expect(JSON.parse(answer.body).error.message).toContain(message);
    expect(answer.body.length).toBeLessThan(500);
  }
});

test('a metadata key that objects have is one like any other', async () => {
  const { body } = await raw('PATCH', `/v1/machines/${here}/metadata`, '{"__proto__":"x"}');
  expect(body).toContain('{"__proto__":"x"}');
  const machines = await raw('GET', '/v1/machines');
  expect(machines.body).toContain('"metadata":{"region":"eu","__proto__":"x"}');
  await raw('PATCH', `/v1/machines/${here}/metadata`, '{"__proto__":null}');
  expect((await client.machines())[0]?.metadata).toEqual({ region: 'eu' });
});

test('names are percent-decoded', async () => {
  await raw('PUT', '/v1/units/a%401.service', JSON.stringify({ file: simple }));
  await raw('PUT', '/v1/units/b%5Cx2d.service', JSON.stringify({ file: simple }));
  expect(await cluster.unitNames()).toEqual(['a@1.service', 'b\\x2d.service']);
  expect((await client.unit('b\\x2d.service'))?.name).toBe('b\\x2d.service');
});

test('while the store does not answer: 503, and lists of what was seen last', async () => {
  await client.writeUnits([{ name: 'a.service', file: simple }]);
  expect(await client.units()).toHaveLength(1);
  cluster.store.outage(true);
  for (const [method, url] of [
    ['GET', '/v1/units/a.service'],
    ['DELETE', '/v1/units/a.service'],
    ['GET', '/v1/units/a.service/status'],
  ] as const) {
    expect(await raw(method, url)).toMatchObject({
      status: 503,
      body: '{"error":{"code":"store-unavailable","message":"the store does not answer (an outage was asked for)"}}',
    });
  }
  expect(await client.units()).toHaveLength(1);
  expect((await raw('GET', '/v1/version')).status).toBe(200);
});

test('lists show the cluster', async () => {
  cluster.behaviour = () => 'runs';
  cluster.addMachine(there, null, { awaySince: 5 });
  cluster.store.put('/muster/unit/x.service', 'no json');
  const { revision } = await client.writeUnits([
    {
      name: 'b.service',
      file: `[Unit]\nDescription=B \\\n more\n${simple}`,
      desiredState: 'launched',
    },
    { name: 'a.service', file: `${simple}[X-Fleet]\nGlobal=true\n`, desiredState: 'launched' },
  ]);
  const names = ['a.service', 'b.service'];
  await linesOf(client.wait({ units: names, until: 'launched', afterRevision: revision }));
  expect(await client.units()).toMatchObject([
    { name: 'a.service', currentState: 'launched', isGlobal: true, machines: [{}, {}] },
    {
      name: 'b.service',
      isGlobal: false,
      description: 'B',
      machines: [{ machine: here, role: 'holder' }],
    },
  ]);
  expect(await client.unit('a.service')).toMatchObject({ description: null });
  expect(await client.machines()).toMatchObject([
    { id: here, units: 2, metadata: { region: 'eu' } },
    { id: there, units: 1, awaySince: 5 },
  ]);
  expect((await client.states()).map((s) => [s.unit, s.machine, s.isCurrent])).toEqual([
    ['a.service', here, true],
    ['a.service', there, true],
    ['b.service', here, true],
  ]);
  expect(await client.cluster()).toMatchObject({
    id: expect.stringMatching(/^[0-9a-f]+$/),
    counts: { machines: 2, away: 1, units: { launched: 2 }, assignments: 3, states: 3 },
    corrupt: [{ key: '/muster/unit/x.service', problem: 'is not JSON: "no json"' }],
  });
});

describe('waiting', () => {
  const wait = (units: string[], more: object = {}) =>
    client.wait({ units, until: 'launched', ...more });

  test('each unit is told when it is there, or why it never will be', async () => {
    await client.writeUnits(
      ['a', 'b'].map((n) => ({
        name: `${n}.service`,
        file: simple,
        desiredState: 'launched' as const,
      })),
    );
    const lines = wait(['a.service', 'b.service', 'none.service']);
    expect((await lines.next()).value).toEqual({
      type: 'failed',
      unit: 'none.service',
      machine: null,
      reason: 'it does not exist',
    });
    const next = lines.next();
    cluster.report(await cluster.assign('a.service', here));
    expect((await next).value).toEqual({
      type: 'done',
      unit: 'a.service',
      machines: [{ id: here, address: '10.0.0.1' }],
      hasEnded: false,
      note: null,
    });
    cluster.report(await cluster.assign('b.service', here), {
      activeState: 'failed',
      result: 'signal',
    });
    expect(await linesOf(lines)).toEqual([
      { type: 'failed', unit: 'b.service', machine: here, reason: 'it failed (signal)' },
      { type: 'end', done: 1, failed: 2, pending: [] },
    ]);
  });

  test('the end names what is still missing when the time is over', async () => {
    await client.writeUnits([{ name: 'a.service', file: simple, desiredState: 'launched' }]);
    expect(await linesOf(wait(['a.service'], { timeoutMs: 50 }))).toEqual([
      {
        type: 'end',
        done: 0,
        failed: 0,
        pending: [
          {
            unit: 'a.service',
            why: 'there is no leader, and nothing is placed until there is one',
          },
        ],
      },
    ]);
  });

  test('an outage of the store is waited out', async () => {
    await client.writeUnits([{ name: 'a.service', file: simple, desiredState: 'launched' }]);
    const assignment = await cluster.assign('a.service', here);
    await (await cluster.units.cluster()).atLeast(assignment.modRevision, 5000);
    cluster.store.outage(true);
    cluster.report(assignment);
    const lines = wait(['a.service']);
    expect((await lines.next()).value).toMatchObject({
      type: 'waiting',
      pending: 1,
      examples: [{ unit: 'a.service', why: `${here} has not carried it out yet` }],
    });
    cluster.store.outage(false);
    expect((await lines.next()).value).toMatchObject({ type: 'done' });
    await lines.return(undefined);
  });

  test('nothing older than the revision is looked at', async () => {
    const { revision } = await client.writeUnits([{ name: 'a.service', file: simple }]);
    const lines = wait(['a.service'], { afterRevision: revision + 1000, timeoutMs: 100 });
    expect((await linesOf(lines)).at(-1)).toMatchObject({
      type: 'end',
      pending: [{ why: 'not looked at yet' }],
    });
  });
});

describe('status and journal', () => {
  const read = async (pieces: AsyncIterable<Uint8Array>): Promise<string> => {
    let text = '';
    for await (const piece of pieces) text += Buffer.from(piece).toString();
    return text;
  };

  test('come from this machine when it has the unit', async () => {
    await client.writeUnits([{ name: 'a@1.service', file: simple, desiredState: 'launched' }]);
    await expect(client.status('a@1.service')).rejects.toMatchObject({
      status: 409,
      message: 'unit "a@1.service" is not on any machine',
    });
    await cluster.assign('a@1.service', here);
    expect(await client.status('a@1.service')).toBe('● a@1.service on a\n');
    const options = { lines: null, since: '-1 hour', output: 'cat' };
    expect(await read(client.journal('a@1.service', options))).toBe(
      'a@1.service null false -1 hour cat on a\nend\n',
    );
  });

  test('come from the machine that has it', async () => {
    const other = serverFor(there);
    const [bound = ''] = await other.listen(['tcp:127.0.0.1:0'], { insecure: true });
    const apiUrl = bound.replace('tcp:', 'http://');
    cluster.addMachine(there, null, { apiUrl });
    await client.writeUnits([{ name: 'a@1.service', file: simple, desiredState: 'launched' }]);
    await cluster.assign('a@1.service', there);
    expect(await client.status('a@1.service')).toBe('● a@1.service on b\n');
    expect(await read(client.journal('a@1.service', { lines: 3 }))).toBe(
      'a@1.service 3 false null short on b\nend\n',
    );
    await other.close();
    await expect(client.status('a@1.service')).rejects.toMatchObject({
      status: 502,
      code: 'machine-unreachable',
    });
    cluster.addMachine(there, null);
    await expect(client.status('a@1.service')).rejects.toMatchObject({ status: 502 });
    await cluster.removeMachine(there);
    await expect(client.status('a@1.service')).rejects.toMatchObject({
      status: 502,
      message: `machine ${there} is not present`,
    });
  });

  test('a unit on several machines wants one to be chosen', async () => {
    await client.writeUnits([{ name: 'a.service', file: simple, desiredState: 'launched' }]);
    await cluster.assign('a.service', here);
    await cluster.assign('a.service', there);
    await expect(client.status('a.service')).rejects.toMatchObject({ code: 'several-machines' });
    expect(await client.status('a.service', here)).toBe('● a.service on a\n');
  });

  test('a journal that is followed begins at once and ends when the caller goes', async () => {
    const gone = new AbortController();
    const options = { follow: true, machine: here };
    const lines = client.journal('a.service', options, gone.signal);
    expect(Buffer.from((await lines.next()).value ?? '').toString()).toContain('a.service 10 true');
    gone.abort();
    await expect(lines.next()).rejects.toThrow('cannot reach');
  });

  test('a hundred journals at once, and no more until one ends', async () => {
    const gone = new AbortController();
    setMaxListeners(0, gone.signal);
    const options = { follow: true, machine: here };
    const followed = Array.from({ length: 100 }, () =>
      client.journal('a.service', options, gone.signal),
    );
    await Promise.all(followed.map((lines) => lines.next()));
    const more = (): Promise<string> => read(client.journal('a.service', { machine: here }));
    await expect(more()).rejects.toMatchObject({
      status: 503,
      code: 'too-many-streams',
      message: 'this musterd serves 100 journals already; ask another one, or later',
    });
    expect(await client.status('a.service', here)).toContain('a.service');
    gone.abort();
    await Promise.allSettled(followed.map((lines) => lines.next()));
    // The server hears of it a moment later.
    let answer = '';
    while (answer === '') answer = await more().catch(() => '');
    expect(answer).toContain('a.service 10 false');
  });
});

test('metadata is laid over what the machine says of itself', async () => {
  const patch = { disk: 'ssd', region: null, unknown: null };
  expect(await client.patchMetadata(here, patch)).toEqual({
    machine: here,
    metadata: { disk: 'ssd', region: null },
    isPresent: true,
  });
  expect((await client.machines())[0]?.metadata).toEqual({ disk: 'ssd' });
  await client.patchMetadata(here, { disk: null, region: 'us' });
  expect((await cluster.units.cluster()).snapshot().settings.get(here)?.metadata).toEqual({
    region: 'us',
  });
  expect(await client.patchMetadata(there, { a: 'b' })).toMatchObject({ isPresent: false });
});

describe('listening', () => {
  const socket = (): string => endpoint.slice(5);

  test('the socket is for its owner and group only', () => {
    expect((statSync(socket()).mode & 0o777).toString(8)).toBe('660');
  });

  test('a socket that somebody listens on is left alone', async () => {
    await expect(serverFor(here).listen([endpoint])).rejects.toThrow(
      `cannot listen on ${socket()}: another process listens there`,
    );
    expect((await client.version()).version).toBe('0.1.0');
  });

  test('one that nobody listens on is replaced, any other file is not', async () => {
    const stale = path.join(dir, 'stale.sock');
    const listener = createServer().listen(stale);
    await new Promise((resolve) => listener.once('listening', resolve));
    // A process that dies leaves its socket file behind; moving it keeps node from removing it.
    const kept = path.join(dir, 'kept.sock');
    const { renameSync } = process.getBuiltinModule('node:fs');
    renameSync(stale, kept);
    await new Promise((resolve) => listener.close(resolve));
    expect(statSync(kept).isSocket()).toBe(true);
    await serverFor(here).listen([`unix:${kept}`]);
    expect((await createApiClient({ endpoint: `unix://${kept}` }).version()).machine).toBe(here);
    const file = path.join(dir, 'file');
    writeFileSync(file, 'precious');
    await expect(serverFor(here).listen([`unix:${file}`])).rejects.toThrow('is no socket');
  });

  test('TCP without TLS must be asked for', async () => {
    await expect(serverFor(here).listen(['tcp:127.0.0.1:0'])).rejects.toThrow(
      'tcp:127.0.0.1:0 needs tls (ca, cert and key), or insecure: true',
    );
    const [bound = ''] = await serverFor(here).listen(['tcp:127.0.0.1:0'], { insecure: true });
    const tcp = createApiClient({ endpoint: bound.replace('tcp:', 'http://') });
    expect((await tcp.version()).hostname).toBe('box');
  });

  test.each(['tcp:1234', 'udp:1.2.3.4:5', 'unix:relative', 'tcp:host:99999', ''])(
    'address %j is refused',
    async (address) => {
      await expect(serverFor(here).listen([address])).rejects.toThrow(
        `listen address "${address}" must be`,
      );
    },
  );

  test('nobody there is one clear sentence', async () => {
    const nobody = createApiClient({ endpoint: 'unix:/nonexistent/muster.sock' });
    await expect(nobody.version()).rejects.toThrow(
      'cannot reach musterd at unix:/nonexistent/muster.sock: there is no such socket (is musterd running?)',
    );
    expect(() => createApiClient({ endpoint: 'ftp://x' })).toThrow('endpoint "ftp://x" must be');
  });

  test('an answer that close cuts short is not taken for a complete one', async () => {
    silentBegan = new AbortController();
    const began = once(silentBegan.signal, 'abort');
    const answer = client.journal('silent.service', { machine: here }).next();
    answer.catch(() => undefined);
    await began;
    await server.close();
    await expect(answer).rejects.toThrow('cannot reach musterd');
  });

  test('close ends streams that are open', async () => {
    const lines = client.journal('a.service', { follow: true, machine: here });
    await lines.next();
    await server.close();
    await expect(lines.next()).rejects.toThrow('cannot reach musterd');
  });
});
