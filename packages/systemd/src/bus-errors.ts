import { SystemdRefusedError, SystemdUnavailableError } from '@muster/core';

/** D-Bus errors that say that nobody answered, so that nothing is known of what was asked. */
const unavailable = new Set(
  [
    'NoReply',
    'Disconnected',
    'Timeout',
    'TimedOut',
    'ServiceUnknown',
    'NameHasNoOwner',
    'NoServer',
    'NoNetwork',
    'LimitsExceeded',
    'NoMemory',
  ].map((name) => `org.freedesktop.DBus.Error.${name}`),
);

/**
 * A D-Bus error in our words.
 * @param what - what was asked for, as in `StartUnit a.service`
 */
export function busError(
  what: string,
  error: { readonly name: string; readonly text: string },
): SystemdRefusedError | SystemdUnavailableError {
  const said = error.text === '' ? error.name : error.text.replace(/\.$/, '');
  if (unavailable.has(error.name) || error.name.startsWith('org.freedesktop.DBus.Error.Spawn.')) {
    return new SystemdUnavailableError(`systemd did not answer ${what}: ${said}`);
  }
  return new SystemdRefusedError(error.name, `systemd refused ${what}: ${said}`);
}

/** systemd's way to say that there is no such unit, or that it is not loaded. */
export function isNoSuchUnit(error: unknown): boolean {
  return (
    error instanceof SystemdRefusedError && error.dbusName === 'org.freedesktop.systemd1.NoSuchUnit'
  );
}
