import { readFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { MusterError } from '@muster/core';
import type { Machine } from '@muster/core';
import { readFileIfPresent } from './atomic-file.ts';
import { errorCode } from './error-code.ts';
import { version } from './version.ts';

/** What a machine says about itself, apart from what its configuration and the store add. */
export type Facts = Pick<Machine, 'id' | 'bootId' | 'hostname' | 'address' | 'version'>;

/** Something every machine has is missing here. */
class FactsError extends MusterError {
  readonly code = 'facts';
}

/**
 * @param configuredAddress — wins over the address of the default route; null: not configured
 * @throws {FactsError}
 */
export async function readFacts(configuredAddress: string | null): Promise<Facts> {
  return {
    id: await readMachineId(),
    bootId: await readBootId(),
    hostname: hostname(),
    address: await readAddress(configuredAddress),
    version,
  };
}

/** @param configured — wins over the address of the default route; null: not configured */
export async function readAddress(configured: string | null): Promise<string | null> {
  return configured ?? (await readDefaultAddress());
}

async function readMachineId(): Promise<string> {
  const path = '/etc/machine-id';
  const text = await readFileIfPresent(path);
  if (text === null) {
    throw new FactsError(`${path} does not exist; systemd-machine-id-setup makes one`);
  }
  return parseMachineId(text, path);
}

/** @throws {FactsError} for anything but machine-id(5) */
export function parseMachineId(text: string, path: string): string {
  const id = text.trim();
  if (/^[0-9a-f]{32}$/.test(id) && !/^0+$/.test(id)) return id;
  const what = id === '' ? 'is empty' : `has ${JSON.stringify(id.slice(0, 40))}`;
  const remedy = 'systemd-machine-id-setup makes a right one';
  throw new FactsError(`${path} ${what} where 32 hexadecimal digits belong; ${remedy}`);
}

/** In a container of systemd-nspawn this is the container's own: nspawn mounts a new one at each start. */
async function readBootId(): Promise<string> {
  const path = '/proc/sys/kernel/random/boot_id';
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    throw new FactsError(`cannot read ${path} (${errorCode(error)})`, { cause: error });
  }
}

async function readDefaultAddress(): Promise<string | null> {
  const routes = await readFileIfPresent('/proc/net/route');
  const name = routes === null ? null : defaultRouteInterface(routes);
  if (name === null) return null;
  const address = networkInterfaces()[name]?.find(({ family }) => family === 'IPv4');
  return address?.address ?? null;
}

/**
 * The network interface of the IPv4 default route, of the one with the lowest metric when there
 * are several; null when there is none.
 * @param routes — as /proc/net/route has them
 */
export function defaultRouteInterface(routes: string): string | null {
  const isUp = 1;
  let best: { readonly name: string; readonly metric: number } | null = null;
  for (const line of routes.split('\n').slice(1)) {
    const [name, destination, , flags, , , metric, mask] = line.trim().split(/\s+/);
    if (name === undefined || destination !== '00000000' || mask !== '00000000') continue;
    if ((Number.parseInt(flags ?? '', 16) & isUp) === 0) continue;
    const candidate = { name, metric: Number(metric) };
    if (best === null || candidate.metric < best.metric) best = candidate;
  }
  return best?.name ?? null;
}
