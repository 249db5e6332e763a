import { randomBytes } from 'node:crypto';

/** A text that nobody else makes: 96 random bits in hex. */
export function newNonce(): string {
  return randomBytes(12).toString('hex');
}
