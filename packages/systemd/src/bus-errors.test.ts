import { SystemdRefusedError, SystemdUnavailableError } from '@muster/core';
import { busError, isNoSuchUnit } from './bus-errors.ts';

test.each([
  'org.freedesktop.DBus.Error.NoReply',
  'org.freedesktop.DBus.Error.Disconnected',
  'org.freedesktop.DBus.Error.ServiceUnknown',
  'org.freedesktop.DBus.Error.Spawn.ExecFailed',
])('%s means that nobody answered', (name) => {
  expect(busError('StartUnit a.service', { name, text: 'gone.' })).toEqual(
    new SystemdUnavailableError('systemd did not answer StartUnit a.service: gone'),
  );
});

test('any other error is a refusal, in one sentence with what was asked', () => {
  const name = 'org.freedesktop.systemd1.NoSuchUnit';
  const error = busError('StartUnit a.service', { name, text: 'Unit a.service not found.' });
  expect(error).toBeInstanceOf(SystemdRefusedError);
  expect(error).toMatchObject({
    dbusName: name,
    message: 'systemd refused StartUnit a.service: Unit a.service not found',
  });
  expect(isNoSuchUnit(error)).toBe(true);
  expect(isNoSuchUnit(busError('x', { name: 'org.example.Other', text: '' }))).toBe(false);
});
