import { SystemdUnavailableError } from '@muster/core';

/** What systemd answers is what it says in its interface; anything else is no answer. */
export function asArray(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new SystemdUnavailableError('systemd answered with something that is not a list');
}

export function asString(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new SystemdUnavailableError('systemd answered with something that is not a text');
}
