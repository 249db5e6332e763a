import path from 'node:path';

/**
 * What this program was called. By the name `fleetctl` it takes that program's options and
 * environment, and prints its tables and lines.
 */
export type ProgramName = 'musterctl' | 'fleetctl';

/** @param script - path of the script as it was called; a link is not followed */
export function programNameOf(script: string | undefined): ProgramName {
  return /^fleetctl(?:\.[cm]?js)?$/.test(path.basename(script ?? '')) ? 'fleetctl' : 'musterctl';
}
