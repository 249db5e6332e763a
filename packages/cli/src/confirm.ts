import { createInterface } from 'node:readline';
import { Option } from 'commander';
import { OperationError, UsageError } from './errors.ts';
import type { Terminal } from './terminal.ts';

export interface ConfirmOptions {
  readonly yes?: boolean;
}

export function yesOption(): Option {
  return new Option('-y, --yes', 'do not ask');
}

/**
 * Resolves when it may be done.
 * @throws {UsageError} when nobody can be asked @throws {OperationError} when the answer is no
 */
export async function confirm(
  { isAsking }: Pick<Terminal, 'isAsking'>,
  { yes = false }: ConfirmOptions,
  question: string,
): Promise<void> {
  if (yes) return;
  if (!isAsking) throw new UsageError('there is no terminal to ask on: say --yes if you mean it');
  const answer = await ask(`${question} [y/N] `);
  if (!/^y(?:es)?$/i.test(answer.trim())) throw new OperationError('nothing was changed');
}

/** The end of the input, as Ctrl-D, is no answer. */
function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  return new Promise((resolve) => {
    lines.once('close', () => resolve(''));
    lines.question(question, (answer) => {
      resolve(answer);
      lines.close();
    });
  });
}
