import type { ClusterSnapshot, Revision } from '@muster/core';
import { VirtualClock } from '@muster/core/testing';
import { Housekeeping, unusedFiles } from './housekeeping.ts';

/** A cluster with these files (by hash, with their revisions) of which units use some. */
function snapshotOf(files: Record<string, Revision>, used: readonly string[]): ClusterSnapshot {
  const none = new Map<string, never>();
  return {
    revision: 100,
    clusterId: 'test',
    units: new Map(
      used.map((hash, i) => [
        `u${i}.service`,
        {
          name: `u${i}.service`,
          hash,
          desiredState: 'launched',
          restarts: 0,
          origin: { by: 'test' },
          createRevision: 1,
          modRevision: 1,
        },
      ]),
    ),
    files: new Map(Object.keys(files).map((hash) => [hash, ''])),
    fileRevisions: new Map(Object.entries(files)),
    machines: none,
    settings: none,
    placements: none,
    assignments: none,
    states: none,
    leader: null,
    brake: null,
    policy: null,
    rebalance: null,
    losses: new Map(),
    corrupt: [],
  };
}

test('a file that a unit uses is not unused', () => {
  expect(unusedFiles(snapshotOf({ a: 5, b: 6 }, ['a']), new Map(), 1000)).toEqual(
    new Map([['b', { revision: 6, since: 1000 }]]),
  );
});

test('how long a file has been unused is carried over', () => {
  const before = unusedFiles(snapshotOf({ a: 5 }, []), new Map(), 1000);
  expect(unusedFiles(snapshotOf({ a: 5 }, []), before, 9000)).toEqual(before);
});

test('a file that was written again, or was used in between, starts anew', () => {
  const before = unusedFiles(snapshotOf({ a: 5, b: 6 }, []), new Map(), 1000);
  expect(unusedFiles(snapshotOf({ a: 7, b: 6 }, ['b']), before, 2000)).toEqual(
    new Map([['a', { revision: 7, since: 2000 }]]),
  );
});

test('what is compacted follows how long revisions are to be kept, also when that changes', async () => {
  const clock = new VirtualClock();
  let compactMs: number | null = 120_000;
  const compacted: [minute: number, revision: Revision][] = [];
  const minute = (): number => clock.monotonic() / 60_000;
  const never = new AbortController().signal;
  const housekeeping = new Housekeeping({
    // The store gets ten revisions a minute.
    view: {
      snapshot: () => ({ ...snapshotOf({}, []), revision: 10 * minute() }),
      refresh: () => Promise.reject(new Error('not asked for')),
      atLeast: () => Promise.reject(new Error('not asked for')),
      onChange: () => () => undefined,
      changed: () => {
        throw new Error('not asked for');
      },
      close: () => Promise.resolve(),
    },
    leadership: {
      fence: 1,
      signal: never,
      commit: () => Promise.resolve([]),
      writeBrake: () => Promise.resolve('committed'),
      writeRebalance: () => Promise.resolve('committed'),
      endLosses: () => Promise.resolve(),
      removeFiles: () => Promise.resolve(0),
      compact: async (revision) => void compacted.push([minute(), revision]),
      resign: () => Promise.resolve(),
    },
    clock,
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    compactMs: () => compactMs,
  });
  const stop = new AbortController();
  const running = housekeeping.run(stop.signal);
  await clock.advance(4 * 60_000);
  expect(compacted.splice(0)).toEqual([
    [3, 10],
    [4, 20],
  ]);
  compactMs = 60_000;
  await clock.advance(60_000);
  expect(compacted.splice(0)).toEqual([[5, 40]]);
  compactMs = null;
  await clock.advance(10 * 60_000);
  expect(compacted).toEqual([]);
  compactMs = 60_000;
  await clock.advance(2 * 60_000);
  expect(compacted).toEqual([[17, 160]]);
  stop.abort();
  await running;
});
