import { compileGlob } from '@muster/core';
import fc from 'fast-check';
import { GlobIndex } from './glob-index.ts';

test('it finds what asking each of them finds, whatever was added and removed', () => {
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '\\', '['), maxLength: 5 });
  const name = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 6 });
  fc.assert(
    fc.property(fc.array(fc.tuple(pattern, fc.boolean())), fc.array(name), (patterns, names) => {
      const items = patterns.map(([text]) => ({ glob: compileGlob(text) }));
      const index = new GlobIndex<(typeof items)[number]>();
      for (const item of items) index.add(item);
      const kept = items.filter((_, i) => patterns[i]?.[1] === true);
      for (const item of items) if (!kept.includes(item)) index.delete(item);
      for (const each of names) {
        const expected = kept.filter(({ glob }) => glob.matches(each));
        expect(new Set(index.matching(each))).toEqual(new Set(expected));
      }
    }),
  );
});
