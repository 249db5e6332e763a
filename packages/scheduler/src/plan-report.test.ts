import type { Log } from '@muster/core';
import type { Unplaced } from './draft.ts';
import { PlanReport } from './plan-report.ts';

function reported() {
  const lines: { unit: string; reasons: string[] }[] = [];
  const write = (fields: object): void => {
    const { unit, machines } = fields as Unplaced;
    lines.push({ unit, reasons: machines.map(({ reason }) => reason) });
  };
  const silent = (): void => {};
  const log: Log = { debug: silent, info: silent, warn: write, error: silent };
  const report = new PlanReport(log);
  const say = (...reasons: string[]): void => {
    const machines = reasons.map((reason, i) => ({ machine: `m${i}`, reason }));
    const unplaced = [{ unit: 'a.service', reason: 'no machine can take it', machines }];
    report.say({ unplaced, circles: [], givenUp: [] });
  };
  return { lines, report, say };
}

const lacks = (left: string, wanted = '4G'): string =>
  `MemoryMax=${wanted} wants ${wanted} of memory, the machine has ${left} of 8G left`;

test('amounts that change, and machines that say the same, are no news', () => {
  const { lines, say } = reported();
  say(lacks('1.5G'), lacks('512M'));
  say(lacks('0'), lacks('512M'));
  say(lacks('0'));
  expect(lines).toEqual([{ unit: 'a.service', reasons: [lacks('1.5G'), lacks('512M')] }]);
});

test('another kind of reason is, and so is a unit that waits anew', () => {
  const { lines, report, say } = reported();
  say(lacks('1.5G'));
  say('it failed there and has still to end');
  say(lacks('1.5G', '2G'));
  report.say({ unplaced: [], circles: [], givenUp: [] });
  say(lacks('1.5G'));
  expect(lines.map(({ reasons }) => reasons[0])).toEqual([
    lacks('1.5G'),
    'it failed there and has still to end',
    lacks('1.5G', '2G'),
    lacks('1.5G'),
  ]);
});
