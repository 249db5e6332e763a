import { HistoryEnd } from './history-end.ts';
import type { KeyEvent, StoredKey } from './store.ts';

const stored = (key: string, modRevision: number): StoredKey => {
  return { key, value: '', lease: null, createRevision: 4, modRevision };
};
const made = (key: string, at: number): KeyEvent => {
  return { type: 'put', stored: stored(key, at), before: null };
};
const gone = (key: string, at: number): KeyEvent => {
  return { type: 'delete', key, modRevision: at, before: stored(key, at - 1) };
};

test('one that came and went after the last write that is left does not stand for one that went', () => {
  const end = new HistoryEnd({ after: 3, until: 20, base: 5, gone: 1 });
  const steps: (readonly [KeyEvent, number])[] = [
    [made('a', 5), 5],
    [made('b', 6), 6],
    [gone('b', 7), 7],
    [gone('c', 8), 8],
  ];
  const reached = steps.map(([event, revision]) => {
    expect(end.take(revision, [event])).toBe(true);
    return end.isReached();
  });
  expect(reached).toEqual([false, false, false, true]);
});

test('what comes after the newest revision of then is past the end', () => {
  const end = new HistoryEnd({ after: 3, until: 5, base: 5, gone: 0 });
  expect(end.isReached()).toBe(false);
  expect(end.take(6, [made('a', 6)])).toBe(false);
  expect(end.take(5, [made('a', 5)])).toBe(true);
  expect(end.isReached()).toBe(true);
});
