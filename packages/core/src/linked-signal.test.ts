import { getEventListeners } from 'node:events';
import { linkSignals } from './linked-signal.ts';

const setUp = () => [new AbortController(), new AbortController()] as const;
const listenersOf = (of: readonly AbortController[]): number[] =>
  of.map(({ signal }) => getEventListeners(signal, 'abort').length);

test.each([0, 1] as const)('it aborts with source %i, and leaves nothing on either', (which) => {
  const sources = setUp();
  const { signal } = linkSignals(sources.map((source) => source.signal));
  expect([signal.aborted, ...listenersOf(sources)]).toEqual([false, 1, 1]);
  sources[which].abort();
  expect([signal.aborted, ...listenersOf(sources)]).toEqual([true, 0, 0]);
});

test('it is aborted from the beginning if a source is', () => {
  const sources = setUp();
  sources[1].abort();
  const { signal } = linkSignals(sources.map((source) => source.signal));
  expect([signal.aborted, ...listenersOf(sources)]).toEqual([true, 0, 0]);
});

test('unlinked it leaves nothing behind, and nothing aborts it', () => {
  const sources = setUp();
  const { signal, unlink } = linkSignals(sources.map((source) => source.signal));
  unlink();
  sources[0].abort();
  expect([signal.aborted, ...listenersOf(sources)]).toEqual([false, 0, 0]);
});
