import { parseArgs } from 'node:util';
import { nearest } from '@muster/core';

export interface Flags {
  /** null: the default file, if it exists. */
  readonly config: string | null;
  readonly dev: boolean;
  readonly user: boolean;
  readonly state: string | null;
  readonly acceptStore: boolean;
}

/** `misuse`: print the sentence and exit with status 2. */
export type CommandLine =
  | { readonly type: 'run' | 'check'; readonly flags: Flags }
  | { readonly type: 'help' | 'version' }
  | { readonly type: 'misuse'; readonly message: string };

export const usage = `Usage: musterd [options]

Runs the units that the cluster places on this machine, places them when this machine leads,
and answers musterctl.

  --config FILE    read this file instead of /etc/muster/musterd.yaml
                   (with --user: ~/.config/muster/musterd.yaml)
  --dev            a cluster of one machine with an etcd of its own, nothing to configure
  --user           use this user's systemd and directories instead of the system's
  --state DIR      keep state there instead of /var/lib/muster
                   (with --user: ~/.local/state/muster)
  --accept-store   accept the store as it is now, though it is not the one this machine knew
  --check          check the configuration and exit
  --version        print the version and exit
  --help           print this and exit

SIGHUP: the configuration is read anew, and what can be is taken over without a restart.
Keys of the configuration file and their MUSTER_ variables: docs/configuration.md.
`;

const options = {
  config: { type: 'string' },
  dev: { type: 'boolean' },
  user: { type: 'boolean' },
  state: { type: 'string' },
  'accept-store': { type: 'boolean' },
  check: { type: 'boolean' },
  version: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @param args — without the program's own name */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values, tokens } = tokenize(args);
  for (const token of tokens) {
    const problem = misuse(token);
    if (problem !== null) return { type: 'misuse', message: `musterd: ${problem}` };
  }
  if (values.help === true) return { type: 'help' };
  if (values.version === true) return { type: 'version' };
  const text = (value: string | boolean | undefined): string | null =>
    typeof value === 'string' ? value : null;
  return {
    type: values.check === true ? 'check' : 'run',
    flags: {
      config: text(values.config),
      dev: values.dev === true,
      user: values.user === true,
      state: text(values.state),
      acceptStore: values['accept-store'] === true,
    },
  };
}

type Token = ReturnType<typeof tokenize>['tokens'][number];

function tokenize(args: readonly string[]) {
  return parseArgs({ args: [...args], options, strict: false, tokens: true });
}

/** What is wrong with one word of the command line; null: nothing. */
function misuse(token: Token): string | null {
  if (token.kind === 'positional') {
    return `it takes no arguments, but was given "${token.value}"; see musterd --help`;
  }
  if (token.kind === 'option-terminator') return null;
  if (!Object.hasOwn(options, token.name)) {
    const known = nearest(token.name, ['config', ...Object.keys(options)]);
    return `unknown option ${token.rawName}; the nearest is --${known}`;
  }
  const takesValue = token.name === 'config' || token.name === 'state';
  if (!takesValue) {
    return token.value === undefined ? null : `option --${token.name} takes no value`;
  }
  const isMissing = !token.value || (!token.inlineValue && token.value.startsWith('-'));
  const what = token.name === 'config' ? 'a file' : 'a directory';
  return isMissing ? `option --${token.name} needs ${what}` : null;
}
