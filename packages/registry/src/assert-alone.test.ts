import { VirtualClock } from '@muster/core/testing';
import { assertAlone, wasRenewed } from './assert-alone.ts';
import { silentLog } from './fake.ts';
import { MemoryStore } from './memory-store.ts';

test.each<[string, number, number, number, boolean]>([
  ['nothing has passed', 7, 7, 0, false],
  ['a second less after a second', 7, 6, 1_000, false],
  // 7.99 s were left, and 1.98 s later 6.01.
  ['a second less after almost two', 7, 6, 1_980, false],
  ['more than before', 6, 7, 200, true],
  ['as much as before, a second later', 7, 7, 1_000, true],
  ['a second less, two later', 7, 6, 2_000, true],
  ['little left, and renewed', 0, 7, 400, true],
  ['at its end', 0, 0, 900, false],
])('%s: %d s, then %d s after %d ms', (_, first, left, passedMs, expected) => {
  expect(wasRenewed({ leftSeconds: first }, { leftSeconds: left }, passedMs)).toBe(expected);
});

/** What becomes of a newcomer that finds a lease of 8 s, renewed 2.5 s before and then at `times`. */
async function outcome(times: readonly number[]): Promise<string> {
  const clock = new VirtualClock();
  const leftAt = (now: number): number => {
    const last = times.findLast((time) => time <= now) ?? -2_500;
    return Math.floor((last + 8_000 - now) / 1_000);
  };
  const begun = clock.monotonic();
  const leaseLeft = () => {
    const leftSeconds = leftAt(clock.monotonic() - begun);
    return Promise.resolve({ leftSeconds, grantedSeconds: 8 });
  };
  const stored = { key: 'machine/a', value: '{}', createRevision: 1, modRevision: 1, lease: '1' };
  const watching = assertAlone({
    store: { ...new MemoryStore({ clock }).connect('a'), leaseLeft },
    clock,
    log: silentLog(),
    present: { stored, record: null },
    bootId: 'second',
    ttlSeconds: 8,
    over: new AbortController().signal,
  }).then(
    () => 'alone',
    (error: unknown) => String(error),
  );
  let ended: string | null = null;
  void watching.then((how) => (ended = `${how} after ${clock.monotonic() - begun} ms`));
  while (ended === null) await clock.advance(100);
  return ended;
}

test.each<[string, readonly number[], RegExp]>([
  ['never renewed', [], /^alone after 4/],
  ['renewed once, as when etcd has a new leader', [700], /^alone after 4[6-9]/],
  ['the last renewal of a boot that is over, in two copies', [700, 1_100], /^alone after [45]/],
  ['renewed every 2 s', [1_900, 3_900, 5_900], /in use by somebody, which is alive.* after [456]/],
  ['renewed again when it was waited for in vain', [3_000, 6_500], /alive.* after 6/],
])('%s: what becomes of the newcomer', async (_, times, expected) => {
  expect(await outcome(times)).toMatch(expected);
});
