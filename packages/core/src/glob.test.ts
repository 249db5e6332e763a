import fc from 'fast-check';
import { compileGlob, escapeGlob, globMatches } from './glob.ts';

test.each([
  ['abc', 'abc', true],
  ['abc', 'ab', false],
  ['', '', true],
  ['', 'a', false],
  ['*', 'abc', true],
  ['*', '', true],
  ['*c', 'abc', true],
  ['a*', 'a', true],
  ['a*', 'abc', true],
  ['a*', 'ab/c', false],
  ['a*/b', 'abc/b', true],
  ['a*/b', 'a/c/b', false],
  ['a*b*c*d*e*/f', 'axbxcxdxe/f', true],
  ['a*b*c*d*e*/f', 'axbxcxdxexxx/f', true],
  ['a*b*c*d*e*/f', 'axbxcxdxe/xxx/f', false],
  ['a*b*c*d*e*/f', 'axbxcxdxexxx/fff', false],
  ['a*b?c*x', 'abxbbxdbxebxczzx', true],
  ['a*b?c*x', 'abxbbxdbxebxczzy', false],
  ['ab[c]', 'abc', true],
  ['ab[b-d]', 'abc', true],
  ['ab[e-g]', 'abc', false],
  ['ab[^c]', 'abc', false],
  ['ab[^b-d]', 'abc', false],
  ['ab[^e-g]', 'abc', true],
  ['a\\*b', 'a*b', true],
  ['a\\*b', 'ab', false],
  ['a?b', 'a/b', false],
  ['a???b', 'abcb', false],
  ['[a-ζ]*', 'α', true],
  ['*[a-ζ]', 'A', false],
  ['[\\]a]', ']', true],
  ['[\\-]', '-', true],
  ['[x\\-]', '-', true],
  ['[x\\-]', 'z', false],
  ['[z-a]', 'b', false],
  ['*x', 'xxx', true],
  ['**', 'abc', true],
  ['web@*.service', 'web@1.service', true],
  ['web@*.service', 'web@.service', true],
  ['web@*.service', 'web.service', false],
  ['web@[0-9].service', 'web@7.service', true],
  ['*.service', 'a.b.service', true],
])('%j on %j: %j', (pattern, name, expected) => {
  expect(globMatches(pattern, name)).toBe(expected);
});

test.each([
  '[',
  '[^',
  '[^bc',
  'a[',
  'a[]',
  '[]a]',
  '[-]',
  '[x-]',
  '[-x]',
  '[a-b-c]',
  'a\\',
  '*[',
  '[\\',
])('the malformed pattern %j never matches', (pattern) => {
  expect(compileGlob(pattern)).toMatchObject({ isMalformed: true, literal: null });
  for (const name of ['', 'a', '-', '[', 'ab', pattern]) {
    expect([name, globMatches(pattern, name)]).toEqual([name, false]);
  }
});

test.each([
  ['web.service', 'web.service'],
  ['a\\*b', 'a*b'],
  ['', ''],
  ['a*', null],
  ['a?', null],
  ['[a]', null],
])('the literal of %j is %j', (pattern, expected) => {
  expect(compileGlob(pattern).literal).toBe(expected);
});

/** The meaning written down as plainly as it goes, exponential as it is. */
function plainMatches(pattern: string, name: string): boolean {
  if (pattern === '') return name === '';
  const [first, rest] = [pattern.charAt(0), pattern.slice(1)];
  if (first === '*') {
    const canSkip = name !== '' && !name.startsWith('/');
    return plainMatches(rest, name) || (canSkip && plainMatches(pattern, name.slice(1)));
  }
  if (name === '') return false;
  return (
    (first === '?' ? !name.startsWith('/') : name.startsWith(first)) &&
    plainMatches(rest, name.slice(1))
  );
}

test('stars and question marks mean what the plain definition says', () => {
  const pattern = fc.array(fc.constantFrom('*', '?', 'a', 'b', '/'), { maxLength: 8 });
  const name = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 8 });
  fc.assert(
    fc.property(pattern, name, (p, n) => {
      expect(globMatches(p.join(''), n.join(''))).toBe(plainMatches(p.join(''), n.join('')));
    }),
    { numRuns: 5000 },
  );
});

test('an escaped name matches itself and is a literal', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (name, other) => {
      expect(compileGlob(escapeGlob(name)).literal).toBe(name);
      expect(globMatches(escapeGlob(name), other)).toBe(name === other);
    }),
  );
});

test('no pattern and name of 256 characters take long', () => {
  const hostile = fc.array(fc.constantFrom('*', 'a', '?', '[ab]', 'b'), { maxLength: 256 });
  fc.assert(
    fc.property(
      fc.oneof(
        hostile.map((p) => p.join('')),
        fc.string({ unit: 'binary' }),
      ),
      (pattern) => {
        const started = performance.now();
        globMatches(`${pattern}*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*c`, 'a'.repeat(256));
        expect(performance.now() - started).toBeLessThan(500);
      },
    ),
  );
});
