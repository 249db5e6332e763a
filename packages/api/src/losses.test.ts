import { until } from '../../registry/src/testing/ground.ts';
import { realClock } from '../../registry/src/fake.ts';
import { ApiGround, here } from './testing/ground.ts';
import type { Answer } from './testing/ground.ts';

const there = 'b'.repeat(32);
const gone = 'c'.repeat(32);
const set = 'd'.repeat(32);

let ground: ApiGround;

async function open(options: Parameters<typeof ApiGround.open>[0] = {}): Promise<void> {
  ground = await ApiGround.open(options);
  const { cluster } = ground;
  cluster.addMachine(there, '10.0.0.2');
  cluster.addMachine(gone, '10.0.0.3');
  for (const unit of ['a', 'b']) {
    await ground.ask('PUT', `/v1/units/${unit}.service`, {
      body: { file: '[Service]\nExecStart=/bin/true\n', desiredState: 'launched' },
    });
    await cluster.assign(`${unit}.service`, gone);
  }
  await cluster.removeMachine(gone);
  await ground.ask('PATCH', `/v1/machines/${set}/metadata`, { body: { disk: 'ssd' } });
}
afterEach(() => ground.close());

const body = ({ text }: Answer): unknown => JSON.parse(text);
const get = async (path: string): Promise<unknown> => body(await ground.ask('GET', path));
const release = (machines: unknown): Promise<Answer> =>
  ground.ask('POST', '/v1/brake/release', {
    body: { machines },
    headers: { 'muster-user': 'kim' },
  });
const forget = (machine: string): Promise<Answer> =>
  ground.ask('DELETE', `/v1/machines/${machine}`);

describe('the brake and machines that are absent', () => {
  beforeEach(() => open());

  const absent = { id: gone, units: 2, isHeldBack: false, loss: null };

  test('are shown: who holds units and is not there, whether they are held back', async () => {
    expect(await get('/v1/brake')).toMatchObject({
      isOn: false,
      reason: null,
      since: null,
      absent: [absent],
    });
    const reason = '3 of 5 machines are absent';
    await ground.cluster.brake({ isOn: true, machines: [gone], reason, at: 7 });
    const held = { ...absent, isHeldBack: true };
    expect(await get('/v1/brake')).toMatchObject({ isOn: true, reason, since: 7, absent: [held] });
    expect(await get('/v1/cluster')).toMatchObject({
      brake: { isOn: true, reason, since: 7 },
      absent: [held],
    });
    expect(await get('/v1/machines')).toMatchObject({
      machines: [{ id: here }, { id: there }],
      absent: [held],
    });
  });

  test('a loss is accepted, and who did so is shown', async () => {
    await ground.cluster.brake({ isOn: true, machines: [gone], reason: 'so', at: 7 });
    const answer = await release([gone, there, 'e'.repeat(32)]);
    expect(answer.status).toBe(200);
    expect(body(answer)).toMatchObject({
      machines: [
        { machine: gone, result: 'accepted' },
        { machine: there, result: 'present' },
        { machine: 'e'.repeat(32), result: 'unknown' },
      ],
    });
    const loss = { isForgotten: false, origin: { by: 'kim@box' } };
    expect(await get('/v1/brake')).toMatchObject({
      absent: [{ ...absent, isHeldBack: false, loss }],
    });
    const stored = ground.cluster.loss(gone);
    expect((await release([gone])).status).toBe(200);
    expect(ground.cluster.loss(gone)).toBe(stored);
  });

  test('a machine that is back before its loss is stored is not lost', async () => {
    // The store knows it, and the view does not yet.
    ground.cluster.beforeWrite = async () => ground.cluster.addMachine(gone, '10.0.0.3');
    expect(body(await release([gone]))).toMatchObject({ machines: [{ result: 'present' }] });
    expect(ground.cluster.loss(gone)).toBeNull();
  });

  test.each([
    [undefined, 'machines must be'],
    [[], 'machines must name at least one machine'],
    [['x'], 'machines[0] must be 32 lower-case hexadecimal digits'],
  ])('release with machines %j is refused', async (machines, message) => {
    const answer = await release(machines);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(message);
  });
});

describe('forgetting a machine', () => {
  test('is done when the leader has done it', async () => {
    await open();
    const answering = forget(gone);
    await until('the loss', () => ground.cluster.loss(gone));
    await ground.cluster.endLoss(gone);
    const answer = await answering;
    expect([answer.status, body(answer)]).toEqual([
      200,
      { machine: gone, result: 'forgotten', units: ['a.service', 'b.service'] },
    ]);
    const again = await forget(gone);
    expect([again.status, body(again)]).toEqual([
      200,
      { machine: gone, result: 'unknown', units: [] },
    ]);
  });

  test('is refused while it is there, or away in order', async () => {
    await open();
    for (const [awaySince, why] of [
      [null, 'it is there'],
      [5, 'its musterd was stopped in order'],
    ] as const) {
      ground.cluster.addMachine(there, '10.0.0.2', { awaySince });
      const answer = await forget(there);
      expect(answer.status).toBe(409);
      expect(body(answer)).toMatchObject({
        error: { code: 'machine-present', message: expect.stringContaining(why) },
      });
      expect(ground.cluster.loss(there)).toBeNull();
    }
  });

  test('is refused when it is back before it was forgotten', async () => {
    await open();
    const answering = forget(gone);
    await until('the loss', () => ground.cluster.loss(gone));
    ground.cluster.addMachine(gone, '10.0.0.3');
    await ground.cluster.endLoss(gone);
    expect((await answering).status).toBe(409);
  });

  test('without a leader is asked for, and said to be pending', async () => {
    // No wait is as long as it says.
    const clock = realClock();
    const hasty = { ...clock, sleep: (_: number, signal: AbortSignal) => clock.sleep(50, signal) };
    await open({ clock: hasty });
    const answer = await forget(gone);
    expect([answer.status, body(answer)]).toMatchObject([202, { result: 'pending' }]);
    expect(ground.cluster.loss(gone)).toContain('"isForgotten":true');
  });

  test('takes what was only set for it as well; an id that is none is refused', async () => {
    await open();
    const answering = forget(set);
    await until('the loss', () => ground.cluster.loss(set));
    await ground.cluster.endLoss(set);
    expect(body(await answering)).toMatchObject({ result: 'forgotten', units: [] });
    expect((await forget('xyz')).status).toBe(400);
  });
});
