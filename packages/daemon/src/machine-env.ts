import { join } from 'node:path';
import type { Machine, MachineSettings, Metadata } from '@muster/core';
import { readFileIfPresent, writeFileAtomically } from './atomic-file.ts';

/**
 * What units learn about their machine, as systemd.exec(5) reads an `EnvironmentFile=`:
 * `MUSTER_MACHINE_ID`, `MUSTER_MACHINE_NAME`, `MUSTER_MACHINE_ADDRESS` (missing when it is not
 * known) and `MUSTER_METADATA_<KEY>`. Keys are upper-cased, and what a variable's name cannot have
 * becomes `_`; of two keys that become one, the first in the alphabet counts.
 * @param settings — laid over the machine's own metadata; null: nothing was set by hand
 */
export function machineEnvironment(
  machine: Pick<Machine, 'id' | 'hostname' | 'address' | 'metadata'>,
  settings: Pick<MachineSettings, 'metadata'> | null,
): string {
  const variables = new Map([
    ['MUSTER_MACHINE_ID', machine.id],
    ['MUSTER_MACHINE_NAME', machine.hostname],
  ]);
  if (machine.address !== null) variables.set('MUSTER_MACHINE_ADDRESS', machine.address);
  const metadata: Metadata | MachineSettings['metadata'] = {
    ...machine.metadata,
    ...settings?.metadata,
  };
  for (const key of Object.keys(metadata).toSorted()) {
    const value = metadata[key] ?? null;
    const name = `MUSTER_METADATA_${key.toUpperCase().replaceAll(/[^A-Z0-9_]/g, '_')}`;
    if (value !== null && !variables.has(name)) variables.set(name, value);
  }
  return [...variables].map(([name, value]) => `${name}=${quote(value)}\n`).join('');
}

/** Within double quotes systemd takes everything as it is but these four. */
function quote(value: string): string {
  return `"${value.replaceAll(/["\\`$]/g, '\\$&')}"`;
}

/** Keeps `machine.env` in the runtime directory, readable by all, as it should be. */
export class MachineEnvFile {
  readonly path: string;

  constructor(runtimeDirectory: string) {
    this.path = join(runtimeDirectory, 'machine.env');
  }

  /** @returns whether the file had to be written */
  async update(content: string): Promise<boolean> {
    if ((await readFileIfPresent(this.path)) === content) return false;
    await writeFileAtomically(this.path, content, 0o644);
    return true;
  }
}
