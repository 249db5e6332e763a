import { parseCommandLine, usage } from './command-line.ts';

const none = { config: null, dev: false, user: false, state: null, acceptStore: false };

test.each([
  ['no arguments', [], { type: 'run', flags: none }],
  [
    'everything',
    ['--config', 'a.yaml', '--dev', '--user', '--state=/s', '--accept-store'],
    {
      type: 'run',
      flags: { config: 'a.yaml', dev: true, user: true, state: '/s', acceptStore: true },
    },
  ],
  ['a check', ['--check', '--config=-'], { type: 'check', flags: { ...none, config: '-' } }],
  ['the version', ['--version'], { type: 'version' }],
  ['help', ['--help'], { type: 'help' }],
  ['help in short, before everything else', ['-h', '--check', '--version'], { type: 'help' }],
])('%s', (_situation, args, expected) => {
  expect(parseCommandLine(args)).toEqual(expected);
});

test.each([
  [['--confg', 'x'], 'musterd: unknown option --confg; the nearest is --config'],
  [['-v'], 'musterd: unknown option -v; the nearest is --dev'],
  [['start'], 'musterd: it takes no arguments, but was given "start"; see musterd --help'],
  [['--config'], 'musterd: option --config needs a file'],
  [['--config', '--dev'], 'musterd: option --config needs a file'],
  [['--state='], 'musterd: option --state needs a directory'],
  [['--dev=yes'], 'musterd: option --dev takes no value'],
])('%j is misuse', (args, message) => {
  expect(parseCommandLine(args)).toEqual({ type: 'misuse', message });
});

test('the help names every option', () => {
  for (const option of ['config', 'dev', 'user', 'state', 'accept-store', 'check', 'version']) {
    expect(usage).toContain(`  --${option} `);
  }
});
