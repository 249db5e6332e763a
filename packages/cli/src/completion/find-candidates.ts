import type { Command, Option } from 'commander';
import { verbPath } from '../help.ts';
import { FieldsOption } from '../list.ts';
import type { Place } from './place.ts';
import { operandSources, valueSourceOf } from './sources.ts';
import type { Candidate, Cluster, Source } from './sources.ts';

/** What may stand at a place. */
export interface Candidates {
  readonly list: readonly Candidate[];
  /** Files of this kind as well; null: none. */
  readonly files: 'file' | 'unit file' | null;
}

/**
 * What may stand at a place, and begins like the word that is there. A cluster that cannot be asked
 * has nothing to offer.
 */
export async function findCandidates(place: Place, cluster: Cluster): Promise<Candidates> {
  const { list, files } = await candidatesAt(place, cluster);
  return {
    list: list.filter(({ value }) => value.startsWith(place.typed)),
    files,
  };
}

function candidatesAt(place: Place, cluster: Cluster): Candidates | Promise<Candidates> {
  const { wanted, command } = place;
  switch (wanted.type) {
    case 'nothing':
      return choice([]);
    case 'verb':
      return { list: verbsOf(command), files: null };
    case 'flag':
      return { list: flagsOf(command), files: null };
    case 'value':
      return valuesOf(wanted.option, place, cluster);
    case 'operand':
      return operandsAt(wanted.index, place, cluster);
  }
}

function verbsOf(command: Command): Candidate[] {
  const help = command.createHelp();
  return help.visibleCommands(command).map((verb) => ({
    value: verb.name(),
    about: help.subcommandDescription(verb),
  }));
}

/** The verb's own options, and those that every verb takes. */
function flagsOf(command: Command): Candidate[] {
  const help = command.createHelp();
  const found = new Map<string, string>();
  for (let at: Command | null = command; at !== null; at = at.parent) {
    for (const { long, short, flags, description } of help.visibleOptions(at)) {
      const flag = long ?? short ?? flags;
      if (!found.has(flag)) found.set(flag, description);
    }
  }
  return [...found].map(([value, about]) => ({ value, about }));
}

function valuesOf(
  option: Option,
  place: Place,
  cluster: Cluster,
): Candidates | Promise<Candidates> {
  if (option.argChoices !== undefined) return choice(option.argChoices);
  if (option instanceof FieldsOption) {
    // A list: what is completed is its last part.
    const before = place.typed.slice(0, place.typed.lastIndexOf(',') + 1);
    return choice(option.fields.map((field) => `${before}${field}`));
  }
  const source = valueSourceOf(verbPath(place.command), option);
  return source === undefined ? choice([]) : collect([source], place, cluster);
}

async function operandsAt(index: number, place: Place, cluster: Cluster): Promise<Candidates> {
  const all = place.command.registeredArguments;
  const last = all.at(-1);
  const argument = all[index] ?? (last?.variadic === true ? last : undefined);
  if (argument === undefined) return choice([]);
  if (argument.argChoices !== undefined) return choice(argument.argChoices);
  const sources = operandSources[verbPath(place.command)] ?? [];
  const { list, files } = await collect(sources[index] ?? sources.at(-1) ?? [], place, cluster);
  return { list: list.filter(({ value }) => !place.operands.includes(value)), files };
}

async function collect(
  sources: readonly Source[],
  place: Place,
  cluster: Cluster,
): Promise<Candidates> {
  const kinds = sources.filter((source) => typeof source === 'string');
  const asked = sources.filter((source) => typeof source === 'function');
  let list: Candidate[] = [];
  try {
    list = (await Promise.all(asked.map((source) => source(cluster, place)))).flat();
  } catch {
    // Whoever asks is in the middle of a line: there is no place to tell why.
  }
  return { list, files: kinds[0] ?? null };
}

function choice(values: readonly string[]): Candidates {
  return { list: values.map((value) => ({ value, about: '' })), files: null };
}
