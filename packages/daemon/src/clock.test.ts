import { getEventListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { bootClock, createClock } from './clock.ts';

test.each([
  ['nothing happened', { bootMs: 5000, monotonicMs: 2000 }, 5000],
  ['time passed, finer than the boot clock tells', { bootMs: 5010, monotonicMs: 2013 }, 5013],
  ['the machine slept for an hour', { bootMs: 3_605_000, monotonicMs: 2000 }, 3_605_000],
  ['the process stood between the two reads', { bootMs: 5000, monotonicMs: 9000 }, 12_000],
])('%s', (_situation, later, expected) => {
  let now = { bootMs: 5000, monotonicMs: 2000 };
  const clock = bootClock({ bootMs: () => now.bootMs, monotonicMs: () => now.monotonicMs });
  now = later;
  expect(clock()).toBe(expected);
});

test('it never goes back, and what it has slept stays counted', () => {
  let now = { bootMs: 0, monotonicMs: 0 };
  const clock = bootClock({ bootMs: () => now.bootMs, monotonicMs: () => now.monotonicMs });
  now = { bootMs: 10_000, monotonicMs: 5 };
  expect(clock()).toBe(10_000);
  now = { bootMs: 10_000, monotonicMs: 9 };
  expect(clock()).toBe(10_004);
});

describe('the real clock', () => {
  const clock = createClock();

  test('is the boot clock', () => {
    const before = Number.parseFloat(readFileSync('/proc/uptime', 'utf8')) * 1000;
    const read = clock.monotonic();
    const after = Number.parseFloat(readFileSync('/proc/uptime', 'utf8')) * 1000;
    expect(read).toBeGreaterThan(before - 30);
    expect(read).toBeLessThan(after + 30);
  });

  test('is never read backwards', () => {
    let previous = clock.monotonic();
    for (let count = 0; count < 10_000; count += 1) {
      const next = clock.monotonic();
      expect(next >= previous).toBe(true);
      previous = next;
    }
  });

  test('sleeps and leaves no listener behind', async () => {
    const { signal } = new AbortController();
    const before = clock.monotonic();
    await clock.sleep(30, signal);
    expect(clock.monotonic() - before).toBeGreaterThanOrEqual(28);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('wakes when the signal aborts, and at once when it has', async () => {
    const controller = new AbortController();
    const asleep = clock.sleep(2 ** 40, controller.signal);
    controller.abort();
    await asleep;
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    await clock.sleep(60_000, controller.signal);
  });
});
