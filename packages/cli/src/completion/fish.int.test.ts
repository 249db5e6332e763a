// needs: fish
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ProgramName } from '../program-name.ts';
import { useCliCluster } from '../testing/cli-cluster.ts';
import { fillForCompletion, hostile } from '../testing/completion-units.ts';
import { linesOf, mark, prompt, runShell, typingIn } from '../testing/shell.ts';

jest.setTimeout(60_000);

const current = useCliCluster();
beforeEach(() => fillForCompletion(current()));

function environment(): Record<string, string> {
  const { socket, dir } = current();
  const endpoints = { MUSTER_ENDPOINT: socket, FLEETCTL_ENDPOINT: socket };
  return { PATH: process.env['PATH'] ?? '', ...endpoints, HOME: dir, TERM: 'dumb' };
}

/** Programs that print what they are given, and their completion. */
function setup(): string {
  const names: readonly ProgramName[] = ['musterctl', 'fleetctl'];
  const talkers = names.map(
    (name) => `function ${name}
  if test "$argv[1]" = __complete
    '${process.execPath}' '${current().program(name)}' $argv
  else
    printf '<%s>' $argv; echo '${mark}'
  end
end`,
  );
  const source = `'${process.execPath}' '${current().program('musterctl')}' completion fish | source`;
  return [...talkers, source].join('\n');
}

/** What fish offers at the end of a line, without what it says of it. */
async function offered(line: string): Promise<string[]> {
  const command = `${setup()}\ncomplete -C ${JSON.stringify(line)}`;
  const { out, err } = await runShell(['fish', '--no-config', '-c', command], {
    cwd: current().dir,
    env: environment(),
  });
  expect(err).toBe('');
  return linesOf(out)
    .map((each) => each.replace(/\t.*/, ''))
    .sort();
}

test.each([
  ['musterctl st', ['start', 'status', 'stop']],
  ['fleetctl stop we', ['web@1.service']],
  ['musterctl stop web@', ['web@1.service']],
  ['musterctl stop a:', ['a:b.service']],
  [
    'musterctl status --machine=host-',
    ['--machine=host-12', '--machine=host-56', '--machine=host-9a'],
  ],
  ['musterctl stop my', ['my\\x2dapp.service']],
  ['musterctl submit un', ['units/']],
  ['musterctl verify units/', ['units/new.service', 'units/new@.timer']],
  ['musterctl --endpoint unix:/nope.sock stop ', []],
])('fish offers for %s', async (line, expected) => {
  expect(await offered(line)).toEqual(expected);
});

test('what is typed with Tab is what the program is given', async () => {
  const { dir } = current();
  writeFileSync(
    path.join(dir, 'config.fish'),
    `${setup()}\nfunction fish_prompt\n  echo -n '${prompt}'\nend\n`,
  );
  const { type } = await typingIn("fish --no-config -C 'source config.fish' -i", {
    cwd: dir,
    env: environment(),
  });
  expect({
    verb: await type('musterctl sto\tx'),
    instance: await type('musterctl stop we\tx'),
    inside: await type('musterctl stop web@\tx'),
    colon: await type('musterctl stop a:\tx'),
    backslash: await type('musterctl stop my\tx'),
    choice: await type('musterctl list-units --output=j\tx'),
    blank: await type('musterctl submit my\tot\tx'),
    home: await type('musterctl submit ~/units/new.\tx'),
    option: await type('musterctl --ca-file units/no\tx'),
    template: await type('musterctl start web\t7'),
    file: await type('musterctl submit odd/\tx'),
    value: await type('musterctl list-machines --metadata key\tx'),
  }).toEqual({
    verb: ['stop', 'x'],
    instance: ['stop', 'web@1.service', 'x'],
    inside: ['stop', 'web@1.service', 'x'],
    colon: ['stop', 'a:b.service', 'x'],
    backslash: ['stop', 'my\\x2dapp.service', 'x'],
    choice: ['list-units', '--output=json', 'x'],
    blank: ['submit', 'my units/other.service', 'x'],
    home: ['submit', path.join(dir, 'units/new.service'), 'x'],
    option: ['--ca-file', 'units/notes.txt', 'x'],
    template: ['start', 'web@7'],
    file: ['submit', `odd/${hostile}.service`, 'x'],
    value: ['list-machines', '--metadata', `key=${hostile}`, 'x'],
  });
  expect(readdirSync(dir)).not.toContain('pwned');
});
