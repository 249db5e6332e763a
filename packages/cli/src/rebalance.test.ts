import type { Rebalance } from '@muster/core';
import { m1, m2, simple, useCliCluster } from './testing/cli-cluster.ts';
import type { Ended } from './testing/cli-cluster.ts';

const cli = useCliCluster();
const musterctl = (...args: string[]): Promise<Ended> => cli().musterctl(...args);
const ok = (out: string, err = ''): Ended => ({ status: 0, out, err });
const lines = (...each: string[]): string => each.map((line) => `${line}\n`).join('');

const table = lines(
  'UNIT       FROM                  TO                    ORDER            REASON',
  'a.service  1234abcd.../10.0.0.1  5678abcd.../10.0.0.2  successor-first  2 units there, 1 unit here',
);
const moving = 'Moving a.service from 1234abcd.../10.0.0.1 to 5678abcd.../10.0.0.2';
const move = {
  units: ['a.service'],
  revisions: [1],
  from: m1,
  to: m2,
  order: 'successor-first',
  reason: 'rebalance: 2 units there, 1 unit here',
} as const;
const begun: Omit<Rebalance, 'modRevision'> = {
  origin: { by: 'tester@box' },
  limit: null,
  atOnce: 1,
  moved: 0,
  moves: [move],
};

/** Two units are up on the first machine. */
beforeEach(async () => {
  const { cluster } = cli();
  for (const name of ['a.service', 'b.service']) {
    await cluster.units.write([
      {
        name,
        expect: 0,
        set: {
          hash: 'a'.repeat(40),
          file: simple,
          desiredState: 'launched',
          restarts: 0,
          origin: { by: 'test' },
        },
      },
    ]);
    await cluster.withdraw(name, m2);
    cluster.report(await cluster.assign(name, m1), { bootId: `boot-${m1.slice(0, 4)}` });
  }
});

/** Whoever leads does this one after the other, as soon as somebody has asked for it. */
function lead(...steps: (Omit<Rebalance, 'modRevision'> | null)[]): void {
  const { cluster } = cli();
  cluster.beforeWrite = () => {
    cluster.beforeWrite = () => Promise.resolve();
    void (async () => {
      const view = await cluster.units.cluster();
      while (view.snapshot().rebalance === null) await view.refresh(1000);
      for (const step of steps) await cluster.rebalance(step);
    })();
    return Promise.resolve();
  };
}

test('what would be moved is shown, and nothing is', async () => {
  expect(await musterctl('rebalance', '--dry-run')).toEqual(ok(table));
  const { out } = await musterctl('rebalance', '--dry-run', '-o', 'json');
  const { revisions: _, ...planned } = move;
  expect(JSON.parse(out)).toMatchObject({ result: 'planned', obstacle: null, moves: [planned] });
  expect((await musterctl('status')).out).not.toContain('Rebalance');
});

test('it waits until all is moved, and says what is', async () => {
  lead(begun, { ...begun, moved: 1, moves: [] }, null);
  const { status, out, err } = await musterctl('rebalance');
  expect({ status, err }).toEqual({ status: 0, err: '' });
  // The first step may be over before anybody looks.
  expect(out.replace(`${moving}\n`, '')).toBe(`${table}Done.\n`);
});

test('a move that is under way is said', async () => {
  lead(begun);
  const ended = musterctl('--timeout', '3', 'rebalance');
  expect(await ended).toEqual({
    status: 1,
    out: `${table}${moving}\n`,
    err: 'error: it is not over after 3 s, and goes on\n',
  });
  expect((await musterctl('status')).out).toContain(
    '  Rebalance: 0 moves made, 1 under way; asked for by tester@box\n',
  );
});

test('one that fails is told, also by its exit status', async () => {
  lead({ ...begun, moves: [], end: { type: 'failed', reason: 'a.service failed on m2' } });
  expect(await musterctl('rebalance')).toEqual({
    status: 1,
    out: table,
    err: 'error: nothing more is moved: a.service failed on m2\n',
  });
  expect(await musterctl('rebalance', 'stop')).toEqual(
    ok('The rebalance that had failed is forgotten.\n'),
  );
});

test('it need not be waited for, and can be stopped', async () => {
  const { status, out } = await musterctl('rebalance', '--no-block', '--max', '1', '-o', 'json');
  expect({ status, result: JSON.parse(out).result }).toEqual({ status: 0, result: 'begun' });
  expect((await musterctl('rebalance')).err).toBe(
    'error: a rebalance is under way, asked for by tester@box: it can be stopped, or waited for\n',
  );
  expect(await musterctl('rebalance', 'stop')).toEqual(
    ok('No more moves are begun; those that were begun are ended.\n'),
  );
  expect((await musterctl('status')).out).toContain(
    '  Rebalance: 0 of at most 1 moves made, 0 under way (no more are begun: by tester@box); asked for by tester@box\n',
  );
});

test('nothing to move', async () => {
  await musterctl('destroy', '--no-block', 'b.service');
  expect(await musterctl('rebalance')).toEqual(
    ok('Nothing to move: every unit is where it would be placed now, or has to stay.\n'),
  );
  expect(await musterctl('rebalance', 'stop')).toEqual(ok('No rebalance is under way.\n'));
});

test('nothing is moved while a machine is absent', async () => {
  await cli().cluster.assign('b.service', 'c'.repeat(32));
  expect(await musterctl('rebalance')).toEqual({
    status: 1,
    out: '',
    err: 'error: nothing is moved now: machine cccccccc... is absent\n',
  });
});

test.each([['--max=0'], ['--at-once=0']])('%s is refused', async (option) => {
  expect(await musterctl('rebalance', option)).toEqual({
    status: 2,
    out: '',
    err: 'error: --max and --at-once must be 1 or more\n',
  });
});
