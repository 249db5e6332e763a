import { ApiError, eventTypes, resumeEvents } from '@muster/api/client';
import type { ApiClient, EventBody, EventsQuery } from '@muster/api/client';
import { escapeGlob } from '@muster/core';
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { parseCount } from '../block-options.ts';
import type { Context } from '../context.ts';
import { InterruptedError, OperationError } from '../errors.ts';
import { eventLine } from '../event-line.ts';
import { expandRanges } from '../expand-ranges.ts';
import { findMachine } from '../find-machine.ts';
import type { Terminal } from '../terminal.ts';
import { isPattern, unitNameOf } from '../unit-sources.ts';
import { untilInterrupted } from '../until-interrupted.ts';

interface Options {
  readonly follow?: boolean;
  readonly after?: string;
  readonly lines?: number;
  readonly machine?: readonly string[];
  readonly type?: readonly string[];
  readonly output: 'text' | 'json';
}

export function addEvents(program: Command, context: Context): void {
  program
    .command('events')
    .description(
      'show what happened: who asked for what, what was decided and why, what became of it',
    )
    .argument('[unit...]', 'only these: names, or patterns for them')
    .option('-f, --follow', 'go on with what happens from now on, until Ctrl-C')
    .option('-n, --lines <n>', 'how many of the last ones', parseCount)
    .option('--after <id>', 'those after this revision, or after the event of this id', parseId)
    .option('--machine <machine>', 'only of this machine; can be given again', collect)
    .option('--type <type>', 'only of this type; can be given again', collectTypes)
    .addOption(
      new Option('-o, --output <format>', 'json: an object on each line')
        .choices(['text', 'json'])
        .default('text'),
    )
    .action(async (args: string[], options: Options, command: Command) => {
      const client = context.connect(command);
      const query = await queryFor(client, args, options);
      const isInterrupted = await untilInterrupted(async (signal) => {
        await show({ client, query, options, terminal: context.terminal, signal });
      });
      if (isInterrupted && options.follow !== true) throw new InterruptedError('interrupted');
    });
}

async function queryFor(
  client: ApiClient,
  args: readonly string[],
  options: Options,
): Promise<EventsQuery> {
  const machines: string[] = [];
  for (const machine of options.machine ?? []) machines.push(await findMachine(client, machine));
  return {
    units: args.flatMap(expandRanges).flatMap(patternsFor),
    machines,
    types: options.type ?? [],
    ...(options.after === undefined ? {} : { after: options.after }),
  };
}

/** As lists take them: a pattern with or without the type, a name without it is a service. */
function patternsFor(argument: string): string[] {
  return isPattern(argument)
    ? [argument, `${argument}.service`]
    : [escapeGlob(unitNameOf(argument))];
}

interface Showing {
  readonly client: ApiClient;
  readonly query: EventsQuery;
  readonly options: Options;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** The last so many have to be read before they can be told from those before. */
async function show(showing: Showing): Promise<void> {
  const { query, options } = showing;
  const { follow = false, lines } = options;
  if (lines === undefined) {
    await read({ ...showing, query: { ...query, follow } }, (event) => print(showing, event));
    return;
  }
  let last: EventBody[] = [];
  const after = await read({ ...showing, query: { ...query, follow: false } }, async (event) => {
    last.push(event);
    if (last.length >= 2 * lines) last = last.slice(last.length - lines);
  });
  for (const event of lines === 0 ? [] : last.slice(-lines)) await print(showing, event);
  if (!follow || after === null) return;
  await read({ ...showing, query: { ...query, after, follow } }, (event) => print(showing, event));
}

/** @returns where it ended; null: it was interrupted before it began */
async function read(
  { client, query, terminal, signal }: Showing,
  tell: (event: EventBody) => Promise<void>,
): Promise<string | null> {
  let place: string | null = null;
  const lines = resumeEvents((each, until) => client.events(each, until), query, {
    signal,
    onInterruption: (error) => terminal.complain(`${error.message}; trying again`),
    onResumption: () => terminal.complain('connected again; nothing was missed'),
  });
  try {
    for await (const line of lines) {
      place = line.id;
      if (line.type === 'event') await tell(line.event);
    }
  } catch (error) {
    if (!(error instanceof ApiError) || error.oldest === null) throw error;
    const message = `${error.message}; --after ${error.oldest} shows what came then`;
    throw new OperationError(message, { cause: error });
  }
  return place;
}

function print({ terminal, options }: Showing, event: EventBody): Promise<void> {
  const text =
    options.output === 'json' ? JSON.stringify(event) : eventLine(event, terminal.hasColour);
  return terminal.write(Buffer.from(`${text}\n`));
}

function parseId(text: string): string {
  if (/^\d{1,15}(?:\.\d{1,9})?$/.test(text)) return text;
  throw new InvalidArgumentError('It must be a revision or the id of an event.');
}

function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

function collectTypes(text: string, before: readonly string[] = []): string[] {
  const types = text.split(',');
  const odd = types.find((type) => !eventTypes.some((known) => known === type));
  if (odd === undefined) return [...before, ...types];
  throw new InvalidArgumentError(`"${odd}" is none of ${eventTypes.join(', ')}.`);
}
