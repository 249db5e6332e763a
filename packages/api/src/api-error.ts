import type { ErrorBody } from './wire.ts';

/** The API answered with an error. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: string;
  /** Which units of the request are at fault; empty when the fault is not about units. */
  readonly units: NonNullable<ErrorBody['error']['units']>;

  /** With the code `compacted`: the revision after which events are kept; else null. */
  readonly oldest: number | null;

  constructor(status: number, body: ErrorBody) {
    super(body.error.message);
    this.status = status;
    this.code = body.error.code;
    this.units = body.error.units ?? [];
    this.oldest = body.error.oldest ?? null;
  }
}
