import type { Command } from 'commander';
import { verbHelp } from './help.ts';
import { programNameOf } from './program-name.ts';
import { createProgram, verbs as allVerbs } from './program.ts';
import { readArguments } from './read-arguments.ts';
import type { ProgramName } from './program-name.ts';
import type { Terminal } from './terminal.ts';

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

const dryContext = {
  terminal,
  environment: {},
  connect: () => {
    throw new Error('a dry verb connected');
  },
  close: () => {},
};

/** The whole command line with verbs that do nothing. */
function dryProgram(programName: ProgramName): Command {
  const program = createProgram({ ...dryContext, programName });
  for (const verb of program.commands.flatMap((each) => [each, ...each.commands])) {
    if (verb.commands.length === 0) verb.action(() => {});
    verb.exitOverride().configureOutput({ writeErr: () => {} });
  }
  return program.configureOutput({ writeErr: () => {} });
}

function words(line: string): string[] {
  return line.split(' ').map((word) => word.replace(/^'(.*)'$/, '$1'));
}

const read = (line: string, programName: ProgramName = 'musterctl'): string =>
  readArguments(dryProgram(programName), words(line), programName).join(' ');

test.each<[string, ProgramName]>([
  ['/usr/local/bin/fleetctl', 'fleetctl'],
  ['/opt/fleetctl.cjs', 'fleetctl'],
  ['/opt/fleetctl.js', 'fleetctl'],
  ['/opt/musterctl.cjs', 'musterctl'],
  ['/opt/fleetctl/musterctl.cjs', 'musterctl'],
  ['/opt/my-fleetctl', 'musterctl'],
])('%s is %s', (script, name) => {
  expect(programNameOf(script)).toBe(name);
});

describe('the command line', () => {
  test.each([
    // A beginning that only one verb has.
    ['des web', 'destroy web'],
    ['u web', 'unload web'],
    ['list-unit-f', 'list-unit-files'],
    ['metadata r m k', 'metadata remove m k'],
    ['help des', 'destroy --help'],
    ['help metadata s', 'metadata set --help'],
    ['help help', 'help'],
    ['help help help des', 'destroy --help'],
    ['help nonsense', 'nonsense'],
    ['help -- nonsense', 'help -- nonsense'],
    // A whole verb is no beginning of another.
    ['list-units web', 'list-units web'],
    // What is no verb stays what it is, for the error that names it.
    ['nonsense a', 'nonsense a'],
    // Options before the verb, with their values.
    ['--endpoint start stop web', 'stop --endpoint start web'],
    ['--no-block --block-attempts 3 stop web', 'stop --no-block --block-attempts 3 web'],
    ['-n 5 journal web', 'journal -n 5 web'],
    ['-fn 5 journal web', 'journal -fn 5 web'],
    ['-n5 journal web', 'journal -n5 web'],
    // Switches with a value.
    ['list-units --full=true --no-legend=1', 'list-units --full --no-legend'],
    ['list-units --full=false --no-legend=F', 'list-units'],
    ['list-units --fields=unit', 'list-units --fields=unit'],
    // As fleetctl 1.0 had to be called.
    ['list-units --l', 'list-units -l'],
    ['journal --f web', 'journal -f web'],
    ['--h', '-h'],
    // A value is not looked at.
    ['list-units --fields --l', 'list-units --fields --l'],
    ['stop -- --l', 'stop -- --l'],
    ['-endpoint=x list-units', 'list-units -endpoint=x'],
    ['', ''],
    // Hidden verbs are for programs: what they are given stays as it is.
    ['--endpoint x __hidden --l des', '--endpoint x __hidden --l des'],
  ])('%s is read as: %s', (line, expected) => {
    expect(read(line)).toBe(expected);
  });

  test.each([
    ['-endpoint=http://a list-units', 'list-units --endpoint=http://a'],
    ['-endpoint http://a list-units', 'list-units --endpoint http://a'],
    ['list-units -full -fields unit', 'list-units --full --fields unit'],
    ['list-units -no-legend=true -l', 'list-units --no-legend -l'],
    ['--experimental-api=false version', 'version'],
    ['--driver etcd cat x', 'cat --driver etcd x'],
  ])('as fleetctl: %s is read as: %s', (line, expected) => {
    expect(read(line, 'fleetctl')).toBe(expected);
  });

  test.each([
    ['st web', '"st" can be start, status or stop'],
    ['list', '"list" can be list-machines, list-unit-files or list-units'],
    ['list-units --full=perhaps', '--full must be true or false, not "perhaps"'],
  ])('%s is refused', (line, message) => {
    expect(() => read(line)).toThrow(message);
  });

  test.each([
    ['ssh -A web ls --l -l', 'ssh -A web -- ls --l -l'],
    ['ssh web -A ls -A', 'ssh web -A -- ls -A'],
    ['ssh web -- ls -l', 'ssh web -- ls -l'],
    ['ssh web ls -- -l', 'ssh web -- ls -- -l'],
    ['ssh --machine abcd ls -A', 'ssh --machine abcd -- ls -A'],
    ['--tunnel a ssh --unit=b ls --tunnel c', 'ssh --tunnel a --unit=b -- ls --tunnel c'],
    ['ssh --ssh-port 22 web ls --version', 'ssh --ssh-port 22 web -- ls --version'],
    ['ssh web', 'ssh web'],
  ])('the remote command of %s is left alone', (line, expected) => {
    expect(read(line)).toBe(expected);
  });
});

test.each(Object.keys(allVerbs))('a line that begins with %s has that verb only', (verb) => {
  const program = createProgram({ ...dryContext, programName: 'fleetctl' }, verb);
  expect(program.commands.map((command) => command.name())).toEqual([verb]);
});

describe('help', () => {
  const verbs = (program: Command, above = ''): [string, Command][] =>
    program.commands.flatMap((verb): [string, Command][] => [
      [`${above}${verb.name()}`, verb],
      ...verbs(verb, `${above}${verb.name()} `),
    ]);
  const program = dryProgram('musterctl');

  test('every verb has an example, and nothing else has', () => {
    const names = verbs(program)
      .map(([name]) => name)
      .filter((name) => !name.startsWith('_'));
    expect(Object.keys(verbHelp).sort()).toEqual(names.sort());
    expect(Object.values(verbHelp).filter(({ examples }) => examples.length === 0)).toEqual([]);
  });

  test.each(verbs(program).filter(([name]) => !name.startsWith('_')))(
    'help of %s shows its example',
    (name, verb) => {
      let text = '';
      verb.configureOutput({ writeOut: (piece) => (text += piece) }).outputHelp();
      expect(text).toContain(`Usage: musterctl ${name}`);
      expect(text).toContain('Example:\n');
      expect(text).toContain(`  musterctl ${verbHelp[name]?.examples[0]?.[0]}\n`);
    },
  );

  const examples = Object.entries(verbHelp).flatMap(([verb, { examples: all }]) =>
    all.map(([line]) => ({ verb, line })),
  );
  test.each(examples)('the example of $verb parses: $line', async ({ verb, line }) => {
    // What is done without a word for it is left out.
    const [group = ''] = verb.split(' ');
    const isDefault = verb === 'rebalance run' && line.startsWith(`${group} `);
    expect(`${line} `.startsWith(`${verb} `) || verb === 'metadata' || isDefault).toBe(true);
    for (const name of ['musterctl', 'fleetctl'] as const) {
      const dry = dryProgram(name);
      await dry.parseAsync(readArguments(dry, words(line), name), { from: 'user' });
    }
  });
});
