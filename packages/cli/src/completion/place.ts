import type { Command, Option } from 'commander';
import { collectOptions, findVerb, subcommand } from '../read-arguments.ts';

/** Where on a command line something is to be completed. */
export interface Place {
  /** The verb so far; the program itself when there is none yet. */
  readonly command: Command;
  readonly wanted:
    | { readonly type: 'verb' | 'flag' | 'nothing' }
    | { readonly type: 'value'; readonly option: Option }
    | { readonly type: 'operand'; readonly index: number };
  /** What a candidate begins with. */
  readonly typed: string;
  /** What stays before a candidate in the same word, as `--machine=`. */
  readonly before: string;
  readonly operands: readonly string[];
  /** Options before the place that every verb takes, as --endpoint; true: one without a value. */
  readonly globals: readonly (readonly [option: Option, value: string | true])[];
}

/** @param words - without the program; the last one is completed, and may be empty */
export function findPlace(program: Command, words: readonly string[]): Place {
  const line = new LineSoFar(program);
  for (const word of words.slice(0, -1)) line.take(word);
  return line.place(words.at(-1) ?? '');
}

class LineSoFar {
  readonly #program: Command;
  readonly #options: ReadonlyMap<string, Option>;
  readonly #operands: string[] = [];
  readonly #globals: [Option, string | true][] = [];
  readonly #flags = new Set<string>();
  #command: Command;
  /** The option whose value the next word is. */
  #open: Option | null = null;
  #isOver = false;
  #isLost = false;

  constructor(program: Command) {
    this.#program = program;
    this.#command = program;
    this.#options = collectOptions(program);
  }

  take(word: string): void {
    if (this.#open !== null) {
      this.#note(this.#open, word);
      this.#open = null;
    } else if (this.#isOver) {
      this.#operands.push(word);
    } else if (word === '--') {
      this.#isOver = true;
    } else if (isFlag(word)) {
      this.#takeFlag(word);
    } else if (this.#wantsVerb()) {
      this.#takeVerb(word);
    } else {
      this.#operands.push(word);
      if (this.#isRemote(this.#operands.length)) this.#isOver = true;
    }
  }

  place(word: string): Place {
    const equals = word.indexOf('=');
    const flag = word.slice(0, equals + 1);
    const own = this.#isOver ? undefined : this.#find(flag.slice(0, -1));
    const option = this.#open ?? (equals > 0 && takesValue(own) ? own : undefined);
    const isInWord = this.#open === null && option !== undefined;
    return {
      command: this.#command,
      wanted: option === undefined ? this.#wantedAt(word) : { type: 'value', option },
      typed: isInWord ? word.slice(equals + 1) : word,
      before: isInWord ? flag : '',
      operands: this.#operands,
      globals: this.#globals,
    };
  }

  #wantedAt(word: string): Place['wanted'] {
    if (this.#isLost) return { type: 'nothing' };
    if (word.startsWith('-') && !this.#isOver) return { type: 'flag' };
    if (this.#wantsVerb()) return { type: 'verb' };
    if (this.#isRemote(this.#operands.length + 1)) return { type: 'nothing' };
    return { type: 'operand', index: this.#operands.length };
  }

  #takeFlag(word: string): void {
    const equals = word.indexOf('=');
    const name = equals === -1 ? word : word.slice(0, equals);
    const option = this.#find(name) ?? this.#findLastLetter(name);
    if (option === undefined) return;
    if (equals !== -1) this.#note(option, word.slice(equals + 1));
    else if (option.required) this.#open = option;
    else this.#note(option, true);
  }

  /** An option of this verb, or of any: they may stand before the verb. */
  #find(flag: string): Option | undefined {
    for (let at: Command | null = this.#command; at !== null; at = at.parent) {
      const option = at.options.find(({ long, short }) => long === flag || short === flag);
      if (option !== undefined) return option;
    }
    return this.#options.get(flag);
  }

  /** `-fn`: only the last of several letters can take the next word. */
  #findLastLetter(word: string): Option | undefined {
    return /^-\w{2,}$/.test(word) ? this.#find(`-${word.slice(-1)}`) : undefined;
  }

  #note(option: Option, value: string | true): void {
    this.#flags.add(option.long ?? option.flags);
    if (this.#program.options.includes(option)) this.#globals.push([option, value]);
  }

  #wantsVerb(): boolean {
    return this.#command.commands.length > 0 && this.#operands.length === 0;
  }

  #takeVerb(word: string): void {
    if (word === 'help' && this.#command === this.#program) return;
    const verb = verbOf(this.#command, word);
    if (verb === null) this.#isLost = true;
    else this.#command = verb;
  }

  /** Whether the operand of this number, from 1, is of the command that ssh runs elsewhere. */
  #isRemote(number: number): boolean {
    const isTarget = this.#flags.has('--machine') || this.#flags.has('--unit') ? 0 : 1;
    return this.#command.name() === 'ssh' && number > isTarget;
  }
}

function isFlag(word: string): boolean {
  return word.length > 1 && word.startsWith('-');
}

function takesValue(option: Option | undefined): boolean {
  return option !== undefined && (option.required || option.optional);
}

function verbOf(command: Command, word: string): Command | null {
  try {
    return subcommand(command, findVerb(command, word));
  } catch {
    // Several verbs begin like that.
    return null;
  }
}
