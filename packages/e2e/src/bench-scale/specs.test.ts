import { affinity, conflicts, everywhere } from './specs.ts';

const places = (entries: Readonly<Record<string, readonly string[]>>) =>
  new Map(Object.entries(entries));

test.each([
  ['conflicts: two of a group on one machine', conflicts(3, 3), ['a'], ['b'], ['a']],
  ['affinity: one is elsewhere than the first of its group', affinity(3), ['a'], ['a'], ['b']],
  ['global: one machine has none', everywhere(3, 2), ['a', 'b'], ['a'], ['a', 'b']],
])('%s is wrong', (_, { units, judge }, ...machines) => {
  const wrong = units.map(({ name }, i) => [name, machines[i] ?? []] as const);
  expect(judge(new Map(wrong))).toMatch(/\b(is|are) .*on/);
});

test('what is as it has to be is not wrong', () => {
  const apart = { 'conflict-0-0.service': ['a'], 'conflict-0-1.service': ['b'] };
  expect(conflicts(2, 2).judge(places(apart))).toBeNull();
  const together = { 'affinity-0-0.service': ['a'], 'affinity-0-1.service': ['a'] };
  expect(affinity(2).judge(places(together))).toBeNull();
  expect(everywhere(1, 2).judge(places({ 'global-0.service': ['a', 'b'] }))).toBeNull();
});
