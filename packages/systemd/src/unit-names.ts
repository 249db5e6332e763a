/** A unit's D-Bus object path. @see sd_bus_path_encode(3) */
export function unitPath(name: string): string {
  const bytes = [...Buffer.from(name)];
  const encoded = bytes.map((byte, index) => {
    const char = String.fromCharCode(byte);
    const isPlain = /[A-Za-z]/.test(char) || (index > 0 && /[0-9]/.test(char));
    return isPlain ? char : `_${byte.toString(16).padStart(2, '0')}`;
  });
  return `/org/freedesktop/systemd1/unit/${encoded.join('')}`;
}

/** `service` of `web@1.service`; '' when there is none. */
export function unitType(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** `web@.service` of `web@1.service`; null when it is not an instance. */
export function templateOf(name: string): string | null {
  const at = name.indexOf('@');
  const dot = name.lastIndexOf('.');
  if (at < 1 || dot <= at + 1) return null;
  return name.slice(0, at + 1) + name.slice(dot);
}

/** The interface that has `Result`; null for types that have none. */
export function resultInterface(name: string): string | null {
  const type = unitType(name);
  if (!withResult.has(type)) return null;
  return `org.freedesktop.systemd1.${type.slice(0, 1).toUpperCase()}${type.slice(1)}`;
}

const withResult = new Set([
  'service',
  'socket',
  'timer',
  'path',
  'mount',
  'automount',
  'swap',
  'scope',
]);
