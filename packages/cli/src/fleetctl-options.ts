import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import type { Context } from './context.ts';
import { NothingToDoError, UsageError } from './errors.ts';
import { readSwitch } from './read-arguments.ts';

/** The name under which commander keeps what came from FLEETCTL_…, so that nothing but the command line goes before it. */
const source = 'fleetctl';

/**
 * Adds what fleetctl took and musterctl does not: options about fleet's own way to etcd, and some
 * that have no meaning any more. All but --driver and the file names are accepted without effect.
 */
export function addFleetctlOptions(program: Command): void {
  const group = 'Accepted as fleetctl took them:';
  const add = (command: Command, flags: string, description: string): void => {
    command.addOption(new Option(flags, description).helpGroup(group));
  };
  add(program, '--driver <name>', 'API; there is no way past it');
  add(program, '--etcd-keyfile <file>', 'the same as --key-file');
  add(program, '--etcd-certfile <file>', 'the same as --cert-file');
  add(program, '--etcd-cafile <file>', 'the same as --ca-file');
  add(program, '--etcd-key-prefix <prefix>', 'no effect');
  add(program, '--request-timeout <seconds>', 'no effect: it was for etcd; see --timeout');
  add(program, '--experimental-api', 'no effect: the API is all there is');
  const ofVerbs: Readonly<Record<string, readonly (readonly [flags: string, why: string])[]>> = {
    submit: [['--sign', 'no effect: units are not signed']],
    load: [['--sign', 'no effect: units are not signed']],
    start: [['--sign', 'no effect: units are not signed']],
    status: [['--ssh-port <port>', 'no effect: there is no ssh to a machine']],
    journal: [
      ['--ssh-port <port>', 'no effect: there is no ssh to a machine'],
      ['--sudo', 'no effect: musterd reads the journal'],
    ],
  };
  for (const command of program.commands) {
    for (const [flags, why] of ofVerbs[command.name()] ?? []) add(command, flags, why);
  }
}

/** Scripts give these verbs what another command printed, which may be nothing. */
const fleetVerbs = ['submit', 'load', 'start', 'stop', 'unload', 'restart', 'destroy'];

/** Lets verbs that change units be called without any: that is told, and no failure. */
export function allowNoUnits(program: Command): void {
  for (const verb of program.commands.filter((each) => fleetVerbs.includes(each.name()))) {
    for (const argument of verb.registeredArguments) argument.required = false;
    verb.hook('preAction', (_, { args }) => {
      if (args.length === 0) throw new NothingToDoError('No units given');
    });
  }
}

/**
 * Takes `FLEETCTL_ENDPOINT` and so on for the options of the command line, which goes before them.
 * A value that an option does not take is told and left alone.
 */
export function readFleetctlEnvironment(
  program: Command,
  { environment, terminal }: Pick<Context, 'environment' | 'terminal'>,
): void {
  for (const option of program.options) {
    const name = option.long?.slice(2) ?? '';
    if (name === '' || name === 'version' || option.negate) continue;
    const variable = `FLEETCTL_${name.toUpperCase().replaceAll('-', '_')}`;
    const text = environment[variable];
    if (text === undefined || text === '') continue;
    try {
      program.setOptionValueWithSource(option.attributeName(), readValue(option, text), source);
    } catch (error) {
      if (!(error instanceof UsageError || error instanceof InvalidArgumentError)) throw error;
      terminal.complain(`warning: ${variable} is left alone: ${error.message}`);
    }
  }
}

function readValue(option: Option, text: string): unknown {
  if (option.isBoolean()) return readSwitch(option.long ?? option.flags, text);
  return option.parseArg === undefined ? text : option.parseArg<unknown>(text, undefined);
}
