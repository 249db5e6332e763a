import type { ProgramName } from './program-name.ts';

/** Put in by the bundler from package.json. */
declare const MUSTER_VERSION: string | undefined;

export const version: string =
  typeof MUSTER_VERSION === 'string' ? MUSTER_VERSION : '0.0.0-unbundled';

/** fleetctl names the release whose behaviour it has: scripts ask for a least version. */
export function versionLine(programName: ProgramName): string {
  return programName === 'fleetctl'
    ? `fleetctl version 1.0.0 (muster ${version})`
    : `musterctl version ${version}`;
}
