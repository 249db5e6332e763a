import { parseArgs } from 'node:util';

export interface Arguments {
  /** Fewer samples and a shorter rest; figures for a first look only. */
  readonly isQuick: boolean;
}

export const usage = `npm run bench -- [--quick]

How fast muster is and what it costs on four machines of a lab, with systemd alone measured in the
same run. Needs root. Results go to bench/results/; with --quick, for a first look, nowhere.`;

/** @throws {Error} one sentence that says what is wrong with them */
export function readArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: { quick: { type: 'boolean', default: false } },
  });
  return { isQuick: values.quick };
}
