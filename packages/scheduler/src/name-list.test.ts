import fc from 'fast-check';
import { NameList } from './name-list.ts';

const name = fc.stringMatching(/^[ab@é]{0,3}$/);

test('names are found by what they begin with, each once, whatever came and went', () => {
  const step = fc.record({ name, comes: fc.boolean(), asks: fc.option(name) });
  fc.assert(
    fc.property(
      fc.array(name),
      fc.array(step),
      fc.integer({ min: 1, max: 5 }),
      (first, steps, most) => {
        const there = new Set(first);
        const list = new NameList(first, { isThere: (each) => there.has(each), mostFresh: most });
        for (const one of steps) {
          if (one.comes) there.add(one.name);
          else there.delete(one.name);
          if (one.comes) list.add(one.name);
          const { asks } = one;
          if (asks === null) continue;
          const found = [...list.startingWith(asks)];
          expect(found).toHaveLength(new Set(found).size);
          const those = found.filter((each) => there.has(each)).sort();
          expect(those).toEqual([...there].filter((each) => each.startsWith(asks)).sort());
        }
      },
    ),
  );
});
