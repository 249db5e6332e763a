export interface Program<T> {
  /** As its messages name it. */
  readonly name: string;
  readonly usage: string;
  /** @throws {Error} one sentence that says what is wrong with them */
  readonly read: (args: readonly string[]) => T;
}

/**
 * What a program was asked to do; null: nothing, for it was asked how to ask (exit status 0), or was
 * asked wrongly (2), and that has been said.
 */
export function readCommandLine<T>(
  { name, usage, read }: Program<T>,
  args: readonly string[],
): T | null {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(`${usage}\n`);
    return null;
  }
  try {
    return read(args);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    // node:util goes on about arguments that begin with a dash.
    const [sentence = text] = text.split('. ');
    process.stderr.write(`${name}: ${sentence}; --help says how it is used\n`);
    process.exitCode = 2;
    return null;
  }
}
