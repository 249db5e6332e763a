import { simple, useCliCluster } from './testing/cli-cluster.ts';
import type { ProgramName } from './program-name.ts';

const cli = useCliCluster();
const green = '\x1b[32mactive\x1b[0m';

beforeEach(async () => {
  cli().unitFile('web.service', simple);
  await cli().musterctl('start', 'web.service');
});

test('colour is used on a terminal', async () => {
  const lines = (await onTerminal('musterctl', ['list-units'])).split('\r\n');
  expect(lines).toEqual([
    'UNIT         MACHINE               ACTIVE  SUB',
    `web.service  1234abcd.../10.0.0.1  ${green}  running`,
    '',
  ]);
});

test.each([
  ['NO_COLOR', { NO_COLOR: '1' }, false],
  ['NO_COLOR without a value', { NO_COLOR: '' }, true],
  ['a dumb terminal', { TERM: 'dumb' }, false],
])('%s', async (_, environment, hasColour) => {
  expect((await onTerminal('musterctl', ['list-units'], environment)).includes('\x1b')).toBe(
    hasColour,
  );
});

test('no colour in a pipe, nor as fleetctl, nor in data', async () => {
  expect((await cli().musterctl('list-units')).out).not.toContain('\x1b');
  expect(await onTerminal('fleetctl', ['list-units'])).not.toContain('\x1b');
  expect(await onTerminal('musterctl', ['list-units', '-o', 'json'])).not.toContain('\x1b');
});

test('what is waited for is shown on a terminal, and wiped away', async () => {
  cli().unitFile('far.service', `${simple}[X-Fleet]\nMachineMetadata=at=nowhere\n`);
  const args = ['start', 'web', 'far.service', '--timeout', '0.3'];
  const shown = await onTerminal('musterctl', args);
  expect(shown).toContain('1 of 2 units ...\r\x1b[K');
  expect(await onTerminal('musterctl', args, { TERM: 'dumb' })).not.toContain('units ...');
  expect((await cli().musterctl(...args)).err).not.toContain('units ...');
});

/** What the program writes on a pseudo-terminal, made by script(1) of util-linux. */
function onTerminal(
  program: ProgramName,
  args: readonly string[],
  environment: Record<string, string> = {},
): Promise<string> {
  return cli().onTerminal(program, args, { TERM: 'xterm', ...environment });
}
