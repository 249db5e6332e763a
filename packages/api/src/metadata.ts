import type { Machine, MachineSettings, Metadata } from '@muster/core';

/** A machine's own metadata with what the operator set laid over it. */
export function mergedMetadata(machine: Machine, settings: MachineSettings | undefined): Metadata {
  if (settings === undefined) return machine.metadata;
  const merged: Record<string, string> = { ...machine.metadata };
  for (const [key, value] of Object.entries(settings.metadata)) {
    if (value === null) delete merged[key];
    else merged[key] = value;
  }
  return merged;
}

/**
 * The operator's metadata after a patch. Removing a key that the machine's own configuration has,
 * or may have because the machine is not there to tell, keeps a null that hides it.
 * @param machine - null: it is not present
 */
export function patchMetadata(
  machine: Machine | null,
  settings: MachineSettings | undefined,
  patch: ReadonlyMap<string, string | null>,
): Readonly<Record<string, string | null>> {
  const patched: Record<string, string | null> = { ...settings?.metadata };
  for (const [key, value] of patch) {
    if (value === null && machine !== null && !Object.hasOwn(machine.metadata, key)) {
      delete patched[key];
    } else {
      patched[key] = value;
    }
  }
  return patched;
}
