import { until } from '../../registry/src/testing/ground.ts';
import { m1, m2, simple, useCliCluster } from './testing/cli-cluster.ts';
import type { Ended } from './testing/cli-cluster.ts';

const cli = useCliCluster();
const musterctl = (...args: string[]): Promise<Ended> => cli().musterctl(...args);
const lines = (...all: string[]): string => all.map((line) => `${line}\n`).join('');

/** m2 has units, and is gone. */
beforeEach(async () => {
  cli().unitFile('all.service', `${simple}[X-Fleet]\nGlobal=true\n`);
  cli().unitFile('web@.service', simple);
  await musterctl('start', 'all.service', 'web@{1..4}');
  await cli().cluster.removeMachine(m2);
});

const held = async (): Promise<void> => {
  const reason = '3 of 5 machines are absent';
  await cli().cluster.brake({ isOn: true, machines: [m2], reason, at: 1_700_000_000_000 });
};

const loss = [
  `Machine ${m2} has 3 units:`,
  '  all.service (global)',
  '  web@2.service',
  '  web@4.service',
];

/** As a leader would, as soon as it is asked for. */
const forgetWhenAsked = async (): Promise<void> => {
  await until('the loss', () => cli().cluster.loss(m2));
  await cli().cluster.endLoss(m2);
};

test('an absent machine is in the table, and in lists for programs when they ask', async () => {
  expect((await musterctl('list-machines')).out).toBe(
    lines(
      'MACHINE      IP        METADATA            STATE',
      '1234abcd...  10.0.0.1  disk=ssd,region=eu  present',
      '5678abcd...  -         -                   absent',
    ),
  );
  const names = async (...args: string[]): Promise<string> =>
    (await musterctl('list-machines', '-o', 'name', ...args)).out;
  expect(await names()).toBe(lines(m1));
  expect(await names('--state', 'absent')).toBe(lines(m2));
  expect(await names('--state', 'absent', '--metadata', 'a=b')).toBe('');
  expect((await cli().fleetctl('list-machines')).out).not.toContain('5678abcd');
});

test('status names it', async () => {
  const { out } = await musterctl('status');
  expect(out).toContain(lines('  Machines that are absent:', `    ${m2}: 3 units`));
});

describe('the brake', () => {
  test('says that it is off', async () => {
    expect(await musterctl('brake')).toEqual({
      status: 0,
      out: lines('The brake is off.', `  ${m2}: 3 units`),
      err: '',
    });
    expect(await musterctl('brake', 'release')).toEqual({
      status: 0,
      out: lines('The brake holds nothing back.'),
      err: '',
    });
  });

  test('says what it holds back, also as data', async () => {
    await held();
    const { out } = await musterctl('brake');
    expect(out).toContain(
      'The brake is on since 2023-11-14T22:13:20.000Z, 3 of 5 machines are absent: units',
    );
    expect(out).toContain(`  ${m2}: 3 units, held back`);
    expect(JSON.parse((await musterctl('brake', 'show', '-o', 'json')).out)).toMatchObject({
      isOn: true,
      absent: [{ id: m2, units: 3, isHeldBack: true }],
    });
  });

  test('is released without a question only when that is said', async () => {
    await held();
    const refused = await musterctl('brake', 'release');
    expect(refused).toEqual({
      status: 2,
      out: lines(...loss),
      err: 'error: there is no terminal to ask on: say --yes if you mean it\n',
    });
    expect(cli().cluster.loss(m2)).toBeNull();
    expect(await musterctl('brake', 'release', '--yes')).toEqual({
      status: 0,
      out: lines(...loss, `Machine ${m2} is accepted as lost.`),
      err: '',
    });
    expect(cli().cluster.loss(m2)).toContain('"by":"tester@box"');
    expect((await musterctl('brake')).out).toContain('accepted as lost by tester@box');
  });

  test('is released with an answer for programs', async () => {
    expect((await musterctl('brake', 'release', '-o', 'json')).out).toBe(lines('[]'));
    await held();
    const { status, out, err } = await musterctl('brake', 'release', '-y', '-o', 'json');
    expect([status, JSON.parse(out), err]).toEqual([
      0,
      [{ machine: m2, result: 'accepted' }],
      lines(...loss),
    ]);
  });

  test('on a terminal the question is answered', async () => {
    await held();
    const release = (typed: string): Promise<string> =>
      cli().onTerminal('musterctl', ['brake', 'release'], {}, typed);
    expect(await release('n\n')).toContain('error: nothing was changed');
    expect(cli().cluster.loss(m2)).toBeNull();
    const said = await release('y\n');
    expect(said).toContain('Place these units elsewhere? [y/N] ');
    expect(said).toContain(`Machine ${m2} is accepted as lost.`);
  });

  test('a machine that is there is not lost', async () => {
    const { status, err } = await musterctl('brake', 'release', '-y', m1, m2);
    expect([status, err]).toEqual([
      1,
      lines(`Machine ${m1} is not lost: it is there.`, 'error: 1 of 2 machines are not lost'),
    ]);
    expect(cli().cluster.loss(m2)).not.toBeNull();
  });
});

describe('machine forget', () => {
  test('forgets a machine that is named by the beginning of its id', async () => {
    const [ended] = await Promise.all([
      musterctl('machine', 'forget', '--yes', '5678'),
      forgetWhenAsked(),
    ]);
    expect(ended).toEqual({
      status: 0,
      out: lines(...loss, `Machine ${m2} is forgotten.`),
      err: '',
    });
    expect(await musterctl('machine', 'forget', '--yes', m2)).toEqual({
      status: 0,
      out: lines(`Nothing is known of machine ${m2}.`),
      err: '',
    });
  });

  test.each([
    ['one that is there', 'host-12', /is there: only a machine that is absent can be forgotten/],
    ['one that does not exist', '9999', /no machine is "9999"/],
  ])('refuses %s', async (_, machine, message) => {
    const { status, err } = await musterctl('machine', 'forget', '--yes', machine);
    expect(status).toBe(1);
    expect(err).toMatch(message);
  });

  test('answers programs with what was on it', async () => {
    const [{ status, out }] = await Promise.all([
      musterctl('machine', 'forget', '--yes', '-o', 'json', m2),
      forgetWhenAsked(),
    ]);
    const units = ['all.service', 'web@2.service', 'web@4.service'];
    expect([status, JSON.parse(out)]).toEqual([0, [{ machine: m2, result: 'forgotten', units }]]);
  });

  test('refuses one that is away, and says so', async () => {
    cli().cluster.addMachine(m2, '10.0.0.2', { awaySince: 5 });
    const { status, err } = await musterctl('machine', 'forget', '--yes', m2);
    expect([status, err]).toEqual([
      1,
      lines(
        `error: machine ${m2} is away, its musterd was stopped in order: only a machine that is absent can be forgotten`,
      ),
    ]);
  });

  test('says that it is asked for when the leader has not done it in time', async () => {
    const { status, err } = await musterctl('machine', 'forget', '--yes', m2);
    expect([status, err]).toEqual([
      1,
      lines(
        `error: ${m2} is not forgotten yet: the leader does it as soon as there is one, and nothing that must not run twice can be up there any more`,
      ),
    ]);
    expect(cli().cluster.loss(m2)).toContain('"isForgotten":true');
  }, 30_000);

  test('asks before', async () => {
    const said = await cli().onTerminal('musterctl', ['machine', 'forget', '5678'], {}, '\n');
    expect(said).toContain('Forget it, and place its units elsewhere? [y/N] ');
    expect(said).toContain('nothing was changed');
    expect(cli().cluster.loss(m2)).toBeNull();
  });
});
