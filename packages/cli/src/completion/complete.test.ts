import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import type { Command } from 'commander';
import { createContext } from '../context.ts';
import { verbPath } from '../help.ts';
import { createProgram } from '../program.ts';
import type { ProgramName } from '../program-name.ts';
import { m1, useCliCluster } from '../testing/cli-cluster.ts';
import { fillForCompletion, hostile } from '../testing/completion-units.ts';
import type { Terminal } from '../terminal.ts';
import { complete } from './complete.ts';
import { FieldsOption } from '../list.ts';
import { operandSources, valueSourceOf } from './sources.ts';

const current = useCliCluster();
beforeEach(() => fillForCompletion(current()));

const terminal: Terminal = {
  print: () => {},
  complain: () => {},
  write: async () => {},
  progress: () => {},
  isLive: false,
  isAsking: false,
  hasColour: false,
  openScreen: () => null,
};

function programFor(
  programName: ProgramName,
  environment: Record<string, string>,
): { program: Command; offer: (args: string[]) => Promise<string[]> } {
  const context = createContext({ terminal, environment, programName });
  const program = createProgram(context);
  return { program, offer: (args) => complete(program, context, { shell: 'zsh', args }) };
}

/** What is offered for the last of the words, without what is said of it. */
async function offered(...words: string[]): Promise<string[]> {
  const { offer } = programFor('musterctl', {});
  const [, ...lines] = await offer(['--endpoint', current().socket, ...words]);
  return lines.map((line) => line.replace(/\t.*/, ''));
}

const launched = [
  'a:b.service',
  'all.service',
  'broken.service',
  'my\\x2dapp.service',
  'web@1.service',
];

describe('units that make sense', () => {
  test.each([
    [['stop', ''], launched],
    [['restart', ''], launched],
    [
      ['unload', ''],
      [...launched, 'web@2.service'],
    ],
    [
      ['start', ''],
      ['web@', 'broken.service', 'idle.service', 'web@2.service'],
    ],
    [
      ['load', ''],
      ['web@', 'idle.service'],
    ],
    [
      ['cat', 'web'],
      ['web@.service', 'web@1.service', 'web@2.service'],
    ],
    [['destroy', 'i'], ['idle.service']],
    [
      ['status', ''],
      [...launched, 'web@2.service'],
    ],
    [
      ['journal', '-f', 'web'],
      ['web@1.service', 'web@2.service'],
    ],
    [['list-units', 'my'], ['my\\x2dapp.service']],
    [['list-unit-files', 'id'], ['idle.service']],
    [['submit', ''], []],
    [['sto', 'web'], ['web@1.service']],
    // What is on the line already, and options with their values, are no matter.
    [['stop', 'all.service', '--block-attempts', '5', 'a'], ['a:b.service']],
    [['stop', '--no-block', '--', 'web'], ['web@1.service']],
    [['--timeout', '3', 'stop', 'web'], ['web@1.service']],
  ])('%j', async (words, expected) => {
    expect(await offered(...words)).toEqual(expected);
  });
});

describe('other words', () => {
  test.each([
    [['st'], ['start', 'stop', 'status']],
    [['__'], []],
    [
      ['metadata', ''],
      ['set', 'remove', 'help'],
    ],
    [['help', 'list-m'], ['list-machines']],
    [['nonsense', ''], []],
    [['list-', ''], []],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['version', ''], []],
    [
      ['ssh', 'host-'],
      ['host-12', 'host-56', 'host-9a'],
    ],
    [['ssh', '1234'], [m1]],
    [
      ['ssh', '10.'],
      ['10.0.0.1', '10.0.0.2'],
    ],
    [
      ['ssh', '-A', 'web'],
      ['web@1.service', 'web@2.service'],
    ],
    [['ssh', 'host-12', ''], []],
    [['ssh', 'host-12', 'ls', '-'], []],
    [['ssh', '--machine', 'host-12', ''], []],
    [
      ['metadata', 'set', 'host-'],
      ['host-12', 'host-56', 'host-9a'],
    ],
    [
      ['metadata', 'set', 'host-12', ''],
      ['disk=', 'region='],
    ],
    [['metadata', 'remove', m1, 'disk', ''], ['region']],
    [['status', '--machine', 'host-1'], ['host-12']],
    [['status', '--machine=host-1'], ['--machine=host-12']],
    [
      ['ssh', '--unit', 'web'],
      ['web@1.service', 'web@2.service'],
    ],
    [
      ['list-units', '-o', ''],
      ['table', 'wide', 'json', 'yaml', 'name'],
    ],
    [['list-units', '--state', 'f'], ['failed']],
    [
      ['list-machines', '--state='],
      ['--state=present', '--state=away', '--state=absent'],
    ],
    [
      ['list-machines', '--metadata', ''],
      ['disk=ssd', `key=${hostile}`, 'region=eu'],
    ],
    [['events', '--type', 'unit-d'], ['unit-destroyed']],
    [['list-units', '--output=j'], ['--output=json']],
    [
      ['list-machines', '--fields', 'machine,m'],
      ['machine,machine', 'machine,metadata', 'machine,memory'],
    ],
    [['list-units', '--fields=su'], ['--fields=sub']],
    [
      ['--strict-host-key-checking='],
      ['--strict-host-key-checking=true', '--strict-host-key-checking=false'],
    ],
    [['--timeout', ''], []],
    [
      ['journal', '-o', 'short-i'],
      ['short-iso', 'short-iso-precise'],
    ],
    [['journal', '--li'], ['--lines']],
    [['stop', '--en'], ['--endpoint']],
    [['stop', '--', '--en'], []],
    [['journal', '-fn', ''], []],
  ])('%j', async (words, expected) => {
    expect(await offered(...words)).toEqual(expected);
  });

  test('machines that are absent, where something is said of them', async () => {
    expect(await offered('machine', 'forget', '')).toEqual([]);
    await current().cluster.assign('all.service', m1);
    await current().cluster.removeMachine(m1);
    expect(await offered('machine', 'forget', '12')).toEqual([m1]);
    expect(await offered('machine', 'forget', m1, '')).toEqual([]);
    expect(await offered('brake', 'release', '')).toEqual([]);
    await current().cluster.brake({ isOn: true, machines: [m1], reason: 'so', at: 5 });
    expect(await offered('brake', 'release', '')).toEqual([m1]);
  });

  test('all machines, each once, before a word has begun', async () => {
    const twin = '0'.repeat(32);
    current().cluster.addMachine(twin, null, { hostname: 'host-9a' });
    expect(await offered('status', '--machine', '')).toEqual([
      twin,
      'host-12',
      'host-56',
      '9abcdef0'.repeat(4),
    ]);
  });

  test('files are left to the shell', async () => {
    const { offer } = programFor('musterctl', {});
    const first = async (...words: string[]): Promise<string | undefined> =>
      (await offer(words))[0];
    expect(await first('submit', '')).toMatch(/(^| )service .*timer/);
    expect(await first('verify', 'x', '')).toMatch(/(^| )service .*timer/);
    expect(await first('--ca-file', '')).toBe('*');
    expect(await first('fd-forward', '')).toBe('*');
    expect(await first('fd-forward', 'x', '')).toBe('-');
    expect(await first('stop', '')).toBe('-');
  });
});

