import type { ClusterView, CommitResult, Leadership } from '@muster/core';
import { VirtualClock } from '@muster/core/testing';
import { Scheduler } from './scheduler.ts';
import { ChangeFinder } from './testing/change-finder.ts';
import { PlannedCluster } from './testing/planned-cluster.ts';

/** How etcd answers what is decided of the one unit that there is, and how the picture is then asked for. */
async function leadFor(ms: number, answer: (commit: number) => CommitResult): Promise<string[]> {
  const clock = new VirtualClock();
  const cluster = new PlannedCluster().machine('m1').unit('a.service');
  const asked: string[] = [];
  const finder = new ChangeFinder(() => cluster.snapshot());
  const view: ClusterView = {
    snapshot: () => cluster.snapshot(),
    atLeast: (revision) => {
      asked.push(`beyond ${revision - 1 === cluster.revision ? 'it' : 'another'}`);
      return Promise.resolve(cluster.snapshot());
    },
    refresh: () => Promise.resolve(void asked.push('anew')),
    onChange: () => () => undefined,
    changed: () => finder.changed(),
    close: () => Promise.resolve(),
  };
  const stop = new AbortController();
  const leadership: Leadership = {
    fence: 1,
    signal: stop.signal,
    commit: (changes) => {
      const result = answer(asked.filter((what) => what === 'commit').length);
      asked.push('commit');
      if (result === 'committed') cluster.write(changes);
      return Promise.resolve(changes.map(() => result));
    },
    writeBrake: () => Promise.resolve('committed'),
    endLosses: () => Promise.resolve(),
    removeFiles: () => Promise.resolve(0),
    compact: () => Promise.resolve(),
    resign: () => Promise.resolve(),
  };
  const say = (): void => undefined;
  const scheduler = new Scheduler({
    campaign: { lead: () => Promise.resolve(stop.signal.aborted ? null : leadership) },
    openView: () => Promise.resolve(view),
    contact: { unbrokenSince: () => 0, answeredAt: () => clock.monotonic() },
    leases: { ages: () => Promise.resolve(new Map()) },
    clock,
    log: { debug: say, info: say, warn: say, error: say },
    machineTtlMs: 8_000,
    compactMs: null,
  });
  const done = scheduler.run(stop.signal);
  await clock.advance(ms);
  stop.abort();
  await clock.advance(5_000);
  await done;
  return asked;
}

test('what is refused is decided again when the picture has moved on, and that is all', async () => {
  const asked = await leadFor(60_000, (commit) => (commit === 0 ? 'conflict' : 'committed'));
  expect(asked).toEqual(['commit', 'beyond it', 'commit']);
});

test('what is refused twice in a row is decided from a picture that was read anew', async () => {
  const asked = await leadFor(60_000, (commit) => (commit < 2 ? 'conflict' : 'committed'));
  expect(asked).toEqual(['commit', 'beyond it', 'commit', 'anew', 'commit']);
});

test('what is refused for ever is decided no more often than every two seconds', async () => {
  const asked = await leadFor(600_000, () => 'conflict');
  const commits = asked.filter((what) => what === 'commit').length;
  expect(commits).toBeGreaterThan(200);
  expect(commits).toBeLessThan(320);
});
