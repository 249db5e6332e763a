import { StoreUnavailableError } from '@muster/core';
import type { ClusterView, CommitResult, Leadership, Log, PlacementChange } from '@muster/core';
import { VirtualClock } from '@muster/core/testing';
import { Scheduler } from './scheduler.ts';
import { ChangeFinder } from './testing/change-finder.ts';
import { PlannedCluster } from './testing/planned-cluster.ts';

const say = (): void => undefined;
const silent: Log = { debug: say, info: say, warn: say, error: say };

/** Leads for so long, with the cluster as the view has it. */
async function lead(
  ms: number,
  {
    view,
    log = silent,
    ...leader
  }: Pick<Leadership, 'fence' | 'commit'> & {
    view: Pick<ClusterView, 'snapshot' | 'atLeast' | 'refresh'>;
    log?: Log;
  },
): Promise<void> {
  const clock = new VirtualClock();
  const finder = new ChangeFinder(() => view.snapshot());
  const stop = new AbortController();
  const leadership: Leadership = {
    ...leader,
    signal: stop.signal,
    writeBrake: () => Promise.resolve('committed'),
    writeRebalance: () => Promise.resolve('committed'),
    endLosses: () => Promise.resolve(),
    removeFiles: () => Promise.resolve(0),
    compact: () => Promise.resolve(),
    resign: () => Promise.resolve(),
  };
  const scheduler = new Scheduler({
    campaign: { lead: () => Promise.resolve(stop.signal.aborted ? null : leadership) },
    openView: () =>
      Promise.resolve({
        ...view,
        onChange: () => () => undefined,
        changed: () => finder.changed(),
        close: () => Promise.resolve(),
      }),
    contact: { unbrokenSince: () => 0, answeredAt: () => clock.monotonic() },
    leases: { ages: () => Promise.resolve(new Map()) },
    clock,
    log,
    machineTtlMs: 8_000,
    compactMs: null,
  });
  const done = scheduler.run(stop.signal);
  await clock.advance(ms);
  stop.abort();
  await clock.advance(5_000);
  await done;
}

/**
 * How etcd answers what is decided of the one unit that there is, and how the picture is then asked for.
 * @param answer - null: it does it, and the answer is lost
 */
async function leadFor(
  ms: number,
  answer: (commit: number) => CommitResult | null,
): Promise<string[]> {
  const cluster = new PlannedCluster().machine('m1').unit('a.service');
  const fence = 1;
  const asked: string[] = [];
  await lead(ms, {
    fence,
    view: {
      snapshot: () => cluster.snapshot(),
      atLeast: (revision) => {
        const what = revision - 1 === cluster.revision ? 'it' : 'another';
        if (revision !== fence) asked.push(`beyond ${what}`);
        return Promise.resolve(cluster.snapshot());
      },
      refresh: () => Promise.resolve(void asked.push('anew')),
    },
    commit: (changes) => {
      const result = answer(asked.filter((what) => what === 'commit').length);
      asked.push('commit');
      if (result === 'committed' || result === null) cluster.write(changes);
      if (result === null) return Promise.reject(new StoreUnavailableError('no answer'));
      return Promise.resolve(changes.map(() => result));
    },
  });
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

test('a new leader decides nothing from a picture that is older than its leadership', async () => {
  const stale = new PlannedCluster().machine('m1').unit('y.service', 'Ports=80');
  // What the leader before wrote last: x has the port.
  const present = new PlannedCluster().machine('m1').unit('x.service', 'Ports=80');
  present.settle();
  present.unit('y.service', 'Ports=80').unit('z.service');
  const fence = present.revision++;
  let asked = 0;
  const isCurrent = (): boolean => asked > 3;
  const now = (): PlannedCluster => (isCurrent() ? present : stale);
  const warned: string[] = [];
  const committed: PlacementChange[] = [];
  await lead(60_000, {
    fence,
    view: {
      snapshot: () => now().snapshot(),
      atLeast: (revision) => {
        if (revision >= fence) asked += 1;
        if (revision >= fence && !isCurrent()) return Promise.reject(new Error('not seen'));
        return Promise.resolve(now().snapshot());
      },
      refresh: () => Promise.resolve(),
    },
    // The fence and the revisions of y hold: etcd would take it.
    commit: (changes) => {
      committed.push(...changes);
      now().write(changes);
      return Promise.resolve(changes.map(() => 'committed' as const));
    },
    log: { ...silent, warn: (_, message) => void warned.push(message) },
  });
  expect({
    committed: committed.flatMap(({ assign }) => assign.map(({ unit }) => unit)),
    warned,
  }).toEqual({
    committed: ['z.service'],
    warned: [
      'the picture is older than this leadership: nothing is placed until it is not',
      'cannot place unit',
    ],
  });
});

test('what may have been written is looked for in a picture that was read anew', async () => {
  expect(await leadFor(60_000, () => null)).toEqual(['commit', 'anew']);
});