test('something is said of candidates', async () => {
  const { offer } = programFor('musterctl', {});
  const to = ['--endpoint', current().socket];
  expect(await offer([...to, 'ssh', 'host-1'])).toEqual(['-', 'host-12\t10.0.0.1']);
  expect(await offer([...to, 'destroy', 'web'])).toEqual([
    '-',
    'web@.service\ttemplate',
    'web@1.service\tlaunched',
    'web@2.service\tloaded',
  ]);
  expect(await offer(['metadata', 'r'])).toEqual([
    '-',
    expect.stringMatching(/^remove\tremove keys/),
  ]);
});

describe('the cluster is asked', () => {
  test('where the environment says, or the line, which goes before it', async () => {
    const { offer } = programFor('fleetctl', { FLEETCTL_ENDPOINT: current().socket });
    expect(await offer(['stop', 'web'])).toEqual(['-', 'web@1.service\tlaunched']);
    const nowhere = 'unix:/nope.sock';
    expect(await offer(['--endpoint', nowhere, 'stop', 'web'])).toEqual(['-']);
    const other = programFor('fleetctl', { FLEETCTL_ENDPOINT: nowhere });
    expect(await other.offer([`--endpoint=${current().socket}`, 'stop', 'web'])).toHaveLength(2);
  });

  test('for a second at most, and in silence', async () => {
    const silent = createServer(() => {});
    const file = path.join(current().dir, 'silent.sock');
    silent.listen(file);
    await once(silent, 'listening');
    const begun = performance.now();
    const { offer } = programFor('musterctl', {});
    expect(await offer(['--endpoint', `unix:${file}`, 'stop', ''])).toEqual(['-']);
    expect(performance.now() - begun).toBeLessThan(10_000);
    silent.close();
  });

  test('not with nonsense', async () => {
    for (const given of [
      ['--endpoint', 'nonsense'],
      ['--timeout', 'x'],
      ['--ca-file', '/nope'],
      ['--tunnel', 'a:b:'],
    ]) {
      expect((await offered(...given, 'st')).length).toBe(3);
    }
  });
});

test('every operand and every option with a value is known, or known to be free text', () => {
  const free =
    '--endpoint --timeout --tunnel --ssh-username --ssh-timeout --ssh-port --block-attempts ' +
    '--lines --since --until --grep --after --driver --etcd-key-prefix --request-timeout ' +
    '--max --at-once';
  const { program } = programFor('fleetctl', {});
  const all = [program, ...program.commands.flatMap((verb) => [verb, ...verb.commands])];
  const unknown = all
    .filter((verb) => !verb.name().startsWith('_'))
    .flatMap((verb) => [
      ...verb.options
        .filter((option) => option.required || option.optional)
        .filter((option) => option.argChoices === undefined && !(option instanceof FieldsOption))
        .filter((option) => valueSourceOf(verbPath(verb), option) === undefined)
        .map(({ long = '' }) => long)
        .filter((long) => !free.split(' ').includes(long)),
      ...verb.registeredArguments
        .slice(operandSources[verbPath(verb)]?.length ?? 0)
        .filter(
          ({ argChoices, variadic }) =>
            argChoices === undefined && !(variadic && operandSources[verbPath(verb)] !== undefined),
        )
        .map((argument) => `${verbPath(verb)} ${argument.name()}`),
    ]);
  expect(unknown).toEqual([]);
});
