// needs: zsh
import { mkdirSync, writeFileSync } from 'node:fs';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { ProgramName } from '../program-name.ts';
import { useCliCluster } from '../testing/cli-cluster.ts';
import { fillForCompletion, hostile } from '../testing/completion-units.ts';
import { prompt, talker, typingIn } from '../testing/shell.ts';

jest.setTimeout(60_000);

const current = useCliCluster();
beforeEach(() => fillForCompletion(current()));

/** A terminal with zsh. @param completion - lines of .zshrc that make it complete */
function zsh(completion: readonly string[]): ReturnType<typeof typingIn> {
  const { socket, dir } = current();
  const names: readonly ProgramName[] = ['musterctl', 'fleetctl'];
  const talkers = names.map((name) => talker(name, current().program(name)));
  const lines = [`PS1='${prompt}'`, 'unsetopt PROMPT_SP BEEP', ...talkers, ...completion, ''];
  writeFileSync(path.join(dir, '.zshrc'), lines.join('\n'));
  const endpoints = { MUSTER_ENDPOINT: socket, FLEETCTL_ENDPOINT: socket };
  const places = { PATH: process.env['PATH'] ?? '', HOME: dir, ZDOTDIR: dir };
  return typingIn('zsh -d -i', { cwd: dir, env: { ...places, ...endpoints, TERM: 'dumb' } });
}

const compinit = 'autoload -Uz compinit && compinit -u -D';

/** The shell command that prints the script. */
function script(): string {
  return `'${process.execPath}' '${current().program('musterctl')}' completion zsh`;
}

test('the script can lie where zsh looks for functions', async () => {
  const dir = path.join(current().dir, 'functions');
  mkdirSync(dir);
  const install = `${script()} >'${dir}/_musterctl' && fpath=('${dir}' $fpath)`;
  const { type } = await zsh([install, compinit]);
  expect(await type('musterctl stop we\tx')).toEqual(['stop', 'web@1.service', 'x']);
  expect(await type('fleetctl stop we\tx')).toEqual(['stop', 'web@1.service', 'x']);
});

test('what is typed with Tab is what the program is given', async () => {
  const { dir } = current();
  const { type, shown } = await zsh([compinit, `source <(${script()})`]);
  expect({
    verb: await type('musterctl sto\tx'),
    instance: await type('musterctl stop we\tx'),
    inside: await type('musterctl stop web@\tx'),
    colon: await type('musterctl stop a:\tx'),
    backslash: await type('musterctl stop my\tx'),
    double: await type('musterctl stop "my\t x'),
    single: await type("musterctl stop 'my\t x"),
    typed: await type('musterctl stop my\\\\x\tx'),
    choice: await type('musterctl list-units --output=j\tx'),
    blank: await type('musterctl submit my\tot\tx'),
    home: await type('musterctl submit ~/units/new.\tx'),
    option: await type('musterctl --ca-file units/no\tx'),
    template: await type('musterctl start web\t7'),
    file: await type('musterctl submit odd/\tx'),
    value: await type('musterctl list-machines --metadata key\tx'),
    fleetctl: await type('fleetctl stop we\tx'),
  }).toEqual({
    verb: ['stop', 'x'],
    instance: ['stop', 'web@1.service', 'x'],
    inside: ['stop', 'web@1.service', 'x'],
    colon: ['stop', 'a:b.service', 'x'],
    backslash: ['stop', 'my\\x2dapp.service', 'x'],
    double: ['stop', 'my\\x2dapp.service', 'x'],
    single: ['stop', 'my\\x2dapp.service', 'x'],
    typed: ['stop', 'my\\x2dapp.service', 'x'],
    choice: ['list-units', '--output=json', 'x'],
    blank: ['submit', 'my units/other.service', 'x'],
    home: ['submit', path.join(dir, 'units/new.service'), 'x'],
    option: ['--ca-file', 'units/notes.txt', 'x'],
    template: ['start', 'web@7'],
    file: ['submit', `odd/${hostile}.service`, 'x'],
    value: ['list-machines', '--metadata', `key=${hostile}`, 'x'],
    fleetctl: ['stop', 'web@1.service', 'x'],
  });
  expect(readdirSync(dir)).not.toContain('pwned');
  await type('musterctl st\tart x');
  expect(shown()).toMatch(/status +-- show what systemd says/);
});
