import { InvalidInputError } from '@muster/core';
import type { ClusterSnapshot, Clock, Origin, Revision, UnitRegistry } from '@muster/core';
import { HttpError } from './http-error.ts';
import { patchMetadata } from './metadata.ts';

export interface MetadataWriter {
  readonly units: UnitRegistry;
  readonly clock: Clock;
  /** Who asks for it. */
  readonly origin: Origin;
  /** Aborts when the caller is gone. */
  readonly signal: AbortSignal;
}

export interface WrittenMetadata {
  /** What the operator has set altogether; null hides a key of the machine's own configuration. */
  readonly metadata: Readonly<Record<string, string | null>>;
  /** false: no machine of this id is there; what was written waits for it. */
  readonly isPresent: boolean;
  readonly revision: Revision;
}

/** How often settings that somebody else changed meanwhile are read anew. */
const maxAttempts = 5;
/** As JSON. One record of the store holds all of a machine's, and takes no more than 1.5 MiB. */
const maxMetadataBytes = 256 * 1024;

/**
 * What the operator has set for a machine, with a patch.
 * @throws {InvalidInputError} when it is too much to be kept
 */
export function metadataAfter(
  { machines, settings }: ClusterSnapshot,
  id: string,
  patch: ReadonlyMap<string, string | null>,
): WrittenMetadata['metadata'] {
  const metadata = patchMetadata(machines.get(id) ?? null, settings.get(id), patch);
  const bytes = Buffer.byteLength(JSON.stringify(metadata));
  if (bytes <= maxMetadataBytes) return metadata;
  throw new InvalidInputError(
    `the metadata set for machine ${id} would take ${bytes} bytes, more than the ${maxMetadataBytes} that are kept`,
  );
}

/**
 * Changes what the operator set for one machine, all keys at once.
 * @throws {InvalidInputError} when it is too much to be kept
 * @throws {HttpError} 409 when others keep changing it; nothing was written then
 */
export async function writeMetadata(
  { units, clock, origin, signal }: MetadataWriter,
  id: string,
  patch: ReadonlyMap<string, string | null>,
): Promise<WrittenMetadata> {
  const view = await units.cluster();
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const snapshot = view.snapshot();
    const settings = snapshot.settings.get(id);
    const metadata = metadataAfter(snapshot, id, patch);
    const written = await units.writeSettings(
      { ...settings, machine: id, metadata, origin },
      settings?.modRevision ?? 0,
    );
    if (written.type === 'written') {
      return { metadata, isPresent: snapshot.machines.has(id), revision: written.revision };
    }
    // The view is a little behind what made it fail.
    await clock.sleep(100, signal);
  }
  throw new HttpError(
    409,
    'conflict',
    `the settings of ${id} are being changed by others, try again`,
  );
}
