import type { ExplanationBody } from '@muster/api/client';
import type { MachineVerdict } from '@muster/core';
import { explanationLines } from './explanation-lines.ts';
import { machineLegends } from './legend.ts';

const id = (n: number): string => n.toString(16).padStart(8, '0').padEnd(32, '0');
const many = (
  count: number,
  verdict: MachineVerdict['verdict'],
  reason: (n: number) => string,
  from = 0,
): MachineVerdict[] =>
  Array.from({ length: count }, (_, i) => {
    return { machine: id(from + i), verdict, reason: reason(i) };
  });

function lines(more: Partial<ExplanationBody>, full = false): string[] {
  const explanation: ExplanationBody = {
    revision: 1,
    unit: 'web.service',
    status: 'pending',
    reason: 'no machine can take it',
    notes: [],
    machines: [],
    ...more,
  };
  const machineOf = machineLegends([{ id: id(1), address: '10.0.0.1' }], full);
  return explanationLines(explanation, { machineOf, full, hasColour: false });
}

test('machines that say the same share a line, the most first', () => {
  const machines = [
    ...many(4, 'refuses', () => 'MachineMetadata wants az=b, the machine has no az'),
    ...many(312, 'refuses', () => 'MachineMetadata wants az=b, the machine has az=a', 100),
    ...many(2, 'away', () => 'musterd was stopped there', 900),
  ];
  expect(lines({ machines })).toEqual([
    'web.service is pending: no machine can take it',
    'MACHINE       VERDICT  REASON',
    '312 machines  refuses  MachineMetadata wants az=b, the machine has az=a',
    '4 machines    refuses  MachineMetadata wants az=b, the machine has no az',
    '00000384...   away     musterd was stopped there',
    '00000385...   away     musterd was stopped there',
  ]);
});

test('the machine that has it comes first; ids in sentences are shown as elsewhere', () => {
  expect(
    lines({
      status: 'placed',
      reason: `it is on ${id(1)}: machine ${id(2)} is gone`,
      notes: [`it has failed on ${id(1)} (1/FAILURE)`],
      machines: [
        { machine: id(0), verdict: 'able', reason: 'it could run there as well' },
        { machine: id(1), verdict: 'holds', reason: `machine ${id(2)} is gone` },
      ],
    }),
  ).toEqual([
    'web.service is placed: it is on 00000001.../10.0.0.1: machine 00000002... is gone',
    '  note: it has failed on 00000001.../10.0.0.1 (1/FAILURE)',
    'MACHINE               VERDICT  REASON',
    '00000001.../10.0.0.1  holds    machine 00000002... is gone',
    '00000000...           able     it could run there as well',
  ]);
});

test('reasons that differ only in numbers share a line as well', () => {
  const machines = many(50, 'refuses', (n) => `web@${n}.service is there`);
  expect(lines({ machines })).toEqual([
    'web.service is pending: no machine can take it',
    'MACHINE      VERDICT  REASON',
    '50 machines  refuses  web@0.service is there, or the like',
  ]);
});

test('of many different reasons the first are shown, and how many machines are left', () => {
  const word = (n: number): string => String.fromCharCode(97 + (n % 26), 97 + Math.floor(n / 26));
  const machines = many(50, 'refuses', (n) => `${word(n)}.service is there`);
  const shown = lines({ machines });
  expect(shown).toHaveLength(23);
  expect(shown.at(-1)).toBe('and 30 more machines for other reasons; --full shows them');
});

test('--full has a line for each machine, with its whole id', () => {
  const machines = many(50, 'refuses', () => 'no');
  const shown = lines({ machines }, true);
  expect(shown).toHaveLength(52);
  expect(shown[2]).toBe(`${id(0)}                    refuses  no`);
});

test('a unit that no machine says anything of has no table', () => {
  expect(lines({ status: 'template', reason: 'a template does not run' })).toEqual([
    'web.service is a template: a template does not run',
  ]);
});
