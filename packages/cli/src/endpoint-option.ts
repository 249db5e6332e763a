import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { ClientTls } from '@muster/api/client';
import type { Context } from './context.ts';
import { UsageError } from './errors.ts';
import { fileProblem } from './file-problem.ts';
import type { ProgramName } from './program-name.ts';
import type { Destination } from './ssh-arguments.ts';

/** Options about the API that every verb takes; commander reads them on either side of the verb. */
export interface EndpointOptions {
  readonly endpoint?: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** fleetctl's, as those with Etcd. */
  readonly driver?: string;
  readonly etcdCafile?: string;
  readonly etcdCertfile?: string;
  readonly etcdKeyfile?: string;
  /** Present: the endpoint is one of another host. */
  readonly tunnel?: Destination;
}

const defaultEndpoint = 'unix:/run/muster/muster.sock';
const fleetEndpoint = 'unix:///var/run/fleet.sock';

/** As the help has them. */
export const defaultEndpoints: Readonly<Record<ProgramName, string>> = {
  musterctl: defaultEndpoint,
  fleetctl: `${fleetEndpoint}, or ${defaultEndpoint} where that does not exist`,
};

/**
 * The endpoint that command line and environment name, else the socket of this machine. As fleetctl,
 * `file://` is `unix://` and of a list with commas the first counts.
 */
export function chooseEndpoint(
  { endpoint, driver, tunnel }: EndpointOptions,
  { environment, programName, terminal }: Pick<Context, 'environment' | 'programName' | 'terminal'>,
): string {
  if (driver !== undefined) refuseDriver(driver);
  // Which sockets that host has is not known here; this one is there by default.
  if (endpoint === undefined && tunnel !== undefined) return defaultEndpoint;
  if (programName === 'musterctl') return endpoint ?? findSocket(environment);
  if (endpoint === undefined) {
    return isThere(fleetEndpoint) ? fleetEndpoint : findSocket(environment);
  }
  const [first = '', ...others] = endpoint.split(',');
  if (others.length > 0) {
    terminal.complain(`warning: of the endpoints only the first is used: ${first}`);
  }
  return first.trim().replace(/^file:/, 'unix:');
}

/** null: neither authority nor certificate is named. @throws {UsageError} */
export function readTls(options: EndpointOptions): ClientTls | null {
  const ca = options.caFile ?? options.etcdCafile;
  const cert = options.certFile ?? options.etcdCertfile;
  const key = options.keyFile ?? options.etcdKeyfile;
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError('--cert-file and --key-file belong together');
  }
  if (ca === undefined && cert === undefined) return null;
  return {
    ...(ca === undefined ? {} : { ca: readPem(ca) }),
    ...(cert === undefined ? {} : { cert: readPem(cert) }),
    ...(key === undefined ? {} : { key: readPem(key) }),
  };
}

/** The system's daemon, or the user's own where only that runs. */
function findSocket(environment: Context['environment']): string {
  const runtimeDir = environment['XDG_RUNTIME_DIR'];
  if (runtimeDir === undefined || isThere(defaultEndpoint)) return defaultEndpoint;
  const own = `unix:${path.join(runtimeDir, 'muster', 'muster.sock')}`;
  return isThere(own) ? own : defaultEndpoint;
}

function isThere(endpoint: string): boolean {
  return existsSync(endpoint.replace(/^unix:(?:\/\/)?/, ''));
}

function refuseDriver(driver: string): void {
  switch (driver.toLowerCase()) {
    case 'api':
      return;
    case 'etcd':
      throw new UsageError(
        '--driver=etcd is not possible: muster keeps its data in another form; leave it away, and name the API with --endpoint',
      );
    default:
      throw new UsageError(`unrecognized driver "${driver}"`);
  }
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`cannot read ${file}: ${fileProblem(cause).text}`, { cause });
  }
}
