import type { Unit, UnitState } from '@muster/core';
import { state as up } from './testing/active-unit.ts';
import { failurePhrase, renderFailures } from './unit-failure.ts';
import type { FailuresBody } from './wire.ts';

const failed: Partial<UnitState> = { activeState: 'failed', subState: 'failed' };
const twice: FailuresBody = { attempts: 2, limit: 2, isExhausted: true, machines: ['m1', 'm2'] };

test.each<[what: string, Partial<UnitState>, FailuresBody | null, string | null]>([
  ['it is up', {}, null, null],
  ['it is up after all', {}, twice, null],
  [
    'its program is missing',
    { ...failed, result: 'exit-code', exit: { code: 'exited', status: 203 } },
    null,
    '203/EXEC',
  ],
  [
    'systemd gave up, and so did the leader',
    { ...failed, result: 'start-limit-hit', exit: { code: 'exited', status: 1 } },
    twice,
    'start-limit-hit, 1/FAILURE; given up after 2 further attempts',
  ],
  [
    'there are attempts left',
    { ...failed, result: 'signal', exit: { code: 'killed', status: 9 } },
    { ...twice, isExhausted: false },
    'killed/KILL',
  ],
  ['nobody says why', { ...failed, result: null }, null, 'failed'],
  [
    'what it requires failed',
    { activeState: 'inactive', result: 'dependency' },
    null,
    'dependency',
  ],
  [
    'the machine refuses it',
    { activeState: 'inactive', problem: 'it is masked' },
    null,
    'it is masked',
  ],
  ['its file is bad', { loadState: 'bad-setting' }, null, 'systemd says of its file: bad-setting'],
  [
    'it waits to be restarted',
    {
      activeState: 'activating',
      result: null,
      exit: { code: 'dumped', status: 11 },
      flapping: 6,
    },
    null,
    'dumped/SEGV; flapping, 6 restarts in 10 min',
  ],
  ['it is on its way', { activeState: 'activating', result: null }, null, null],
])('%s', (_, change, failures, expected) => {
  expect(failurePhrase({ ...up, ...change }, failures)).toBe(expected);
});

const unit: Unit = {
  name: 'a.service',
  hash: 'h',
  desiredState: 'launched',
  restarts: 0,
  origin: { by: 'x' },
  createRevision: 3,
  modRevision: 5,
};
const stored = { attempts: 3, machines: ['m1'], unitRevision: 5 };
const text = (limit: string): string =>
  `[X-Fleet]\nReschedule=on-failure\nRescheduleLimit=${limit}\n`;

test.each([
  ['3', { limit: 3, isExhausted: true }],
  ['4', { limit: 4, isExhausted: false }],
  ['infinity', { limit: null, isExhausted: false }],
])('with RescheduleLimit=%s', (limit, expected) => {
  expect(renderFailures(unit, text(limit), stored)).toEqual({
    attempts: 3,
    machines: ['m1'],
    ...expected,
  });
});

test('what was stored of a unit before somebody asked for something else says nothing', () => {
  expect(renderFailures({ ...unit, modRevision: 6 }, text('4'), stored)).toBeNull();
  expect(renderFailures(unit, text('4'), null)).toBeNull();
});
