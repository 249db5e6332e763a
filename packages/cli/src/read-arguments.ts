import { nearestWithin } from '@muster/core';
import type { Command, Option } from 'commander';
import { UsageError } from './errors.ts';
import type { ProgramName } from './program-name.ts';

/** Spellings that scripts use because fleetctl 1.0 took its one-letter options with two dashes only. */
const oneLetter: ReadonlyMap<string, string> = new Map([
  ['--l', '-l'],
  ['--f', '-f'],
  ['--A', '-A'],
  ['--h', '-h'],
]);

/**
 * Brings a command line into the form that commander reads: the verb first and in full, whatever
 * options stand before it, and switches without a value.
 *
 * - A verb may be shortened to any beginning that only it has.
 * - `--full=true` is `--full`; `--full=false` is nothing.
 * - As fleetctl, `-endpoint=…` is `--endpoint=…`, as its first versions had it.
 * - After the first word of the remote command of ssh nothing is an option of ours.
 * - `help VERB` is `VERB --help`.
 *
 * @param argv - without interpreter and script
 * @throws {UsageError} for a beginning that several verbs have, a word that is no verb of `brake` and the
 *   like, or a switch that is neither true nor false
 */
export function readArguments(
  program: Command,
  argv: readonly string[],
  programName: ProgramName,
): string[] {
  const words = inOrder(program, argv, programName);
  while (words[0] === 'help' && words[1] === 'help') words.shift();
  const [first, second] = words;
  if (first !== 'help' || second === undefined || second.startsWith('-')) return words;
  const asked = words.slice(1);
  // An unknown verb is one of help as well; and commander's own help goes no deeper than one.
  return subcommand(program, second) === null ? asked : [...asked, '--help'];
}

function inOrder(program: Command, argv: readonly string[], programName: ProgramName): string[] {
  const options = collectOptions(program);
  const verbs: string[] = [];
  const others: string[] = [];
  let operands = 0;
  let command: Command | null = program;
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? '';
    if (word === '--') return [...verbs, ...others, ...argv.slice(at)];
    if (word.length > 1 && word.startsWith('-')) {
      const { spelt, takesNext } = respell(word, options, programName);
      others.push(...spelt);
      if (takesNext && at + 1 < argv.length) others.push(argv[(at += 1)] ?? '');
      continue;
    }
    if (command !== null && hasVerbs(command)) {
      // The words of hidden verbs are the business of programs.
      if (word.startsWith('_')) return [...verbs, ...others, ...argv.slice(at)];
      const verb = findVerb(command, word);
      verbs.push(verb);
      const found = subcommand(command, verb);
      // commander would take it for an operand of the verb that is meant when none is named.
      if (found === null && verb !== 'help' && command !== program)
        throw unknownVerb(command, verb);
      command = verb === 'help' ? command : found;
      continue;
    }
    operands += 1;
    if (command?.name() === 'ssh' && operands > (namesTarget(others) ? 0 : 1)) {
      return [...verbs, ...others, '--', ...argv.slice(at)];
    }
    others.push(word);
  }
  return [...verbs, ...others];
}

/** Whether options of ssh say where to go, so that its first word is the command. */
function namesTarget(words: readonly string[]): boolean {
  return words.some((word) => /^--(?:machine|unit)(?:=|$)/.test(word));
}

/** flag → its option; of options of the same name, any: those that differ between verbs share their shape. */
export function collectOptions(command: Command): Map<string, Option> {
  const found = new Map<string, Option>();
  for (const each of [command, ...command.commands]) {
    const own = each === command ? each.options : [...collectOptions(each).values()];
    for (const option of own) {
      if (option.long !== undefined) found.set(option.long, option);
      if (option.short !== undefined) found.set(option.short, option);
    }
  }
  return found;
}

function respell(
  word: string,
  options: ReadonlyMap<string, Option>,
  programName: ProgramName,
): { spelt: string[]; takesNext: boolean } {
  const short = oneLetter.get(word);
  if (short !== undefined) return { spelt: [short], takesNext: false };
  const equals = word.indexOf('=');
  const name = equals === -1 ? word : word.slice(0, equals);
  const isOldLong = programName === 'fleetctl' && name.length > 2 && options.has(`-${name}`);
  const flag = isOldLong ? `-${name}` : name;
  const option = options.get(flag);
  if (option === undefined) return respellShort(word, options);
  if (equals === -1) {
    // Else commander would take the next word for its value.
    const preset =
      option.optional && typeof option.presetArg === 'string' ? option.presetArg : null;
    return preset === null
      ? { spelt: [flag], takesNext: option.required }
      : { spelt: [`${flag}=${preset}`], takesNext: false };
  }
  const value = word.slice(equals + 1);
  if (option.required || option.optional) return { spelt: [`${flag}=${value}`], takesNext: false };
  return { spelt: readSwitch(flag, value) ? [flag] : [], takesNext: false };
}

/** `-n10`, `-fn 10`: the last letter may take the next word. */
function respellShort(
  word: string,
  options: ReadonlyMap<string, Option>,
): { spelt: string[]; takesNext: boolean } {
  const letters = word.startsWith('--') ? [] : Array.from(word.slice(1));
  for (const [i, letter] of letters.entries()) {
    const option = options.get(`-${letter}`);
    if (option === undefined) break;
    if (option.required) return { spelt: [word], takesNext: i === letters.length - 1 };
  }
  return { spelt: [word], takesNext: false };
}

/** As fleetctl reads it. @throws {UsageError} */
export function readSwitch(flag: string, value: string): boolean {
  if (/^(?:1|t|T|TRUE|true|True)$/.test(value)) return true;
  if (/^(?:0|f|F|FALSE|false|False)$/.test(value)) return false;
  throw new UsageError(`${flag} must be true or false, not "${value}"`);
}

/** As commander says it of verbs of the program. */
function unknownVerb(command: Command, word: string): UsageError {
  const near = nearestWithin(word, command.commands.flatMap(namesOf), Math.ceil(word.length / 2));
  const hint = near === null ? '' : `\n(Did you mean ${near}?)`;
  return new UsageError(`unknown command '${word}'${hint}`);
}

function hasVerbs(command: Command): boolean {
  return command.commands.length > 0;
}

export function subcommand(command: Command, verb: string): Command | null {
  return command.commands.find((each) => namesOf(each).includes(verb)) ?? null;
}

function namesOf(command: Command): string[] {
  return [command.name(), ...command.aliases()];
}

/** The verb that a word begins; the word itself when none does. @throws {UsageError} */
export function findVerb(command: Command, word: string): string {
  const names = [...command.commands.flatMap(namesOf), 'help'].filter(
    (name) => !name.startsWith('_'),
  );
  if (names.includes(word)) return word;
  const found = names.filter((name) => name.startsWith(word)).sort();
  const [only] = found;
  if (only === undefined || word === '') return word;
  if (found.length === 1) return only;
  throw new UsageError(`"${word}" can be ${found.slice(0, -1).join(', ')} or ${found.at(-1)}`);
}
