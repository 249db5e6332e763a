import { ApiError } from '@muster/api/client';
import type { JournalOptions } from '@muster/api/client';
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { parseCount } from '../block-options.ts';
import type { Context } from '../context.ts';
import { OperationError } from '../errors.ts';
import { findMachine } from '../find-machine.ts';
import { unitNameOf } from '../unit-sources.ts';
import { untilInterrupted } from '../until-interrupted.ts';

interface Options extends Omit<JournalOptions, 'lines'> {
  readonly lines: number | 'all';
}

export function addJournal(program: Command, context: Context): void {
  program
    .command('journal')
    .description('show the journal of a unit, from the machine that has it')
    .argument('<unit>', 'name of a unit')
    .option('-n, --lines <n>', 'how many of the last lines, or "all"', parseLines, 10)
    .option('-f, --follow', 'go on with what is logged from now on, until Ctrl-C')
    .option('--since <time>', 'nothing older, as journalctl(1) takes it')
    .option('-o, --output <format>', 'as journalctl(1) takes it', parseFormat, 'short')
    .option('--machine <machine>', 'ask this machine, whoever has the unit')
    .action(async (argument: string, options: Options, command: Command) => {
      const client = context.connect(command);
      const { machine, lines, ...query } = options;
      const place = machine === undefined ? {} : { machine: await findMachine(client, machine) };
      const name = unitNameOf(argument);
      const show = async (signal: AbortSignal): Promise<void> => {
        const pieces = client.journal(
          name,
          { ...query, ...place, lines: lines === 'all' ? null : lines },
          signal,
        );
        for await (const piece of pieces) {
          await context.terminal.write(piece);
        }
      };
      try {
        await untilInterrupted(show);
      } catch (error) {
        throw context.programName === 'fleetctl' ? inFleetsWords(error, name) : error;
      }
    });
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

function parseLines(text: string): Options['lines'] {
  return text === 'all' ? text : parseCount(text);
}

function parseFormat(text: string): string {
  if (/^[a-z][a-z-]*$/.test(text)) return text;
  throw new InvalidArgumentError('It must be an output format of journalctl(1).');
}
