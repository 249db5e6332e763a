import { createApiClient } from './client.ts';
import type { ApiClient } from './client.ts';
import { ApiGround, here } from './testing/ground.ts';
import type { Answer } from './testing/ground.ts';

const there = 'b'.repeat(32);
const simple = '[Service]\nExecStart=/bin/true\n';
const inMars = `${simple}[X-Fleet]\nMachineMetadata=region=mars\n`;

let ground: ApiGround;
let client: ApiClient;

beforeEach(async () => {
  ground = await ApiGround.open();
  ground.cluster.addMachine(there, '10.0.0.2');
  client = createApiClient({ endpoint: `unix:${ground.socketPath}` });
});
afterEach(() => ground.close());

const body = ({ text }: Answer): unknown => JSON.parse(text);
const get = async (path: string): Promise<unknown> => body(await ground.ask('GET', path));
const launch = async (name: string, file: string): Promise<number> => {
  const { revision } = await client.writeUnits([{ name, file, desiredState: 'launched' }]);
  return revision;
};

describe('GET /v1/units/NAME/explanation', () => {
  test('says per machine why a unit cannot be there', async () => {
    const revision = await launch('far.service', inMars);
    const said = await get(`/v1/units/far.service/explanation?afterRevision=${revision}`);
    expect(said).toEqual({
      revision,
      unit: 'far.service',
      status: 'pending',
      reason: 'no machine can take it',
      notes: [],
      machines: [
        {
          machine: here,
          verdict: 'refuses',
          reason: 'MachineMetadata wants region=mars, the machine has region=eu',
        },
        {
          machine: there,
          verdict: 'refuses',
          reason: 'MachineMetadata wants region=mars, the machine has no region',
        },
      ],
    });
    expect(await client.explain('far.service')).toEqual(said);
  });

  test('says why a unit is where it is', async () => {
    await launch('a.service', simple);
    const { modRevision } = await ground.cluster.assign('a.service', there);
    const said = await get(`/v1/units/a.service/explanation?afterRevision=${modRevision}`);
    expect(said).toMatchObject({
      status: 'placed',
      reason: `it is on ${there}: test`,
      machines: [
        { machine: here, verdict: 'able' },
        { machine: there, verdict: 'holds', reason: 'test' },
      ],
    });
  });

  test.each([
    ['wbe.service', 404, '; the nearest name is \\"web.service\\"'],
    ['WEB.service', 404, '; the nearest name is \\"web.service\\"'],
    ['completely-other.service', 404, 'does not exist"'],
    ['no-type', 400, 'unit name'],
  ])('%s: %i, with what was probably meant', async (name, status, text) => {
    const revision = await launch('web.service', simple);
    const path = `/v1/units/${name}/explanation?afterRevision=${revision}`;
    const answer = await ground.ask('GET', path);
    expect({ status: answer.status, text: answer.text }).toEqual({
      status,
      text: expect.stringContaining(text),
    });
  });
});

test('GET /v1/states has the units that are nowhere, each with a short reason', async () => {
  await launch('a.service', simple);
  await ground.cluster.assign('a.service', here);
  const revision = await launch('far.service', inMars);
  expect(await get(`/v1/states?afterRevision=${revision}`)).toEqual({
    revision,
    states: [],
    pending: [
      {
        unit: 'far.service',
        machine: null,
        reason:
          'no machine can take it: 1 machine: MachineMetadata wants region=mars, the machine has no region; 1 more for other reasons',
      },
    ],
  });
});

describe('POST /v1/plan', () => {
  const plan = (...units: object[]): Promise<Answer> =>
    ground.ask('POST', '/v1/plan', { body: { units } });
  const wanted = { desiredState: 'launched', file: simple };

  test('says where units would go, one after the other, and writes nothing', async () => {
    const before = ground.cluster.store.revision;
    const answer = await plan(
      { name: 'a.service', ...wanted },
      { name: 'b.service', ...wanted },
      { name: 'far.service', ...wanted, file: inMars },
    );
    expect(answer.status).toBe(200);
    expect(body(answer)).toMatchObject({
      units: [
        {
          name: 'a.service',
          result: 'created',
          explanation: { status: 'placed', machines: [{ machine: here, verdict: 'takes' }] },
        },
        {
          name: 'b.service',
          result: 'created',
          explanation: { status: 'placed', machines: [{ machine: there, verdict: 'takes' }] },
        },
        {
          name: 'far.service',
          result: 'created',
          explanation: {
            status: 'pending',
            machines: [{ machine: here }, { machine: there }],
          },
        },
      ],
      others: [],
    });
    expect(ground.cluster.store.revision).toBe(before);
    expect(await ground.cluster.unitNames()).toEqual([]);
  });

  test('counts what is stored: an instance takes the template there', async () => {
    await client.writeUnits([{ name: 'far@.service', file: inMars }]);
    const planned = await client.planUnits({
      units: [{ name: 'far@1.service', desiredState: 'launched' }],
    });
    expect(planned.units).toMatchObject([
      { name: 'far@1.service', result: 'created', explanation: { status: 'pending' } },
    ]);
  });

  test('says of what is there already that nothing would change', async () => {
    await launch('a.service', simple);
    await ground.cluster.assign('a.service', there);
    const planned = await client.planUnits({
      units: [{ name: 'a.service', desiredState: 'launched' }],
    });
    expect(planned.units).toMatchObject([
      {
        result: 'unchanged',
        explanation: { status: 'placed', machines: [{ machine: there, verdict: 'holds' }] },
      },
    ]);
  });

  test('counts what would be destroyed', async () => {
    const alone = `${simple}[X-Fleet]\nConflicts=a@*\nMachineMetadata=region=eu\n`;
    await launch('a@1.service', alone);
    await ground.cluster.assign('a@1.service', here);
    const units = [{ name: 'a@2.service', file: alone, desiredState: 'launched' as const }];
    const statusOf = async (destroy: readonly string[]): Promise<unknown> =>
      (await client.planUnits({ units, destroy })).units[0]?.explanation.status;
    expect(await statusOf([])).toBe('pending');
    expect(await statusOf(['a@1.service'])).toBe('placed');
    const both = await ground.ask('POST', '/v1/plan', {
      body: { units, destroy: ['a@2.service'] },
    });
    expect(both).toMatchObject({ status: 400, text: expect.stringContaining('a@2.service') });
  });

  test.each<[string, object, number, string]>([
    ['no such unit', { name: 'b.service', desiredState: 'launched' }, 404, 'not-found'],
    ['other content', { name: 'a.service', file: inMars }, 409, 'other-content'],
    ['no unit file', { name: 'b.service', file: 'nonsense' }, 400, 'unit-file-syntax'],
    [
      'options that exclude each other',
      { name: 'b.service', file: `${simple}[X-Fleet]\nGlobal=true\nReplaces=a.service\n` },
      400,
      'unit-file',
    ],
    ['an odd field', { name: 'b.service', files: simple }, 400, 'invalid-input'],
  ])('is refused as the write would be: %s', async (_, request, status, code) => {
    await launch('a.service', simple);
    const answer = await plan({ name: 'ok.service', ...wanted }, request);
    expect({ status: answer.status, ...(body(answer) as object) }).toMatchObject({
      status,
      error: { code },
    });
  });
});
