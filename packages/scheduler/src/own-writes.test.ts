import { StoreUnavailableError } from '@muster/core';
import type { ClusterSnapshot, PlacementChange } from '@muster/core';
import { VirtualClock } from '@muster/core/testing';
import { OwnWrites } from './own-writes.ts';
import { PlannedCluster } from './testing/planned-cluster.ts';

let clock: VirtualClock;
let cluster: PlannedCluster;
/** What the picture shows, which is not told of what happens. */
let shown: ClusterSnapshot;
let refreshes: number;
let isAway: boolean;
let own: OwnWrites;
let stop: AbortController;
/** When it was seen, or what went wrong. */
let seen: number | string | null;

function show(): void {
  const { placements, ...rest } = cluster.snapshot();
  shown = { ...rest, placements: new Map(placements) };
}

beforeEach(() => {
  clock = new VirtualClock();
  cluster = new PlannedCluster().machine('m1').unit('a.service').unit('b.service');
  show();
  refreshes = 0;
  isAway = false;
  const refresh = async (): Promise<void> => {
    refreshes += 1;
    if (isAway) throw new StoreUnavailableError('it is away');
    show();
  };
  own = new OwnWrites({ snapshot: () => shown, refresh }, clock);
  stop = new AbortController();
  seen = null;
});

function write(): readonly PlacementChange[] {
  const { changes } = cluster.settle();
  return changes;
}

function look(): void {
  seen = null;
  own.seen(stop.signal).then(
    () => (seen = clock.monotonic()),
    (error: unknown) => (seen = String(error)),
  );
}

test('nothing is waited for when nothing was written', async () => {
  look();
  await clock.advance(0);
  own.begin();
  own.end([]);
  look();
  await clock.advance(0);
  expect({ seen, refreshes }).toEqual({ seen: 0, refreshes: 0 });
});

test('it is seen when the picture shows the last of it', async () => {
  own.begin();
  own.end(write());
  clock.after(300, show);
  look();
  await clock.advance(1_000);
  expect({ seen, refreshes }).toEqual({ seen: 300, refreshes: 0 });
});

test('a picture that does not come to show it is read anew', async () => {
  own.begin();
  own.end(write());
  look();
  await clock.advance(1_900);
  expect(seen).toBeNull();
  await clock.advance(200);
  expect({ seen, refreshes }).toEqual({ seen: 2_000, refreshes: 1 });
  look();
  await clock.advance(0);
  expect(refreshes).toBe(1);
});

test('as long as it cannot be read it is still to be seen', async () => {
  isAway = true;
  own.begin();
  own.end(write());
  for (const time of [1, 2]) {
    look();
    await clock.advance(2_500);
    expect({ seen, refreshes }).toEqual({
      seen: expect.stringContaining('it is away'),
      refreshes: time,
    });
  }
  isAway = false;
  look();
  await clock.advance(2_500);
  expect({ seen, refreshes }).toEqual({ seen: 7_000, refreshes: 3 });
});

test('what may have been written is read anew at once', async () => {
  own.begin();
  look();
  await clock.advance(0);
  expect({ seen, refreshes }).toEqual({ seen: 0, refreshes: 1 });
});

test('who stops waits for nothing', async () => {
  own.begin();
  own.end(write());
  look();
  await clock.advance(100);
  stop.abort();
  await clock.advance(0);
  expect({ seen, refreshes }).toEqual({ seen: 100, refreshes: 0 });
});
