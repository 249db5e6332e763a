import { locateOptions } from '@muster/core';
import { lineOf, verifyUnit } from './verify-unit.ts';
import type { Finding } from './verify-unit.ts';

const error = (line: number | null, message: string): Finding => ({
  line,
  severity: 'error',
  message,
});
const service = '[Service]\nExecStart=/bin/true\n';

test.each<[string, string, string, Finding[]]>([
  ['a good file', 'web.service', service, []],
  [
    'a name that belongs to the host',
    'systemd-web.service',
    service,
    [error(null, 'systemd-web.service belongs to systemd on every machine')],
  ],
  [
    'a name that is none',
    'we b.service',
    service,
    [error(null, "invalid character ' ' in unit name")],
  ],
  [
    'a line that is no option',
    'web.service',
    `# \n${service}nonsense\n`,
    [error(4, '"nonsense" is no option: it has no "="')],
  ],
  ['no options', 'a.target', '\n', [error(null, 'the unit file holds no options')]],
  [
    'options that exclude each other, and one that is unknown',
    'web.service',
    `${service}\n[X-Fleet]\nConflict=a\nGlobal=true\nMachineOf=db.service\n`,
    [
      error(
        5,
        'Conflict in [X-Fleet] is not known and has no effect; the nearest known option is Conflicts',
      ),
      error(6, 'Global cannot be used with Peers'),
    ],
  ],
  [
    'a warning is no problem',
    'web.service',
    `[Unit]\nDescription=a\nRequires=db.service\n${service}`,
    [
      {
        line: 3,
        severity: 'warning',
        message:
          'Requires=db.service without MachineOf=db.service: if it is a unit of the cluster it may be on another machine',
      },
    ],
  ],
])('%s', (_, name, text, findings) => {
  expect(verifyUnit(name, text)).toEqual(findings);
});

const located = [
  ...locateOptions(`[Unit]
Conflicts=a.service
Requires=b.service

[Service]
ExecStart=/bin/true

[X-Fleet]
Conflicts=c.service
MachineOf=b.service
[Odd]
Conflicts=x
[X-Fleet]
Ports=80 81
Ports=8080 "x-1, 8"
`),
];

test.each([
  ['Conflicts is wrong', 9],
  ['Conflicts of [Unit] is wrong', 2],
  ['a.service is in MachineOf and in Conflicts of [Unit]', 10],
  ['systemd ignores section [Odd] in a .service unit', 12],
  ['systemd ignores section [None] in a .service unit', null],
  ['systemd refuses a service without ExecStop=', null],
  ['Requires=b.service without MachineOf=b.service', 3],
  ['Ports=8 is wrong', 15],
  ['Ports=x-1 is wrong', 15],
  ['Ports=81 is wrong', 14],
  ['Ports=1 is not as the file has it', 14],
  ['Ports is wrong', 14],
])('"%s" is about line %p', (message, line) => {
  expect(lineOf(message, located)).toBe(line);
});
