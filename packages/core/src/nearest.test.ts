import { nearest } from './nearest.ts';

test.each([
  ['one letter missing', 'MachinID', 'MachineID'],
  ['other case', 'machineof', 'MachineOf'],
  ['nothing alike', 'zzz', 'Global'],
  ['nothing at all', '', 'Global'],
  ['very long', 'MachineOf'.repeat(100_000), 'MachineOf'],
])('nearest: %s', (_, word, expected) => {
  expect(nearest(word, ['MachineID', 'MachineOf', 'Global'])).toBe(expected);
});
