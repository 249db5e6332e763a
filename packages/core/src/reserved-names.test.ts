import { reservedNameProblem } from './reserved-names.ts';

test.each([
  ['systemd-journald.service', 'systemd'],
  ['systemd-journald.socket', 'systemd'],
  ['systemd-journald@x.socket', 'systemd'],
  ['systemd-logind', 'systemd'],
  ['dbus.service', 'D-Bus'],
  ['dbus.socket', 'D-Bus'],
  ['dbus-org.freedesktop.login1.service', 'D-Bus'],
  ['musterd.service', 'muster'],
  ['muster.service', 'muster'],
  ['muster.slice', 'muster'],
  ['muster-guard@x.timer', 'muster'],
  ['-.slice', 'systemd'],
  ['-.mount', 'systemd'],
  ['init.scope', 'systemd'],
  ['system.slice', 'systemd'],
  ['user-1000.slice', 'systemd'],
  ['user@1000.service', 'systemd'],
  ['getty@tty1.service', 'systemd'],
  ['getty@.service', 'systemd'],
  ['serial-getty@ttyS0.service', 'systemd'],
  ['multi-user.target', 'systemd'],
  ['sysinit.target', 'systemd'],
  ['basic.target', 'systemd'],
  ['shutdown.target', 'systemd'],
  ['reboot.target', 'systemd'],
  ['poweroff.target', 'systemd'],
  ['network-online.target', 'systemd'],
  ['runlevel3.target', 'systemd'],
  ['blockdev@sda.target', 'systemd'],
])('%s belongs to %s', (name, owner) => {
  expect(reservedNameProblem(name)).toBe(`${name} belongs to ${owner} on every machine`);
});

test.each([
  'ssh.service',
  'web@1.service',
  'getty.service',
  'user.service',
  'network.service',
  'reboot.service',
  'dbus-proxy.service',
  'musterroll.service',
  'app.slice',
  'my.target',
  'default.service',
])('%s is free', (name) => {
  expect(reservedNameProblem(name)).toBeNull();
});
