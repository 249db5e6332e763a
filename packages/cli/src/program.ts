import { Command, Option } from 'commander';
import { parseSeconds } from './block-options.ts';
import { addCat } from './commands/cat.ts';
import { addDestroy } from './commands/destroy.ts';
import { addJournal } from './commands/journal.ts';
import { addListMachines } from './commands/list-machines.ts';
import { addListUnitFiles } from './commands/list-unit-files.ts';
import { addListUnits } from './commands/list-units.ts';
import { addLoad } from './commands/load.ts';
import { addMetadata } from './commands/metadata.ts';
import { addRestart } from './commands/restart.ts';
import { addStart } from './commands/start.ts';
import { addStatus } from './commands/status.ts';
import { addStop } from './commands/stop.ts';
import { addSubmit } from './commands/submit.ts';
import { addUnload } from './commands/unload.ts';
import { addVersion } from './commands/version.ts';
import { defaultEndpoint } from './context.ts';
import type { Context } from './context.ts';
import { version } from './version.ts';

const exitStatusHelp = `
Exit status:
  0  done
  1  it failed, or not all of it could be done
  2  the command line makes no sense
  3  the cluster cannot be reached`;

/** The whole command line. Parsing throws commander's errors instead of exiting. */
export function createProgram(context: Context): Command {
  const program = new Command('musterctl')
    .description('Runs systemd units on a cluster of machines.')
    .version(`musterctl version ${version}`)
    .exitOverride()
    .showSuggestionAfterError()
    .addHelpText('after', exitStatusHelp)
    .addOption(
      new Option(
        '--endpoint <url>',
        `unix:/path, http://host:port or https://host:port (default: ${defaultEndpoint})`,
      ).env('MUSTER_ENDPOINT'),
    )
    .option('--timeout <seconds>', 'give up after this time', parseSeconds)
    .addOption(new Option('--ca-file <file>', 'for https: PEM').env('MUSTER_CA_FILE'))
    .addOption(new Option('--cert-file <file>', 'for https: PEM').env('MUSTER_CERT_FILE'))
    .addOption(new Option('--key-file <file>', 'for https: PEM').env('MUSTER_KEY_FILE'));
  const verbs = [
    addSubmit,
    addLoad,
    addStart,
    addStop,
    addUnload,
    addRestart,
    addDestroy,
    addCat,
    addStatus,
    addJournal,
    addListUnits,
    addListUnitFiles,
    addListMachines,
    addMetadata,
    addVersion,
  ];
  for (const add of verbs) add(program, context);
  return program;
}
