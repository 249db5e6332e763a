import { parseNotes } from './notes.ts';

test('whole lines are notes; one that a power cut left unfinished is none', () => {
  const text = 'begin a.service 74 12.34\nend a.service 74 16.40\nbegin b.service 80 17.';
  const common = { unit: 'a.service', machine: 2, innerPid: 74 };
  expect(parseNotes(text, 2)).toEqual([
    { what: 'begin', ...common, at: 12_340 },
    { what: 'end', ...common, at: 16_400 },
  ]);
});
