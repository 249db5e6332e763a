import { ApiError } from '@muster/api/client';
import type { ApiClient, ExplanationBody } from '@muster/api/client';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { OperationError } from '../errors.ts';
import { expandRanges } from '../expand-ranges.ts';
import { explanationLines } from '../explanation-lines.ts';
import { machineLegends } from '../legend.ts';
import { dataOption, printData } from '../print-data.ts';
import type { DataOptions } from '../print-data.ts';
import { matchUnits } from '../select-units.ts';
import { isPattern, unitNameOf } from '../unit-sources.ts';

interface Options extends DataOptions {
  readonly full?: boolean;
}

export function addExplain(program: Command, context: Context): void {
  program
    .command('explain')
    .description('say why units are where they are, or why no machine takes them')
    .argument('<unit...>', 'names of units, or patterns for them')
    .option('-l, --full', 'a line for each machine, with its whole id')
    .addOption(dataOption())
    .action(async (args: string[], options: Options, command: Command) => {
      const client = context.connect(command);
      const { found, problems } = await explainAll(client, args);
      await print(context, client, found, options);
      for (const problem of problems) context.terminal.complain(problem);
      if (problems.length > 0) {
        throw new OperationError(`${problems.length} of the arguments could not be explained`);
      }
    });
}

async function explainAll(
  client: ApiClient,
  args: readonly string[],
): Promise<{ found: readonly ExplanationBody[]; problems: readonly string[] }> {
  const problems: string[] = [];
  const found: ExplanationBody[] = [];
  for (const name of await namesOf(client, args, problems)) {
    try {
      found.push(await client.explain(name));
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      problems.push(error.message);
    }
  }
  return { found, problems };
}

/** Each once. @param problems - gets a sentence for each pattern that nothing matches */
async function namesOf(
  client: ApiClient,
  args: readonly string[],
  problems: string[],
): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  const words = args.flatMap(expandRanges);
  const units = words.some(isPattern) ? await client.units() : [];
  for (const word of words) {
    if (!isPattern(word)) {
      names.add(unitNameOf(word));
      continue;
    }
    const matched = matchUnits(word, units);
    for (const { name } of matched) names.add(name);
    if (matched.length === 0) problems.push(`no unit matches "${word}"`);
  }
  return names;
}

async function print(
  { terminal }: Context,
  client: ApiClient,
  explanations: readonly ExplanationBody[],
  { output, full = false }: Options,
): Promise<void> {
  if (output !== 'text') return printData(terminal, output, explanations);
  if (explanations.length === 0) return;
  const machineOf = machineLegends(await client.machines(), full);
  const { hasColour } = terminal;
  const texts = explanations.map((each) =>
    explanationLines(each, { machineOf, full, hasColour }).join('\n'),
  );
  terminal.print(texts.join('\n\n'));
}
