import { checkUnitFile } from './check-unit-file.ts';
import { parseUnitFile } from './unit-file.ts';

const service = '[Service]\nExecStart=/bin/true\n';

test.each([
  ['no option', '# nothing\n', 'a.service', ['the unit file holds no options']],
  [
    'requirements',
    `${service}[X-Fleet]\nGlobal=1\nMachineOf=b.service\n`,
    'a.service',
    ['Global cannot be used with Peers'],
  ],
  [
    'a type without files',
    '[Unit]\nDescription=a\n',
    'a.scope',
    ['systemd has no unit files of type "scope"'],
  ],
  [
    'a type that nobody can start',
    '[Unit]\nDescription=a\n',
    'a.device',
    ['systemd starts no .device unit: it makes one itself when the device appears'],
  ],
  [
    'an alias that cannot be',
    `${service}[Install]\nAlias=dbus.service\n`,
    'a.service',
    ['Alias=dbus.service: dbus.service belongs to D-Bus on every machine'],
  ],
  [
    'too large',
    `${service}ExecStop=${'x'.repeat(600_000)}\n`,
    'a.service',
    ['the unit file has 600040 bytes; the most is 524288'],
  ],
])('refused: %s', (_, text, name, problems) => {
  expect(checkUnitFile(parseUnitFile(text), name).problems).toEqual(problems);
});

test('options that no unit file can hold are refused', () => {
  const options = [{ section: 'Service', name: 'ExecStart', value: 'a\n[Install]' }];
  expect(checkUnitFile({ options }, 'a.service').problems).toEqual([
    'option "ExecStart" in section "Service" does not read back as it was given',
  ]);
});

test.each([
  ['an ordinary service', service, 'a.service', []],
  [
    'a oneshot that only stops',
    '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStop=/bin/true\n',
    'a.service',
    [],
  ],
  ['the same without Type=', '[Service]\nRemainAfterExit=1\nExecStop=/bin/true\n', 'a.service', []],
  ['only SuccessAction=', '[Unit]\nSuccessAction=exit\n', 'a.service', []],
  [
    'no command',
    '[Service]\nRestart=always\n',
    'a.service',
    ['systemd refuses a service without ExecStart='],
  ],
  [
    'a simple service that only stops',
    '[Service]\nType=simple\nExecStop=/bin/true\n',
    'a.service',
    ['systemd refuses a service without ExecStart='],
  ],
  [
    'a command taken back',
    `${service}ExecStart=\n`,
    'a.service',
    ['systemd refuses a service without ExecStart='],
  ],
  ['a timer', '[Timer]\nOnBootSec=1\n', 'a.timer', []],
  [
    'a timer that never fires',
    '[Timer]\nPersistent=true\n',
    'a.timer',
    ['systemd refuses a timer without an On… option'],
  ],
  ['a socket', '[Socket]\nListenStream=1\n', 'a.socket', []],
  [
    'a socket on nothing',
    '[Socket]\nAccept=no\n',
    'a.socket',
    ['systemd refuses a socket without a Listen… option'],
  ],
  [
    'a path unit of nothing',
    '[Path]\nUnit=b.service\n',
    'a.path',
    ['systemd refuses a path unit that watches no path'],
  ],
  ['a target', '[Unit]\nDescription=a\n', 'a.target', []],
  [
    'a section of another type',
    `${service}[Timer]\nOnBootSec=1\n`,
    'a.service',
    ['systemd ignores section [Timer] in a .service unit'],
  ],
  [
    'sections that systemd leaves to others',
    `${service}[X-Other]\na=b\n[Install]\nWantedBy=c.target\n`,
    'a.service',
    [],
  ],
])('warned: %s', (_, text, name, warnings) => {
  expect(checkUnitFile(parseUnitFile(text), name)).toEqual({ problems: [], warnings });
});
