import fc from 'fast-check';
import { quoteForShell, readShellLine } from './shell-line.ts';

const breaks = ' \t\n"\'@><=;|&(:';

test.each([
  ['', [''], '', ''],
  ['m  stop ', ['m', 'stop', ''], '', ''],
  ['m stop we', ['m', 'stop', 'we'], '', ''],
  // A host and a variable begin with their sign.
  ['m stop web@1', ['m', 'stop', 'web@1'], 'web', ''],
  ['m stop a:b:c', ['m', 'stop', 'a:b:c'], 'a:b:', ''],
  ['m --fields=unit', ['m', '--fields=unit'], '--fields=', ''],
  [String.raw`m a\ b\:c`, ['m', 'a b:c'], '', ''],
  [String.raw`m my\\x2d`, ['m', String.raw`my\x2d`], '', ''],
  ['m "a b:c', ['m', 'a b:c'], '', '"'],
  [String.raw`m 'a\b`, ['m', String.raw`a\b`], '', "'"],
  [String.raw`m "a\"b\c`, ['m', String.raw`a"b\c`], '', '"'],
  ['m a:"b', ['m', 'a:b'], 'a:', '"'],
  ['m "a b"c', ['m', 'a bc'], 'a b', ''],
  ['m "" x', ['m', '', 'x'], '', ''],
])('the line %j', (line, words, kept, quote) => {
  expect(readShellLine(line, breaks)).toEqual({ words, kept, quote });
});

test('what is quoted is read as it was, with any quote before it', () => {
  const quotes = fc.constantFrom<'' | "'" | '"'>('', "'", '"');
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), quotes, (text, quote) => {
      fc.pre(!text.includes('\n') || quote !== '');
      const quoted = quoteForShell(text, quote);
      if (quoted === null) return text.includes("'");
      return readShellLine(`m ${quote}${quoted}`, breaks).words.at(-1) === text;
    }),
  );
});
