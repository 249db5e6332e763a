import { m1, m2, simple, useCliCluster } from './testing/cli-cluster.ts';
import type { Ended } from './testing/cli-cluster.ts';

const cli = useCliCluster();
const musterctl = (...args: string[]): Promise<Ended> => cli().musterctl(...args);
const ok = (out: string, err = ''): Ended => ({ status: 0, out, err });
const lines = (...each: string[]): string => each.map((line) => `${line}\n`).join('');
const inMars = `${simple}[X-Fleet]\nMachineMetadata=region=mars\n`;

const farRefusals = [
  '5678abcd.../10.0.0.2  refuses  MachineMetadata wants region=mars, the machine has no region',
  '1234abcd.../10.0.0.1  refuses  MachineMetadata wants region=mars, the machine has region=eu',
];

/** `web` runs on the first machine; `far-nowhere` is launched, and no machine can take it. */
beforeEach(async () => {
  cli().unitFile('web.service', simple);
  cli().unitFile('far-nowhere.service', inMars.replace('sleep', 'nowhere'));
  await musterctl('start', 'web.service');
  await musterctl('start', '--no-block', 'far-nowhere.service');
});

describe('explain', () => {
  test('says why a unit is where it is, and why another is nowhere', async () => {
    expect(await musterctl('explain', 'web', 'far-nowhere')).toEqual(
      ok(
        lines(
          'web.service is placed: it is on 1234abcd.../10.0.0.1: test',
          '  note: there is no leader: nothing is moved until there is one',
          'MACHINE               VERDICT  REASON',
          '1234abcd.../10.0.0.1  holds    test',
          '5678abcd.../10.0.0.2  able     it could run there as well',
          '',
          'far-nowhere.service is pending: no machine can take it',
          'MACHINE               VERDICT  REASON',
          ...farRefusals,
        ),
      ),
    );
  });

  test('as JSON, for all units that a pattern matches', async () => {
    const { status, out, err } = await musterctl('explain', '-o', 'json', '*e*');
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(JSON.parse(out)).toMatchObject([
      { unit: 'far-nowhere.service', status: 'pending', machines: [{}, {}] },
      {
        unit: 'web.service',
        status: 'placed',
        machines: [
          { machine: m1, verdict: 'holds', reason: 'test' },
          { machine: m2, verdict: 'able', reason: 'it could run there as well' },
        ],
      },
    ]);
  });

  test('says what was probably meant, and explains the others', async () => {
    const { status, out, err } = await musterctl('explain', 'wbe', 'far-nowhere', 'x*');
    expect({ status, err }).toEqual({
      status: 1,
      err: lines(
        'no unit matches "x*"',
        'unit "wbe.service" does not exist; the nearest name is "web.service"',
        'error: 2 of the arguments could not be explained',
      ),
    });
    expect(out).toMatch(/^far-nowhere.service is pending/);
  });
});

describe('list-units', () => {
  const why =
    'no machine can take it: 1 machine: MachineMetadata wants region=mars, the machine has no region; 1 more for other reasons';
  const plain = ({ out }: Ended): string[] => out.replace(/ +/g, ' ').trimEnd().split('\n');

  test('shows units that are nowhere as pending, each with the reason', async () => {
    expect(plain(await musterctl('list-units'))).toEqual([
      'UNIT MACHINE ACTIVE SUB FAILURE',
      `far-nowhere.service - pending - ${why}`,
      'web.service 1234abcd.../10.0.0.1 active running -',
    ]);
    expect(plain(await musterctl('list-units', '--no-legend', '--state', 'pending'))).toEqual([
      `far-nowhere.service - pending - ${why}`,
    ]);
    expect(plain(await musterctl('list-units', '--no-legend', 'web'))).toEqual([
      'web.service 1234abcd.../10.0.0.1 active running',
    ]);
  });

  test('programs see them when they ask for them', async () => {
    const names = async (...args: string[]): Promise<string> =>
      (await musterctl('list-units', '-o', 'name', ...args)).out;
    expect(await names()).toBe('web.service\n');
    expect(await names('--state', 'pending')).toBe('far-nowhere.service\n');
    expect(await names('--all')).toBe('far-nowhere.service\nweb.service\n');
    const { out } = await musterctl('list-units', '-o', 'json', '--state=pending');
    expect(JSON.parse(out)).toMatchObject([
      { unit: 'far-nowhere.service', machine: null, activeState: null, pending: why },
    ]);
  });

  test('a unit of an absent machine is pending there', async () => {
    await cli().cluster.removeMachine(m1);
    await cli().cluster.withdraw('far-nowhere.service', m1);
    const [row] = plain(await musterctl('list-units', '--no-legend', '--machine', m1));
    expect(row).toMatch(/^web.service 1234abcd... /);
  });

  test('fleetctl lists what it always has', async () => {
    const { out } = await cli().fleetctl('list-units', '--no-legend');
    expect(out).not.toContain('far-nowhere');
  });
});

