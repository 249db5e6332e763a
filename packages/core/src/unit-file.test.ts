import { UnitFileSyntaxError } from './errors.ts';
import {
  hashUnitFile,
  lastOption,
  optionProblem,
  optionValues,
  parseUnitFile,
  serializeUnitFile,
} from './unit-file.ts';

const plain = (text: string): string[] =>
  parseUnitFile(text).options.map((o) => `[${o.section}] ${o.name}=${JSON.stringify(o.value)}`);

test.each([
  ['one option', '[Service]\nExecStart=/bin/true\n', ['[Service] ExecStart="/bin/true"']],
  ['no newline at the end', '[A]\nB=c', ['[A] B="c"']],
  ['white space around everything', ' [A] \n\tB \t= c d \t\n', ['[A] B="c d"']],
  ['an empty value', '[A]\nB=\nC=\n', ['[A] B=""', '[A] C=""']],
  ['only the first = separates', '[A]\nEnvironment=B=c=d\n', ['[A] Environment="B=c=d"']],
  ['# and ; comments, also indented', '#x\n[A]\n;y\n  # z\nB=c # d\n', ['[A] B="c # d"']],
  ['comments before the first section', '\n# x\n\n; y\n[A]\nB=c\n', ['[A] B="c"']],
  ['a comment that ends in a backslash ends there', '[A]\n# x \\\nB=c\n', ['[A] B="c"']],
  [
    'repeated options in their order',
    '[A]\nB=2\nC=x\nB=1\n',
    ['[A] B="2"', '[A] C="x"', '[A] B="1"'],
  ],
  [
    'sections of one name join the first',
    '[A]\nB=1\n[X]\nY=1\n[A]\nB=2\n',
    ['[A] B="1"', '[A] B="2"', '[X] Y="1"'],
  ],
  ['a section without options vanishes', '[A]\n[B]\nC=d\n', ['[B] C="d"']],
  ['a file without sections', '# nothing\n\n', []],
  ['an empty file', '', []],
  ['CRLF', '[A]\r\nB=c \\\r\n  d\r\n', ['[A] B="c \\\\\\n  d"']],
  ['a byte order mark', '\uFEFF[A]\nB=c\n', ['[A] B="c"']],
  ['a continued value', '[A]\nB=c \\\n  d\n', ['[A] B="c \\\\\\n  d"']],
  ['a value that begins on the next line', '[A]\nB=\\\n  c\n', ['[A] B="\\\\\\n  c"']],
  ['comments inside a continued value', '[A]\nB=c \\\n# x\n  ; y\n  d\n', ['[A] B="c \\\\\\n  d"']],
  [
    'two backslashes at the end stand for one',
    '[A]\nB=c\\\\\nC=d\n',
    ['[A] B="c\\\\\\\\"', '[A] C="d"'],
  ],
  ['three backslashes continue', '[A]\nB=c\\\\\\\nC=d\n', ['[A] B="c\\\\\\\\\\\\\\nC=d"']],
  ['a blank line ends a continued value', '[A]\nB=c \\\n\nC=d\n', ['[A] B="c"', '[A] C="d"']],
  ['so does a line of blanks', '[A]\nB=c \\\n \\\n \t\nC=d\n', ['[A] B="c"', '[A] C="d"']],
  ['the end of the file ends it too', '[A]\nB=c \\', ['[A] B="c"']],
  ['a continuation of nothing', '[A]\n\\\n\nB=c\n', ['[A] B="c"']],
  ['brackets and semicolons inside values', '[A]\nB=[c];d\n', ['[A] B="[c];d"']],
  [
    'characters that only JavaScript calls white space',
    '[A]\nB=\u00a0c\u2028\n',
    ['[A] B="\u00a0c\u2028"'],
  ],
])('parse: %s', (_, text, expected) => {
  expect(plain(text)).toEqual(expected);
});

test('lines may be of any length', () => {
  const value = 'x'.repeat(300_000);
  expect(plain(`[A]\nB=${value}\n`)).toEqual([`[A] B="${value}"`]);
});

