import type { Clock } from '@muster/core';
import { Gate } from './gate.ts';

/** A clock that a test moves by hand. */
function manualClock(): Clock & { advance(ms: number): void } {
  let now = 0;
  let sleepers: { until: number; wake: () => void }[] = [];
  return {
    now: () => now,
    monotonic: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        sleepers.push({ until: now + ms, wake: resolve });
        signal.addEventListener('abort', () => resolve());
      }),
    advance: (ms) => {
      now += ms;
      const due = sleepers.filter((sleeper) => sleeper.until <= now);
      sleepers = sleepers.filter((sleeper) => sleeper.until > now);
      for (const sleeper of due) sleeper.wake();
    },
  };
}

/** Enters so many times and says who got through, in order. */
function enterAll(gate: Gate, count: number) {
  const through: number[] = [];
  const passes = Array.from({ length: count }, async (_, index) => {
    const pass = await gate.enter();
    through.push(index);
    return pass;
  });
  return { through, passes };
}

const settled = () => new Promise(setImmediate);

test('the limit holds, and who waits goes in order', async () => {
  const gate = new Gate({ places: 2 });
  const { through, passes } = enterAll(gate, 4);
  await settled();
  expect(through).toEqual([0, 1]);
  const first = await passes[0];
  first?.free();
  first?.free();
  await settled();
  expect(through).toEqual([0, 1, 2]);
  gate.freeAll();
  await settled();
  expect(through).toEqual([0, 1, 2, 3]);
});

test('a pass that is held too long stops counting', async () => {
  const clock = manualClock();
  const gate = new Gate({ places: 2, expiry: { ms: 5_000, clock } });
  const { through } = enterAll(gate, 5);
  await settled();
  expect(through).toEqual([0, 1]);
  clock.advance(4_999);
  await settled();
  expect(through).toEqual([0, 1]);
  clock.advance(1);
  await settled();
  expect(through).toEqual([0, 1, 2, 3]);
  clock.advance(5_000);
  await settled();
  expect(through).toEqual([0, 1, 2, 3, 4]);
});

test('what is done within gives its place back when it fails', async () => {
  const gate = new Gate({ places: 1 });
  await expect(gate.within(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await gate.within(async () => 'yes')).toBe('yes');
});
