import { ApiError, UnreachableError } from '@muster/api/client';

/** Whether musterd, its store or the machine it asks was not there: it may be when asked again. */
export function isAway(error: unknown): error is ApiError | UnreachableError {
  if (error instanceof UnreachableError) return true;
  return error instanceof ApiError && (error.status === 502 || error.status === 503);
}
