import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createApiServer, createForwarder } from '@muster/api';
import { createExplainer } from '../../scheduler/src/explainer.ts';
import { clock, m1, m2, simple, useCliCluster } from './testing/cli-cluster.ts';
import type { CliCluster, Ended } from './testing/cli-cluster.ts';

const cli = useCliCluster();
let cluster: CliCluster['cluster'];
let socket: string;

beforeEach(() => {
  ({ cluster, socket } = cli());
});

const musterctl = (...args: string[]): Promise<Ended> =>
  cli().run('musterctl', args, { MUSTER_ENDPOINT: socket, TZ: 'Asia/Kolkata' });
const unitFile = (name: string, text: string): string => cli().unitFile(name, text);

/** Lines with times that the test cannot know as `T`, when they are as they should be. */
function timeless({ status, out, err }: Ended): Ended {
  const shown = out.replace(
    /^20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+05:30(?= {2}(?!unit-state))/gm,
    'T'.padEnd(29),
  );
  return { status, out: shown, err };
}

test('the story of units, as people read it', async () => {
  unitFile('web.service', simple);
  unitFile('bad.service', '[Service]\nExecStart=/bin/false\n');
  await musterctl('start', 'web.service');
  await musterctl('start', 'bad.service');
  await musterctl('restart', 'web');
  await musterctl('metadata', 'set', '1234abcd', 'rack=7');
  await musterctl('stop', 'web');
  await musterctl('destroy', 'bad');
  await cluster.removeMachine(m2);
  expect(timeless(await musterctl('events'))).toEqual({
    status: 0,
    out: `-                              machine-joined    machine 1234abcd (host-12, 10.0.0.1) joined
-                              machine-joined    machine 5678abcd (host-56, 10.0.0.2) joined
T                              unit-submitted    web.service was submitted, to be launched, by tester@box
-                              unit-assigned     web.service goes to 1234abcd: test
2023-11-15T03:43:20.000+05:30  unit-state        web.service on 1234abcd: active (running)
T                              unit-submitted    bad.service was submitted, to be launched, by tester@box
-                              unit-assigned     bad.service goes to 5678abcd: test
2023-11-15T03:43:20.000+05:30  unit-state        bad.service on 5678abcd: failed (failed): exit-code
T                              unit-changed      web.service: restart asked for, by tester@box
-                              unit-reassigned   web.service on 1234abcd: to be restarted
T                              metadata-changed  metadata of machine 1234abcd: rack=7, by tester@box
T                              unit-changed      web.service: to be loaded (was launched), by tester@box
-                              unit-reassigned   web.service on 1234abcd: to be loaded (was launched)
-                              unit-state        web.service on 1234abcd: inactive (dead), was active (running)
T                              unit-destroyed    bad.service was destroyed by tester@box
-                              unit-withdrawn    bad.service is taken off 5678abcd
-                              unit-state        bad.service on 5678abcd: no longer there (was failed)
-                              machine-left      machine 5678abcd (host-56, 10.0.0.2) is gone: its lease ended
`,
    err: '',
  });
});

describe('which ones', () => {
  beforeEach(async () => {
    unitFile('web@.service', simple);
    unitFile('job.timer', '[Timer]\nOnCalendar=daily\n');
    await musterctl('start', 'web@1', 'web@2', 'job.timer');
  });

  const gist = async (...args: string[]): Promise<string[]> =>
    (await musterctl('events', ...args)).out
      .split('\n')
      .flatMap(
        (line) =>
          /^\S+ +(\S+) +(?:metadata of )?(?:machine )?(\S+)/.exec(line)?.slice(1).join(' ') ?? [],
      );

  test.each<[string, string[], string[]]>([
    [
      'a name without its type',
      ['web@1'],
      ['unit-submitted web@1.service', 'unit-assigned web@1.service', 'unit-state web@1.service'],
    ],
    [
      'a pattern',
      ['web@*', '--type', 'unit-state'],
      ['unit-state web@1.service', 'unit-state web@2.service'],
    ],
    [
      'a range',
      ['web@{2..3}', 'job.timer', '--type=unit-submitted'],
      ['unit-submitted web@2.service', 'unit-submitted job.timer'],
    ],
    [
      'of a machine',
      ['--machine', 'host-12', '--type', 'machine-joined,unit-state'],
      ['machine-joined 1234abcd', 'unit-state web@1.service', 'unit-state job.timer'],
    ],
    [
      'of several',
      ['--machine', m1, '--machine', m2, '--type', 'machine-joined'],
      ['machine-joined 1234abcd', 'machine-joined 5678abcd'],
    ],
    ['the last ones', ['-n', '2'], ['unit-assigned job.timer', 'unit-state job.timer']],
    ['none', ['-n0'], []],
    [
      'more than there are',
      ['-n', '1000', 'job.timer'],
      ['unit-submitted job.timer', 'unit-assigned job.timer', 'unit-state job.timer'],
    ],
    ['of a unit that never was', ['nobody'], []],
  ])('%s', async (_, args, expected) => {
    expect(await gist(...args)).toEqual(expected);
  });

  test('as data: an object on each line, whose id is a place to go on after', async () => {
    const { out } = await musterctl('events', '-o', 'json', 'web@1');
    const events = out
      .trimEnd()
      .split('\n')
      .map((line): { id: string; type: string } => JSON.parse(line));
    expect(events[0]).toMatchObject({
      type: 'unit-submitted',
      unit: 'web@1.service',
      by: 'tester@box',
      details: { from: null, to: { desiredState: 'launched' } },
    });
    expect(await gist('--after', events[1]?.id ?? '', 'web@1')).toEqual([
      'unit-state web@1.service',
    ]);
  });

  test('what is no longer kept is an error that says where to go on', async () => {
    const { revision } = cluster.store;
    cluster.store.compact(revision);
    expect(await musterctl('events', '--after', '3')).toEqual({
      status: 1,
      out: '',
      err: `error: what happened up to revision ${revision} is no longer kept; --after ${revision} shows what came then\n`,
    });
    expect(await musterctl('events')).toEqual({ status: 0, out: '', err: '' });
  });
});