test.each([
  ['text before the first section', '\nB=c\n[A]\n', 2, '"B=c" stands before the first section'],
  ['a line without =', '[A]\nB=c\nfoo bar\n', 3, '"foo bar" is no option: it has no "="'],
  ['no name', '[A]\n =c\n', 2, '"=c" has no name before "="'],
  [
    'white space in a name',
    '[A]\nB=c\n  -e D=e\n',
    3,
    '"-e D" is no option name: it holds white space (is a backslash missing at the end of the line above?)',
  ],
  ['no ]', '[A]\nB=c\n[Serv\n', 3, '"[Serv" has no closing "]"'],
  ['text after ]', '[A] foo\n', 1, 'garbage after section [A]: " foo"'],
  ['a comment after ]', '[A] # foo\n', 1, 'garbage after section [A]: " # foo"'],
  ['no section name', '[]\n', 1, 'the section has no name'],
  ['a section name over two lines', '[A\\\nB]\n', 1, 'section "A\\\\\\nB" goes over several lines'],
  ['NUL', '[A]\nB=c\0\n', 2, 'it holds a NUL byte'],
  ['NUL in a comment', '#\0\n', 1, 'it holds a NUL byte'],
  ['half a surrogate pair', '[A]\nB=c\n#\ud83d\n', 3, 'it holds half a character'],
  ['a lone carriage return', '[A]\nB=c\rC=d\n', 2, 'it holds a carriage return'],
  [
    'white space after a backslash',
    '[A]\nB=c \\\n  d \\ \n  e\n',
    3,
    'there is white space after the backslash at its end',
  ],
  [
    'a long line is shortened in the message',
    `[A]\n${'x'.repeat(99)}\n`,
    2,
    `"${'x'.repeat(57)}..." is no option: it has no "="`,
  ],
])('refused: %s', (_, text, line, reason) => {
  const parse = (): unknown => parseUnitFile(text);
  expect(parse).toThrow(UnitFileSyntaxError);
  expect(parse).toThrow(
    expect.objectContaining({ line, reason, message: `line ${line}: ${reason}` }),
  );
});

test('the normalised text has no comments, one blank line between sections and none at the end', () => {
  const text =
    '# x\n\n[Unit]\nDescription = a \n\n\n[Service]\nExecStart=/bin/a \\\n  b\n[Unit]\nAfter=c\n\n';
  expect(serializeUnitFile(parseUnitFile(text))).toBe(
    '[Unit]\nDescription=a\nAfter=c\n\n[Service]\nExecStart=/bin/a \\\n  b\n',
  );
});

test('options that come interleaved are written by section', () => {
  const options = [
    { section: 'A', name: 'a', value: '1' },
    { section: 'B', name: 'b', value: '2' },
    { section: 'A', name: 'c', value: '3' },
  ];
  expect(serializeUnitFile({ options })).toBe('[A]\na=1\nc=3\n\n[B]\nb=2\n');
});

test.each([
  [
    'as fleet',
    '[Service]\nExecStart=/bin/sleep 3000\n',
    '7dc08eb00f0c705e84a61e030d98e8cc3c994954',
  ],
  [
    'comments and white space do not count',
    '# x\n\n [Service]\n\nExecStart = /bin/sleep 3000 \n;',
    '7dc08eb00f0c705e84a61e030d98e8cc3c994954',
  ],
  ['the empty file', '', 'da39a3ee5e6b4b0d3255bfef95601890afd80709'],
])('hash: %s', (_, text, expected) => {
  expect(hashUnitFile(parseUnitFile(text))).toBe(expected);
});

describe('reading options', () => {
  const file = parseUnitFile(
    '[A]\nL=1\nL=2\nL=\nL=3\nL=4 \\\n  5\nGone=x\nGone=\n[B]\nL=other\n[C]\nSplit=\\\n  a\n',
  );

  test.each([
    ['an empty assignment takes back the ones before', 'A', 'L', ['3', '4    5']],
    ['sections are kept apart', 'B', 'L', ['other']],
    ['all taken back', 'A', 'Gone', []],
    ['not there', 'A', 'Other', []],
    ['no blanks around a value that begins on the next line', 'C', 'Split', ['a']],
  ])('values: %s', (_, section, name, expected) => {
    expect(optionValues(file, section, name)).toEqual(expected);
  });

  test.each([
    ['the last one counts', 'L', '4    5'],
    ['taken back', 'Gone', null],
    ['not there', 'Other', null],
  ])('last: %s', (_, name, expected) => {
    expect(lastOption(file, 'A', name)).toBe(expected);
  });
});

test.each([
  ['an ordinary one', 'A', 'B', 'c', null],
  ['an empty value', 'A', 'B', '', null],
  ['a continued value', 'A', 'B', 'c \\\n d', null],
  [
    'a value with a bare newline',
    'A',
    'B',
    'c\n[X]\nY=z',
    'option "B" in section "A" does not read back as it was given',
  ],
  [
    'a value that would swallow the next option',
    'A',
    'B',
    'c\\',
    'option "B" in section "A" does not read back as it was given',
  ],
  [
    'white space at the end',
    'A',
    'B',
    'c ',
    'option "B" in section "A" does not read back as it was given',
  ],
  [
    'a name that makes a comment',
    'A',
    '#B',
    'c',
    'option "#B" in section "A" does not read back as it was given',
  ],
  ['no name', 'A', '', 'c', 'option "" in section "A": "=c" has no name before "="'],
  ['no section', '', 'B', 'c', 'option "B" in section "": the section has no name'],
  [
    'a section with a bracket',
    'A]',
    'B',
    'c',
    'option "B" in section "A]": garbage after section [A]: "]"',
  ],
])('option from elsewhere: %s', (_, section, name, value, expected) => {
  expect(optionProblem({ section, name, value })).toBe(expected);
});
