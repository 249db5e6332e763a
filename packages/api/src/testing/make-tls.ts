import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TlsMaterial } from '../forwarder.ts';

/**
 * For tests: a CA of its own with one certificate for 127.0.0.1 that serves both sides.
 * @param directory - where the files NAME.ca, NAME.crt and NAME.key are left
 */
export function makeTls(directory: string, name: string): TlsMaterial {
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
  };
  const read = (file: string): string => readFileSync(path.join(directory, file), 'utf8');
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const [ca, key, csr, cert] = [`${name}.ca`, `${name}.key`, `${name}.csr`, `${name}.crt`];
  openssl('req', '-x509', ...curve, '-keyout', `${ca}.key`, '-out', ca, '-subj', `/CN=${name}-ca`);
  openssl('req', ...curve, '-keyout', key, '-out', csr, '-subj', `/CN=${name}`);
  writeFileSync(path.join(directory, 'san'), 'subjectAltName=IP:127.0.0.1');
  const signed = ['-CA', ca, '-CAkey', `${ca}.key`, '-CAcreateserial', '-extfile', 'san'];
  openssl('x509', '-req', '-in', csr, ...signed, '-out', cert);
  return { ca: read(ca), cert: read(cert), key: read(key) };
}
