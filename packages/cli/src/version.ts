/** Put in by the bundler from package.json. */
declare const MUSTER_VERSION: string | undefined;

export const version: string =
  typeof MUSTER_VERSION === 'string' ? MUSTER_VERSION : '0.0.0-unbundled';
