import { simulate } from './simulation.ts';

const minutes = 6;
const run = (seed: number) => simulate({ seed, minutes, without: new Set(), print: null });

test.each(Array.from({ length: 24 }, (_, i) => i + 1))('seed %i violates nothing', async (seed) => {
  const { violation, trace } = await run(seed);
  expect({ violation, trace }).toEqual({ violation: null, trace: [] });
});

test('the same seed does the same again, to the letter', async () => {
  const first = await run(7);
  const second = await run(7);
  expect(second).toEqual(first);
  expect((await run(8)).digest).not.toBe(first.digest);
});
