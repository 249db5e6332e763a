import { parseRequirements } from './requirements.ts';
import { rescheduleDelayMs } from './reschedule-option.ts';
import { parseUnitFile } from './unit-file.ts';

function read(fleet: string) {
  return parseRequirements(parseUnitFile(`[X-Fleet]\n${fleet}\n`), 'a.service');
}

test('a unit that fails stays where it is unless it says otherwise', () => {
  expect(read('Replaces=b.service').requirements.reschedule).toBeNull();
  expect(read('Reschedule=never').requirements.reschedule).toBeNull();
  expect(read('Reschedule=on-failure').requirements.reschedule).toEqual({
    delayMs: 30_000,
    maxDelayMs: 900_000,
    limit: 5,
    resetMs: 600_000,
  });
});

test('what is said counts, the last value of each', () => {
  const { requirements, problems, warnings } = read(
    'Reschedule=on-failure\nRescheduleDelaySec=5\nRescheduleDelaySec=1min 30s\nRescheduleMaxDelaySec=1min\nRescheduleLimit=infinity\nRescheduleResetSec=2h',
  );
  expect([problems, warnings]).toEqual([[], []]);
  // The longest delay is not shorter than the first.
  expect(requirements.reschedule).toEqual({
    delayMs: 90_000,
    maxDelayMs: 90_000,
    limit: Infinity,
    resetMs: 7_200_000,
  });
});

test.each([
  ['Reschedule=always', 'Reschedule=always is neither never nor on-failure'],
  [
    'Reschedule=on-failure\nRescheduleDelaySec=soon',
    'RescheduleDelaySec=soon is no time span, such as 30s or 5min',
  ],
  [
    'Reschedule=on-failure\nRescheduleDelaySec=10ms',
    'RescheduleDelaySec=10ms is too short; the least is 1s',
  ],
  [
    'Reschedule=on-failure\nRescheduleLimit=-1',
    'RescheduleLimit=-1 is neither a number of attempts nor infinity',
  ],
])('%j is refused', (fleet, problem) => {
  expect(read(fleet).problems).toEqual([problem]);
});

test.each([
  ['RescheduleLimit=3', 'RescheduleLimit has no effect without Reschedule=on-failure'],
  ['Reschedule=on-failure\nGlobal=yes', 'Reschedule=on-failure has no effect on a global unit'],
  [
    'Reschedule=on-failure\nMachineID=deadbeef',
    'Reschedule=on-failure has no effect with MachineID=deadbeef, which allows no other machine',
  ],
  [
    'Reshedule=on-failure',
    'Reshedule in [X-Fleet] is not known and has no effect; the nearest known option is Reschedule',
  ],
])('%j is warned about, and has no effect', (fleet, warning) => {
  const { requirements, problems, warnings } = read(fleet);
  expect({ problems, warnings }).toEqual({ problems: [], warnings: [warning] });
  expect(requirements.reschedule).toBeNull();
});

test('each delay is twice the one before, up to the longest', () => {
  const { reschedule } = read('Reschedule=on-failure').requirements;
  if (reschedule === null) throw new Error('it is not read');
  const delays = [0, 1, 2, 3, 4, 5, 100].map((n) => rescheduleDelayMs(reschedule, n) / 1000);
  expect(delays).toEqual([30, 60, 120, 240, 480, 900, 900]);
});
