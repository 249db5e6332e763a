import type { Machine, MachineSettings, Metadata } from '@muster/core';

/** Charset of keys as fleet has it. */
export function isMetadataKey(key: string): boolean {
  return /^[A-Za-z0-9_.-]{1,128}$/.test(key);
}

/** One line of text. */
export function isMetadataValue(value: string): boolean {
  return /^[^\p{Cc}]{1,1024}$/u.test(value);
}

/** A machine's own metadata with what the operator set laid over it. */
export function mergedMetadata(machine: Machine, settings: MachineSettings | undefined): Metadata {
  if (settings === undefined) return machine.metadata;
  const merged = new Map(Object.entries(machine.metadata));
  for (const [key, value] of Object.entries(settings.metadata)) {
    if (value === null) merged.delete(key);
    else merged.set(key, value);
  }
  return Object.fromEntries(merged);
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
  // A Map: to assign to a key `__proto__` of an object would lose it.
  const patched = new Map(Object.entries(settings?.metadata ?? {}));
  for (const [key, value] of patch) {
    if (value === null && machine !== null && !Object.hasOwn(machine.metadata, key)) {
      patched.delete(key);
    } else {
      patched.set(key, value);
    }
  }
  return Object.fromEntries(patched);
}
