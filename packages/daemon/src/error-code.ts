import { isNativeError } from 'node:util/types';

/** Node's code of a failed system call (`ENOENT`, …); for anything else its text. */
export function errorCode(error: unknown): string {
  return isNativeError(error) && 'code' in error ? String(error.code) : String(error);
}
