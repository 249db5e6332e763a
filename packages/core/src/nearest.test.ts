import { nearest, nearestWithin } from './nearest.ts';

test.each([
  ['one letter missing', 'MachinID', 'MachineID'],
  ['other case', 'machineof', 'MachineOf'],
  ['nothing alike', 'zzz', 'Global'],
  ['nothing at all', '', 'Global'],
  ['very long', 'MachineOf'.repeat(100_000), 'MachineOf'],
])('nearest: %s', (_, word, expected) => {
  expect(nearest(word, ['MachineID', 'MachineOf', 'Global'])).toBe(expected);
});

test.each<[string, string, number, string | null]>([
  ['two letters changed places', 'wbe.service', 2, 'web.service'],
  ['the same word', 'web.service', 0, 'web.service'],
  ['not near enough', 'wbe.service', 1, null],
  ['of two the nearer', 'app.service', 2, 'api.service'],
  ['much longer', 'web-of-lies.service', 3, null],
])('within a distance: %s', (_, word, most, expected) => {
  expect(nearestWithin(word, ['web.service', 'api.service', 'ap.service'], most)).toBe(expected);
});
