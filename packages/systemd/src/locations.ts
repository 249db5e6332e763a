import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { InvalidInputError } from '@muster/core';
import type { MachineNames } from '@muster/core';

/** Which systemd of the machine is meant. */
export type ManagerKind = 'system' | 'user';

/** The environment of this process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** @throws {InvalidInputError} */
export function defaultBusAddress(manager: ManagerKind, env: Environment): string {
  if (manager === 'system') {
    return env['DBUS_SYSTEM_BUS_ADDRESS'] ?? 'unix:path=/run/dbus/system_bus_socket';
  }
  return env['DBUS_SESSION_BUS_ADDRESS'] ?? `unix:path=${runtimeDirectory(env)}/bus`;
}

/** Of the load path, and forgotten at reboot. @throws {InvalidInputError} */
export function defaultUnitDirectory(manager: ManagerKind, env: Environment): string {
  return manager === 'system' ? '/run/systemd/system' : `${runtimeDirectory(env)}/systemd/user`;
}

/** Where the manager keeps what a reboot forgets. @throws {InvalidInputError} */
export function defaultRuntimeDirectory(manager: ManagerKind, env: Environment): string {
  return manager === 'system' ? '/run' : runtimeDirectory(env);
}

/** The machine-id is '' where there is none. */
export function namesOfThisMachine(): MachineNames {
  let machineId = '';
  try {
    machineId = readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    // Only units that name it are concerned; musterd itself says so when it starts.
  }
  return { hostname: hostname(), machineId };
}

function runtimeDirectory(env: Environment): string {
  const directory = env['XDG_RUNTIME_DIR'];
  if (directory !== undefined && directory !== '') return directory;
  throw new InvalidInputError(
    'XDG_RUNTIME_DIR is not set, so the systemd user manager of this session cannot be found',
  );
}
