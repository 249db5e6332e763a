import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ProgramName } from '../program-name.ts';
import { useCliCluster } from '../testing/cli-cluster.ts';
import { fillForCompletion, hostile } from '../testing/completion-units.ts';
import { linesOf, prompt, runShell, talker, typingIn } from '../testing/shell.ts';

jest.setTimeout(60_000);

const current = useCliCluster();
beforeEach(() => fillForCompletion(current()));

function environment(): Record<string, string> {
  const { socket, dir } = current();
  const endpoints = { MUSTER_ENDPOINT: socket, FLEETCTL_ENDPOINT: socket };
  return { PATH: process.env['PATH'] ?? '', ...endpoints, HOME: dir, TERM: 'dumb' };
}

/** What a shell reads first: the programs, which print what they are given, and their completion. */
function setup(): string {
  const names: readonly ProgramName[] = ['musterctl', 'fleetctl'];
  const source = `source <('${process.execPath}' '${current().program('musterctl')}' completion bash)`;
  return [...names.map((name) => talker(name, current().program(name))), source].join('\n');
}

/** What bash offers at the end of a line. */
async function offered(line: string): Promise<string[]> {
  const script = `${setup()}
COMP_LINE=$1 COMP_POINT=\${#1} COMP_WORDS=($2)
[[ $(complete -p "$2") == *' -F _musterctl '* ]] || exit
_musterctl
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const [name = ''] = line.split(' ');
  const { out, err } = await runShell(['bash', '--norc', '-c', script, 'bash', line, name], {
    cwd: current().dir,
    env: environment(),
  });
  expect(err).toBe('');
  return linesOf(out).sort();
}

test.each([
  ['musterctl st', ['start', 'status', 'stop']],
  ['fleetctl st', ['start', 'status', 'stop']],
  ['fleetctl stop we', ['web@1.service']],
  // bash replaces only what begins with @, and what follows : and =.
  ['musterctl stop web@', ['@1.service']],
  ['musterctl stop a:b', ['b.service']],
  ['musterctl list-units -o=j', ['json']],
  ['musterctl status --machine=host-', ['host-12', 'host-56', 'host-9a']],
  ['musterctl stop my', [String.raw`my\\x2dapp.service`]],
  [String.raw`musterctl stop "my`, [String.raw`my\\x2dapp.service`]],
  [String.raw`musterctl stop 'my`, [String.raw`my\x2dapp.service`]],
  ['musterctl submit un', ['units/']],
  ['musterctl submit units/', ['units/new.service', 'units/new@.timer']],
  ['musterctl submit ~/units/new@', ['@.timer']],
  ['musterctl submit my', [String.raw`my\ units/`]],
  ['musterctl --ca-file units/no', ['units/notes.txt']],
  ['musterctl --endpoint unix:/nope.sock stop ', []],
  ['musterctl "sto', ['stop']],
])('bash offers for %s', async (line, expected) => {
  expect(await offered(line)).toEqual(expected);
});

test('what is typed with Tab is what the program is given', async () => {
  writeFileSync(path.join(current().dir, 'bashrc'), `PS1='${prompt}'\n${setup()}\n`);
  const options = { cwd: current().dir, env: environment() };
  const { type } = await typingIn('bash --noprofile --rcfile ./bashrc -i', options);
  expect({
    verb: await type('musterctl sto\tx'),
    instance: await type('musterctl stop we\tx'),
    inside: await type('musterctl stop web@\tx'),
    colon: await type('musterctl stop a:\tx'),
    backslash: await type('musterctl stop my\tx'),
    quoted: await type('musterctl stop "my\t x'),
    typed: await type('musterctl stop my\\\\x\tx'),
    choice: await type('musterctl list-units --output=j\tx'),
    blank: await type('musterctl submit my\tot\tx'),
    home: await type('musterctl submit ~/units/new.\tx'),
    template: await type('musterctl start web\t7'),
    file: await type('musterctl submit odd/\tx'),
    inQuotes: await type('musterctl submit "odd/\t x'),
    value: await type('musterctl list-machines --metadata key\tx'),
    fleetctl: await type('fleetctl list-u\ts x'),
    // As bash-completion sets it: @ begins nothing new from now on.
    hostless: await type('shopt -u hostcomplete; musterctl x'),
    after: await type('musterctl stop web@\tx'),
  }).toEqual({
    verb: ['stop', 'x'],
    instance: ['stop', 'web@1.service', 'x'],
    inside: ['stop', 'web@1.service', 'x'],
    colon: ['stop', 'a:b.service', 'x'],
    backslash: ['stop', 'my\\x2dapp.service', 'x'],
    quoted: ['stop', 'my\\x2dapp.service', 'x'],
    typed: ['stop', 'my\\x2dapp.service', 'x'],
    choice: ['list-units', '--output=json', 'x'],
    blank: ['submit', 'my units/other.service', 'x'],
    home: ['submit', path.join(current().dir, 'units/new.service'), 'x'],
    template: ['start', 'web@7'],
    file: ['submit', `odd/${hostile}.service`, 'x'],
    inQuotes: ['submit', `odd/${hostile}.service`, 'x'],
    value: ['list-machines', '--metadata', `key=${hostile}`, 'x'],
    fleetctl: ['list-units', 'x'],
    hostless: ['x'],
    after: ['stop', 'web@1.service', 'x'],
  });
  expect(readdirSync(current().dir)).not.toContain('pwned');
});