test.each<[string[], number, string]>([
  [
    ['--after', 'x'],
    2,
    "error: option '--after <id>' argument 'x' is invalid. It must be a revision or the id of an event.\n",
  ],
  [
    ['--type', 'unit'],
    2,
    "error: option '--type <type>' argument 'unit' is invalid. \"unit\" is none of unit-submitted, ",
  ],
  [
    ['-n', 'x'],
    2,
    "error: option '-n, --lines <n>' argument 'x' is invalid. It must be a whole number, 0 or more.\n",
  ],
  [
    ['-o', 'yaml'],
    2,
    "error: option '-o, --output <format>' argument 'yaml' is invalid. Allowed choices are text, json.\n",
  ],
  [['--machine', 'zzzz'], 1, 'error: no machine is "zzzz"\n'],
  [['--after', '99999'], 1, 'error: there is no revision 99999, the newest is '],
  [['[x'], 1, 'error: unit "[x" is not a pattern for unit names\n'],
])('events %j ends with %d', async (args, status, err) => {
  expect(await musterctl('events', ...args)).toEqual({
    status,
    out: '',
    err: expect.stringContaining(err),
  });
});

test('a store that is away, a musterd that is not there', async () => {
  cluster.store.outage(true);
  expect(await musterctl('events', '-f')).toEqual({
    status: 3,
    out: '',
    err: 'error: the store does not answer (an outage was asked for)\n',
  });
  const nobody = await cli().run('musterctl', ['events', '-f'], {
    MUSTER_ENDPOINT: 'unix:/nope.sock',
  });
  expect(nobody).toMatchObject({
    status: 3,
    err: expect.stringContaining('there is no such socket'),
  });
});

describe('-f', () => {
  /** Follows events; `seen` waits until that has been printed. */
  class Follower {
    readonly #child: ChildProcessWithoutNullStreams;
    #out = '';
    #err = '';

    constructor(...args: string[]) {
      const command = [cli().program('musterctl'), 'events', '-f', ...args];
      this.#child = spawn(process.execPath, command, { env: { MUSTER_ENDPOINT: socket } });
      this.#child.stdout.on('data', (piece: Buffer) => (this.#out += piece.toString()));
      this.#child.stderr.on('data', (piece: Buffer) => (this.#err += piece.toString()));
    }

    async seen(what: RegExp, where: 'out' | 'err' = 'out'): Promise<void> {
      for (let i = 0; i < 1000; i += 1) {
        if (what.test(where === 'out' ? this.#out : this.#err)) return;
        await clock.sleep(10, new AbortController().signal);
      }
      throw new Error(`waited for ${String(what)}; it printed:\n${this.#out}${this.#err}`);
    }

    async interrupt(): Promise<Ended & { readonly signal: unknown }> {
      const ended = once(this.#child, 'close');
      this.#child.kill('SIGINT');
      const [status, signal] = await ended;
      return { status, signal, out: this.#out, err: this.#err };
    }
  }

  const start = (name: string): Promise<Ended> => musterctl('start', unitFile(name, simple));

  test('shows the last ones and what comes, until Ctrl-C, which is no failure', async () => {
    await start('old.service');
    const follower = new Follower('-n', '1', '--type', 'unit-submitted');
    await follower.seen(/old\.service was submitted/);
    await start('new.service');
    await follower.seen(/new\.service was submitted/);
    expect(await follower.interrupt()).toMatchObject({ status: 0, signal: null, err: '' });
  });

  test('goes on after a restart of musterd where it was', async () => {
    const follower = new Follower('-n', '0', '-o', 'json', '--type', 'unit-submitted');
    await start('a.service');
    // Whether it had begun to follow by then is not known: now it has.
    for (let i = 0; i < 2; i += 1) await start(`b${i}.service`);
    await start('c.service');
    await follower.seen(/c\.service/);
    await cli().server.close();
    await follower.seen(/cannot reach musterd at \S+: .*; trying again\n/, 'err');
    await cluster.units.write([
      {
        name: 'meanwhile.service',
        expect: 0,
        set: {
          hash: 'a'.repeat(40),
          file: simple,
          desiredState: 'inactive',
          restarts: 0,
          origin: { by: 'somebody' },
        },
      },
    ]);
    const again = createApiServer({
      units: cluster.units,
      explainer: createExplainer(),
      inspector: { status: async () => '', use: async () => [], journal: async function* () {} },
      self: { machineId: m1, hostname: 'box', version: '1.2.3' },
      clock,
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
      forward: createForwarder(null),
    });
    await again.listen([socket]);
    await follower.seen(/meanwhile\.service/);
    await start('last.service');
    await follower.seen(/last\.service/);
    const { out, err } = await follower.interrupt();
    await again.close();
    expect(err).toMatch(/; trying again\nconnected again; nothing was missed\n$/);
    const names = out
      .trimEnd()
      .split('\n')
      .map((line): string => JSON.parse(line).unit);
    expect(names.slice(-3)).toEqual(['c.service', 'meanwhile.service', 'last.service']);
    expect(new Set(names).size).toBe(names.length);
  });
});
