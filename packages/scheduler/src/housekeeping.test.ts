import type { ClusterSnapshot, Revision } from '@muster/core';
import { unusedFiles } from './housekeeping.ts';

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
