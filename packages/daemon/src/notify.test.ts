import { watchdogIntervalMs } from './notify.ts';

test.each([
  ['no watchdog', {}, null],
  ['a watchdog of a minute', { WATCHDOG_USEC: '60000000' }, 20_000],
  ['a watchdog of this process', { WATCHDOG_USEC: '3000000', WATCHDOG_PID: '7' }, 1000],
  ['a watchdog of another process', { WATCHDOG_USEC: '3000000', WATCHDOG_PID: '8' }, null],
  ['nonsense', { WATCHDOG_USEC: 'x' }, null],
  ['less than a message takes', { WATCHDOG_USEC: '2000' }, null],
])('%s', (_situation, env, expected) => {
  expect(watchdogIntervalMs(env, 7)).toBe(expected);
});
