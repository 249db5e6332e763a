import { readFile } from 'node:fs/promises';
import type { TlsMaterial } from '@muster/api';
import type { ApiTls, EtcdTls } from './config-model.ts';

export async function readApiTls(paths: ApiTls): Promise<TlsMaterial> {
  const [ca, cert, key] = await Promise.all([
    readFile(paths.ca, 'utf8'),
    readFile(paths.cert, 'utf8'),
    readFile(paths.key, 'utf8'),
  ]);
  return { ca, cert, key };
}

export async function readEtcdTls(
  paths: EtcdTls,
): Promise<{ ca: Buffer; cert?: Buffer; key?: Buffer }> {
  const ca = await readFile(paths.ca);
  if (paths.client === null) return { ca };
  return { ca, cert: await readFile(paths.client.cert), key: await readFile(paths.client.key) };
}
