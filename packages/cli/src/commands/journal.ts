import { ApiError } from '@muster/api/client';
import type { ApiClient, JournalOptions } from '@muster/api/client';
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { parseCount } from '../block-options.ts';
import type { Context } from '../context.ts';
import { InterruptedError, OperationError } from '../errors.ts';
import { findMachine, machineWords } from '../find-machine.ts';
import { followJournal } from '../follow-journal.ts';
import { formatTable } from '../table.ts';
import { unitNameOf } from '../unit-sources.ts';
import { untilInterrupted } from '../until-interrupted.ts';

interface Options extends Omit<JournalOptions, 'lines'> {
  readonly lines?: number | 'all';
}

/** How many lines are shown unless they are searched. */
const fewLines = 10;

export function addJournal(program: Command, context: Context): void {
  program
    .command('journal')
    .description('show the journal of a unit, from the machine that has it')
    .argument('<unit>', 'name of a unit')
    .option(
      '-n, --lines <n>',
      `how many of the last lines, or "all" (default: ${fewLines}; with --grep: all)`,
      parseLines,
    )
    .option('-f, --follow', 'go on with what is logged from now on, until Ctrl-C')
    .option('--since <time>', 'nothing older, as journalctl(1) takes it')
    .option('--until <time>', 'nothing newer, as journalctl(1) takes it')
    .option('-g, --grep <pattern>', 'only messages that match, as journalctl(1) takes it')
    .option('-o, --output <format>', 'as journalctl(1) takes it', parseFormat, 'short')
    .option('--machine <machine>', `ask this machine, whoever has the unit: ${machineWords}`)
    .action((argument: string, options: Options, command: Command) =>
      showJournal(context, context.connect(command), { unit: unitNameOf(argument), options }),
    );
}

async function showJournal(
  { terminal, programName }: Context,
  client: ApiClient,
  { unit, options }: { readonly unit: string; readonly options: Options },
): Promise<void> {
  const { machine, lines, ...texts } = options;
  const query: JournalOptions = {
    ...texts,
    ...(machine === undefined ? {} : { machine: await findMachine(client, machine) }),
    lines: lines === 'all' ? null : (lines ?? (texts.grep === undefined ? fewLines : null)),
  };
  try {
    const isInterrupted = await untilInterrupted(async (signal) => {
      if (query.follow === true) return followJournal(client, terminal, { unit, query, signal });
      for await (const piece of client.journal(unit, query, signal)) await terminal.write(piece);
    });
    if (isInterrupted && query.follow !== true) throw new InterruptedError('interrupted');
  } catch (error) {
    if (error instanceof ApiError && error.code === 'several-machines') {
      throw new OperationError(await chooseOne(client, unit), { cause: error });
    }
    throw programName === 'fleetctl' ? inFleetsWords(error, unit) : error;
  }
}

function inFleetsWords(error: unknown, name: string): unknown {
  if (!(error instanceof ApiError)) return error;
  switch (error.code) {
    case 'not-found':
      return new OperationError(`Unit ${name} does not exist.`, { cause: error });
    case 'not-placed':
      return new OperationError(`Unit ${name} does not appear to be running.`, { cause: error });
    default:
      return error;
  }
}

/** Which machines there are to choose from. */
async function chooseOne(client: ApiClient, unit: string): Promise<string> {
  const [detail, machines] = await Promise.all([client.unit(unit), client.machines()]);
  const ids = (detail?.machines ?? []).map(({ machine }) => machine);
  const known = new Map(machines.map((machine) => [machine.id, machine]));
  const rows = ids.map((id) => {
    const machine = known.get(id);
    return ['', id, machine?.hostname ?? '(absent)', machine?.address ?? ''];
  });
  const list = formatTable(null, rows, false).join('\n');
  return `unit ${unit} is on ${ids.length} machines, choose one with --machine:\n${list}`;
}

function parseLines(text: string): Options['lines'] {
  return text === 'all' ? text : parseCount(text);
}

function parseFormat(text: string): string {
  if (/^[a-z][a-z-]*$/.test(text)) return text;
  throw new InvalidArgumentError('It must be an output format of journalctl(1).');
}
