import { ReconcileLoop } from './reconcile-loop.ts';
import type { ReconcileLoopOptions } from './reconcile-loop.ts';
import { VirtualClock } from './testing/virtual-clock.ts';

interface Run {
  readonly clock: VirtualClock;
  readonly loop: ReconcileLoop;
  readonly passes: number[];
  stop(): Promise<void>;
}

/** Starts a loop whose passes are recorded by the time they began. */
function start(
  pass: (signal: AbortSignal, count: number) => Promise<void> = () => Promise.resolve(),
  options: Partial<ReconcileLoopOptions> = {},
): Run {
  const clock = new VirtualClock();
  const passes: number[] = [];
  const loop = new ReconcileLoop({
    clock,
    resyncMs: 1000,
    onFailure: () => undefined,
    ...options,
    pass: (signal) => {
      passes.push(clock.monotonic());
      return pass(signal, passes.length);
    },
  });
  const stop = new AbortController();
  const done = loop.run(stop.signal);
  return {
    clock,
    loop,
    passes,
    stop: () => {
      stop.abort();
      return done;
    },
  };
}

test('a pass is made at once, and then once for each resync interval', async () => {
  const run = start();
  await run.clock.advance(3500);
  expect(run.passes).toEqual([0, 1000, 2000, 3000]);
  await run.stop();
});

test('a kick wakes a sleeping loop at once, and many kicks cost one pass', async () => {
  const run = start();
  await run.clock.advance(100);
  for (let i = 0; i < 10; i += 1) run.loop.kick();
  await run.clock.advance(100);
  expect(run.passes).toEqual([0, 100]);
  await run.stop();
});

test('kicks during a pass cause exactly one more, after it', async () => {
  const { promise, release } = gate();
  const run = start((_signal, count) => (count === 1 ? promise : Promise.resolve()));
  await run.clock.advance(10);
  run.loop.kick();
  run.loop.kick();
  await run.clock.advance(10);
  expect(run.passes).toEqual([0]);
  release();
  await run.clock.advance(10);
  expect(run.passes).toEqual([0, 20]);
  await run.stop();
});

test('failures are waited out with growing delay, kicked or not, and success resets it', async () => {
  const run = start((_signal, count) =>
    count <= 3 ? Promise.reject(new Error('no')) : Promise.resolve(),
  );
  for (let i = 0; i < 200; i += 1) {
    run.loop.kick();
    await run.clock.advance(10);
  }
  expect(run.passes.slice(0, 4)).toEqual([0, 200, 600, 1400]);
  await run.stop();
});

test('the delay after failures stays below its bound', async () => {
  const run = start(() => Promise.reject(new Error('no')), { maxBackoffMs: 400 });
  await run.clock.advance(2000);
  expect(run.passes).toEqual([0, 200, 600, 1000, 1400, 1800]);
  await run.stop();
});

test('passes rest between them', async () => {
  const run = start(undefined, { restMs: () => 50 });
  for (let i = 0; i < 20; i += 1) {
    run.loop.kick();
    await run.clock.advance(10);
  }
  expect(run.passes).toEqual([0, 50, 100, 150, 200]);
  await run.stop();
});

test('stopping waits for the pass in flight and makes no other', async () => {
  const { promise, release } = gate();
  const run = start(() => promise);
  await run.clock.advance(10);
  let stopped = false;
  const stopping = run.stop().then(() => {
    stopped = true;
  });
  await run.clock.advance(5000);
  expect({ stopped, passes: run.passes }).toEqual({ stopped: false, passes: [0] });
  release();
  await stopping;
  expect(run.passes).toEqual([0]);
});

function gate(): { promise: Promise<void>; release: () => void } {
  let release: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { promise, release };
}

test('every pass is told of with its duration, but for one that is cut short', async () => {
  const told: { ms: number; isFailed: boolean }[] = [];
  const run = start(
    async (signal, count) => {
      await Promise.resolve();
      await run.clock.sleep(count * 10, signal);
      if (count === 2 || signal.aborted) throw new Error('no');
    },
    { onPass: (end) => told.push(end) },
  );
  await run.clock.advance(1500);
  expect(told).toEqual([
    { ms: 10, isFailed: false },
    { ms: 20, isFailed: true },
    { ms: 30, isFailed: false },
  ]);
  run.loop.kick();
  await run.clock.advance(5);
  await run.stop();
  expect(run.passes).toHaveLength(4);
  expect(told).toHaveLength(3);
});

test('another resync interval counts at once, not only after the old one is over', async () => {
  const run = start(undefined, { resyncMs: 60_000 });
  await run.clock.advance(500);
  run.loop.setResync(100);
  await run.clock.advance(300);
  expect(run.passes).toEqual([0, 500, 600, 700, 800]);
  await run.stop();
});
