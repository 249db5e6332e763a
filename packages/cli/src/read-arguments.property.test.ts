import fc from 'fast-check';
import { UsageError } from './errors.ts';
import { createProgram } from './program.ts';
import { readArguments } from './read-arguments.ts';
import type { Terminal } from './terminal.ts';

const terminal: Terminal = {
  print: () => {},
  complain: () => {},
  write: async () => {},
  progress: () => {},
  isLive: false,
  isAsking: false,
  hasColour: false,
  openScreen: () => null,
};
const connect = (): never => {
  throw new Error('nothing is to be connected');
};
const programs = (['musterctl', 'fleetctl'] as const).map((programName) => ({
  programName,
  program: createProgram({ terminal, environment: {}, programName, connect, close: () => {} }),
}));

const usual =
  'list-units des ssh st help metadata set journal -- - --l -l --full --full=true --full=no --no-block ' +
  '-fn -n --fields --fields=a --endpoint -endpoint=x --experimental-api --nonsense = --=';
const word = fc.oneof(fc.constantFrom(...usual.split(' '), ''), fc.string());

describe.each(programs)('any words, as $programName', ({ programName, program }) => {
  const read = (words: readonly string[]): string[] | null => {
    try {
      return readArguments(program, words, programName);
    } catch (error) {
      if (error instanceof UsageError) return null;
      throw error;
    }
  };

  test('are read, or refused as misuse', () => {
    fc.assert(fc.property(fc.array(word), (words) => void read(words)));
  });

  test('are read the same when they are read again', () => {
    fc.assert(
      fc.property(fc.array(word), (words) => {
        const once = read(words);
        expect(once === null ? null : read(once)).toEqual(once);
      }),
    );
  });

  test('nothing behind -- is touched', () => {
    fc.assert(
      fc.property(fc.array(word), (words) => {
        const read1 = read(['list-units', '--', ...words]);
        expect(read1).toEqual(['list-units', '--', ...words]);
      }),
    );
  });
});