describe('start --dry-run', () => {
  test('says where units would go, one after the other, and starts nothing', async () => {
    cli().unitFile('db@.service', `${simple}[X-Fleet]\nConflicts=db@*\n`);
    const before = cli().cluster.store.revision;
    expect(await musterctl('start', '--dry-run', 'db@{1..3}', 'web.service')).toEqual({
      status: 1,
      out: lines(
        'Unit db@1.service would go to 5678abcd.../10.0.0.2: least loaded',
        'Unit db@2.service would go to 1234abcd.../10.0.0.1: least loaded',
        'Unit web.service would stay on 1234abcd.../10.0.0.1',
      ),
      err: lines(
        'Unit db@3.service would be on no machine: no machine can take it: 2 machines: db@2.service is there and has Conflicts=db@*, or the like',
        'error: 1 of 4 units would be on no machine',
      ),
    });
    expect(cli().cluster.store.revision).toBe(before);
  });

  test('tells which others would have to move', async () => {
    cli().unitFile('new.service', `${simple}[X-Fleet]\nReplaces=web.service\n`);
    expect(await musterctl('start', '--dry-run', 'new.service')).toEqual(
      ok(lines('Unit new.service would go to 5678abcd.../10.0.0.2: least loaded')),
    );
    const euOnly = `${simple}[X-Fleet]\nReplaces=web.service\nMachineMetadata=region=eu\n`;
    cli().unitFile('eu.service', euOnly);
    expect(await musterctl('start', '--dry-run', 'eu.service')).toEqual(
      ok(
        lines(
          'Unit eu.service would go to 1234abcd.../10.0.0.1: least loaded',
          'Unit web.service would leave 1234abcd.../10.0.0.1 for 5678abcd.../10.0.0.2: replaced by eu.service',
        ),
      ),
    );
    const { out } = await musterctl('start', '--dry-run', '-o', 'json', 'eu.service');
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { unit: 'eu.service', result: 'launched', machines: [m1], reason: expect.any(String) },
      {
        unit: 'web.service',
        result: 'moved',
        machines: [m2],
        leaves: [m1],
        reason: 'replaced by eu.service',
      },
    ]);
  });

  test('a file with other content is refused as it would be, without --replace', async () => {
    cli().unitFile('web.service', inMars);
    expect(await musterctl('start', '--dry-run', 'web.service')).toEqual({
      status: 1,
      out: '',
      err: lines(
        'unit "web.service" exists with other content; add --replace to overwrite it',
        'error: nothing was stored',
      ),
    });
    const replaced = await musterctl('start', '--dry-run', '--replace', 'web.service');
    expect(replaced).toMatchObject({ status: 1, out: '' });
    expect(replaced.err).toContain('Unit web.service would be on no machine');
  });

  test('the exit status is that of start: 2 for what makes no sense, 3 without a cluster', async () => {
    expect(await musterctl('start', '--dry-run')).toMatchObject({ status: 2 });
    expect(await musterctl('start', '--dry-run', './nowhere/x.service')).toMatchObject({
      status: 2,
    });
    await cli().server.close();
    expect(await musterctl('start', '--dry-run', 'web.service')).toMatchObject({ status: 3 });
  });
});
