import { Command, Option } from 'commander';
import { parseSeconds } from './block-options.ts';
import { addBrake } from './commands/brake.ts';
import { addCat } from './commands/cat.ts';
import { addCluster } from './commands/cluster.ts';
import { addComplete, addCompletion } from './commands/completion.ts';
import { addDestroy } from './commands/destroy.ts';
import { addEvents } from './commands/events.ts';
import { addExplain } from './commands/explain.ts';
import { addFdForward } from './commands/fd-forward.ts';
import { addJournal } from './commands/journal.ts';
import { addListMachines } from './commands/list-machines.ts';
import { addListUnitFiles } from './commands/list-unit-files.ts';
import { addListUnits } from './commands/list-units.ts';
import { addLoad } from './commands/load.ts';
import { addMachine } from './commands/machine.ts';
import { addMetadata } from './commands/metadata.ts';
import { addRebalance } from './commands/rebalance.ts';
import { addRestart } from './commands/restart.ts';
import { addScale } from './commands/scale.ts';
import { addSsh } from './commands/ssh.ts';
import { addStart } from './commands/start.ts';
import { addStatus } from './commands/status.ts';
import { addStop } from './commands/stop.ts';
import { addSubmit } from './commands/submit.ts';
import { addUnload } from './commands/unload.ts';
import { addVerify } from './commands/verify.ts';
import { addVersion } from './commands/version.ts';
import type { Context } from './context.ts';
import { defaultEndpoints } from './endpoint-option.ts';
import { addFleetctlOptions, allowNoUnits, readFleetctlEnvironment } from './fleetctl-options.ts';
import { addHelp, otherVerbs } from './help.ts';
import { addSshOptions } from './ssh-arguments.ts';
import { versionLine } from './version.ts';

const exitStatusHelp = {
  musterctl: `
Exit status:
  0  done
  1  it failed, or not all of it could be done
  2  the command line makes no sense
  3  the cluster cannot be reached`,
  fleetctl: `
Exit status:
  0  done
  1  it failed, not all of it could be done, or the cluster cannot be reached
  2  the command line makes no sense`,
};

/**
 * The whole command line. Parsing throws commander's errors instead of exiting.
 * @param first - its first word, where it is known: when that is a verb, the others are left out, which
 *   saves a tenth of the start-up time
 */
export function createProgram(context: Context, first?: string): Command {
  const { programName } = context;
  const program = new Command(programName)
    .usage('[options] VERB …')
    .description('Runs systemd units on a cluster of machines.')
    .version(versionLine(programName), '-v, --version', 'print the version of this program')
    .helpOption('-h, --help', 'show help')
    .addHelpCommand(
      new Command('help')
        .argument('[verb]')
        .description('show help of a verb')
        .helpGroup(otherVerbs),
    )
    .exitOverride()
    .showSuggestionAfterError()
    .addHelpText('after', exitStatusHelp[programName])
    .addOption(
      new Option(
        '--endpoint <url>',
        `unix:/path, http://host:port or https://host:port (default: ${defaultEndpoints[programName]})`,
      ).env('MUSTER_ENDPOINT'),
    )
    .option('--timeout <seconds>', 'give up after this time', parseSeconds)
    .addOption(new Option('--ca-file <file>', 'for https: PEM').env('MUSTER_CA_FILE'))
    .addOption(new Option('--cert-file <file>', 'for https: PEM').env('MUSTER_CERT_FILE'))
    .addOption(new Option('--key-file <file>', 'for https: PEM').env('MUSTER_KEY_FILE'))
    .option('--debug', 'tell of each request on standard error');
  addSshOptions(program);
  const only = first !== undefined && Object.hasOwn(verbs, first) ? verbs[first] : undefined;
  const all = [...Object.values(verbs), addComplete];
  for (const add of only === undefined ? all : [only]) add(program, context);
  addHelp(program, context);
  if (programName === 'fleetctl') {
    addFleetctlOptions(program);
    allowNoUnits(program);
    readFleetctlEnvironment(program, context);
  }
  return program;
}

/** In the order in which the help has them. */
export const verbs: Readonly<Record<string, (program: Command, context: Context) => void>> = {
  submit: addSubmit,
  load: addLoad,
  start: addStart,
  stop: addStop,
  unload: addUnload,
  restart: addRestart,
  scale: addScale,
  destroy: addDestroy,
  cat: addCat,
  status: addStatus,
  explain: addExplain,
  journal: addJournal,
  events: addEvents,
  'list-units': addListUnits,
  'list-unit-files': addListUnitFiles,
  'list-machines': addListMachines,
  metadata: addMetadata,
  machine: addMachine,
  brake: addBrake,
  cluster: addCluster,
  rebalance: addRebalance,
  ssh: addSsh,
  'fd-forward': addFdForward,
  verify: addVerify,
  completion: addCompletion,
  version: addVersion,
};
