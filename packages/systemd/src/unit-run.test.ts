import { wasStartLimitHit } from './unit-run.ts';
import type { ServiceEnd } from './unit-run.ts';

/** It failed for the sixth time, and when it was to be started 100 ms later systemd refused. */
const refused: ServiceEnd = {
  ActiveState: 'failed',
  ExecMainCode: 1,
  ExecMainStatus: 1,
  ExecMainExitTimestampMonotonic: 1_000_000,
  NRestarts: 5,
  RestartUSec: 100_000,
  StartLimitBurst: 5,
  InactiveEnterTimestampMonotonic: 1_100_500,
};

test.each<[what: string, end: Partial<ServiceEnd>, expected: boolean]>([
  ['refused after the delay', {}, true],
  ['it failed when its process ended', { InactiveEnterTimestampMonotonic: 1_000_300 }, false],
  ['it was not restarted that often', { NRestarts: 4 }, false],
  ['there is no limit', { StartLimitBurst: 0 }, false],
  ['it waits for its next start', { ActiveState: 'activating' }, false],
])('start limit: %s', (_, end, expected) => {
  expect(wasStartLimitHit({ ...refused, ...end })).toBe(expected);
});
